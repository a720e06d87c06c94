"""The things to play with in the chapters: where they stand, and the data behind them, made with the library when the site is built.

A widget is a plain script in docs/widgets. It finds its place on the page by name, and what it shows comes from a folder of data beside it.
"""
import hashlib
import json
import shutil
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = HERE/"_cache"

# page: (name of the widget, the heading it stands before, what it is, the picture where scripts are off)
PLACES = {
    "geometry": ("align", "## What it promises", "Play: find the scale and the shift",
        "A relative map of the motorcycle, and a straight line that turns it into distances: drag the line's two numbers and watch the errors. Whichever line you choose, the order of "
        "the points stays what it was; metres come from the line alone."),
    "data.sampling": ("pairs", "## What it promises", "Play: the pair lab",
        "Click two points and read the label they get. Let a sampler draw pairs, move $\\sigma$, and watch how many of them count as equal. Then label twenty pairs yourself: your share of "
        "wrong ones is shown beside the network's and beside that of the rule that lower is nearer."),
    "loss_microscope": ("microscope", "## And by rows: which one when?", "Play: the microscope",
        "Choose a mistake and its strength. Every bar is the price that a loss or a score asks for it, between the truth at 0 and a grey map at 1; choose a bar to see where that loss would "
        "push the map: red pixels should come nearer, blue ones go back."),
}


def place(page):
    "(heading, the MyST that goes before it) of a page's widget; None where there is none"
    if page not in PLACES: return None
    name, heading, title, text = PLACES[page]
    picture = '<img src="_static/widgets/data/bike.jpg" width="370" height="250" alt="A motorcycle in a garage: the photograph that this is about">'
    return heading, f'## {title}\n\n{text}\n\n<div class="widget" id="play-{name}">{picture}<p>This needs scripts, which are off.</p></div>\n<link rel="stylesheet" href="_static/widgets/widgets.css">\n<script type="module" src="_static/widgets/{name}.js"></script>\n\n'


# The data -------------------------------------------------------------------------------------------------------------

def cells(notebook, last):
    "What the cells of a chapter define, run up to and with the cell `last`"
    import matplotlib
    matplotlib.use("agg")
    space = {"__name__": "chapter"}
    for c in json.loads((ROOT/"nbs"/notebook).read_text(encoding="utf-8"))["cells"]:
        source = "".join(c["source"])
        if c["cell_type"] == "code" and "#| hide" not in source: exec(compile(source, f"{notebook} {c['id']}", "exec"), space)
        if c["id"] == last: return space
    raise ValueError(f"widgets wants a cell {last} in {notebook}")


def picture(pixels, path, **more):
    "Save an array as a picture, by the name's suffix"
    from PIL import Image
    Image.fromarray(pixels).save(path, **more)


def numbers(values): return [float(f"{o:.4g}") for o in values]


def microscope(out):
    "Prices of every mistake at eleven strengths, and where each loss pushes at four of them"
    import numpy as np
    import torch
    from torch.nn.functional import avg_pool2d
    space = cells("27_loss_microscope.ipynb", "m063")
    mistakes, measures, losses = space["MISTAKES"], space["measures"], space["LOSSES"]
    doses, shown = np.linspace(0, 1, 11), (.25, .5, .75, 1)
    prices = {name: {k: numbers(space["prices"](o, f, space["specimen"](k), doses)) for k, f in mistakes.items()} for name, o in measures.items()}
    maps = {k: [f(space["specimen"](k).target, s) for s in (0, *shown)] for k, f in mistakes.items()}
    grads = {(name, k): [space["pushes"](make(), m, space["specimen"](k), draws=30) for m in maps[k][1:]] for name, make in losses.items() for k in mistakes}
    usual = {name: torch.stack([g.abs().max() for k in mistakes for g in grads[name, k]]).median() for name in losses}
    spread = {f"{name}/{k}": [round(space["spread_over"](g), 3) if g.abs().max() > 1e-3*usual[name] else 0 for g in o] for (name, k), o in grads.items()}
    for k in mistakes:
        sheet = [(avg_pool2d(m, 2)[0, 0].clamp(0, 2)*127.5).round().byte() for m in maps[k]]
        for name in losses:
            for g, some in zip(grads[name, k], spread[f"{name}/{k}"]):
                g = avg_pool2d(g, 2)[0, 0]*bool(some)  # what is left of rounding is no push
                sheet.append(((g/g.abs().flatten().quantile(.95).clamp(min=1e-12)).clamp(-1, 1)*127+128).round().byte())
        picture(torch.cat(sheet).numpy(), out/f"{k}.png", optimize=True)
    for name in ("bike", "street"): picture((space[name].image[0].permute(1, 2, 0)*255).round().byte().numpy(), out/f"{name}-small.jpg", quality=80)
    height, width = np.array(sheet[0].shape).tolist()
    (out/"microscope.json").write_text(json.dumps(dict(doses=numbers(doses), shown=shown, height=height, width=width, losses=list(losses), measures=list(measures),
        mistakes=list(mistakes), specimen={k: "street" if k == "hole" else "bike" for k in mistakes}, prices=prices, spread=spread)), encoding="utf-8")


def uint16(*maps):
    "Maps of values from 0 to 1 as little-endian numbers of 16 bits, one after the other"
    import numpy as np
    return b"".join((np.clip(o, 0, 1)*65535).round().astype("<u2").tobytes() for o in maps)


def pairs(out):
    "Two pictures with their truth, the network's answer, and pairs that each sampler drew"
    import numpy as np
    import torch
    from scipy.ndimage import distance_transform_edt, label
    from skimage.data import stereo_motorcycle

    from depthsense import predict
    from depthsense.data import sample_pairs
    from depthsense.data.sampling import edge_pairs, instance_pairs
    from depthsense.data.scenes import draw_scene
    photo, _, disparity = stereo_motorcycle()
    hole = ~np.isfinite(disparity)
    disparity = disparity[tuple(distance_transform_edt(hole, return_distances=False, return_indices=True))][:500:2, :740:2]
    photo = photo[:500, :740]
    photo = np.ascontiguousarray(photo.reshape(250, 2, 370, 2, 3).mean((1, 3)).round().astype("uint8"))
    target = (disparity-disparity.min())/np.ptp(disparity)
    table = draw_scene(3, "table", (250, 370))
    drawn = np.ascontiguousarray(table["image"].permute(1, 2, 0).numpy())
    depth = table["depth"][0].numpy()
    jump = (abs(np.diff(depth, axis=0, append=depth[-1:]))+abs(np.diff(depth, axis=1, append=depth[:, -1:])))/depth > .05
    things = torch.from_numpy(label(~jump)[0])  # a thing is what hangs together without a jump in depth
    about = {}
    for name, image, truth, labels in (("bike", photo, target, None), ("table", drawn, table["target"][0].numpy(), things)):
        t = torch.as_tensor(np.ascontiguousarray(truth), dtype=torch.float32)[None, None]
        i = torch.from_numpy(image).permute(2, 0, 1)[None]/255
        chance = torch.Generator().manual_seed(0)
        drawn_pairs = dict(random=sample_pairs(t, n=600, generator=chance), edges=edge_pairs(t, None, i, n=600, generator=chance))
        if labels is not None: drawn_pairs["things"] = instance_pairs(t, None, labels[None, None], n=600, generator=chance)
        mixed = torch.randperm(600, generator=chance)
        about[name] = {k: torch.stack([o.a[0], o.b[0]], 1)[mixed].tolist() for k, o in drawn_pairs.items()}
        picture(image, out/f"{name}.jpg", quality=85)
        (out/f"{name}.bin").write_bytes(uint16(truth, predict(image).disparity))
    (out/"pairs.json").write_text(json.dumps(about, separators=(",", ":")), encoding="utf-8")
    camera = dict(focal=994.978, baseline=.193001, offset=31.086)
    (out/"align.json").write_text(json.dumps(dict(low=float(disparity.min()), high=float(disparity.max()), **camera)), encoding="utf-8")


def fingerprint():
    "Of all that the data depends on"
    files = [HERE/"widgets.py", ROOT/"nbs"/"27_loss_microscope.ipynb", *sorted((ROOT/"depthsense").glob("**/*.py")), ROOT/"depthsense"/"weights"/"small.safetensors"]
    return hashlib.sha256(b"".join(hashlib.sha256(o.read_bytes()).digest() for o in files)).hexdigest()[:12]


def write_widgets(site):
    "The widgets' folder in a built site; the data is made once for each state of the library"
    folder = CACHE/f"widgets-{fingerprint()}"
    if not folder.exists():
        CACHE.mkdir(exist_ok=True)
        for o in CACHE.glob("widgets-*"): shutil.rmtree(o)
        with tempfile.TemporaryDirectory(dir=CACHE) as part:
            data = Path(part)/"data"
            data.mkdir()
            pairs(data)
            microscope(data)
            data.rename(folder)
    out = site/"_static"/"widgets"
    shutil.copytree(HERE/"widgets", out, dirs_exist_ok=True)
    shutil.copytree(folder, out/"data", dirs_exist_ok=True)
