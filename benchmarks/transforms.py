"""Time the transforms of a photograph and its map: written by hand against torchvision's, and in which order they are cheapest.

    python benchmarks/transforms.py [--json FILE] [--repeats 61] [--height 356] [--width 484] [--size 224] [--seed 0]

The hand-made ones are those of the chapter, in plain sight below; `v2` is torchvision's `transforms.v2` with the two corrected transforms of
`depthsense.data.transforms`. Both start from the same random picture as floats. The orders are compared on `train_transform`'s own steps: as it is, with
the colours changed first, and with floats made first. All ways take turns, on one thread, with the same seeds. Times are medians, and a ratio is the median of the ratios of single
turns, so that whatever else the machine does falls on both sides of it. `wall` is what a
clock on the wall shows, `cpu` the time the process itself computed. Before timing, both pipelines have to give the same sample.
"""
import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import torch
from provenance import provenance
from torchvision import tv_tensors
from torchvision.transforms import v2

from depthsense.data.transforms import RandomResizedCrop, Resize, to_float, train_transform

MEAN,STD = (0.485, 0.456, 0.406),(0.229, 0.224, 0.225)


def weights(old, new):
    "Row i: what each old pixel gives to new pixel i"
    s = old/new
    centre = s*(torch.arange(new)+0.5)-0.5
    w = (1-(torch.arange(old)-centre[:,None]).abs()/max(s, 1)).clamp(min=0)
    return w/w.sum(1, keepdim=True)


def picks(old, new): return (old/new*(torch.arange(new)+0.5)).long()


def rescale(o, size):
    h,w = o["image"].shape[-2:]
    new = [size*n//min(h, w) for n in (h, w)]
    maps = {k:v[..., picks(h, new[0])[:,None], picks(w, new[1])] for k,v in o.items() if k!="image"}
    return maps | {"image": weights(h, new[0]) @ o["image"] @ weights(w, new[1]).T}


def crop(o, size):
    top,left = [torch.randint(n-size+1, ()).item() for n in o["image"].shape[-2:]]
    return {k:v[..., top:top+size, left:left+size] for k,v in o.items()}


def flip(o): return {k:v.flip(-1) for k,v in o.items()} if torch.rand(1)<0.5 else o


def grey(image): return (torch.tensor([0.2989, 0.587, 0.114])[:,None,None]*image).sum(0, keepdim=True)


def blend(image, other, factor): return (factor*image+(1-factor)*other).clamp(0, 1)


OTHERS = (lambda image: 0, lambda image: grey(image).mean(), grey)  # what brightness, contrast and saturation blend with


def recolour(o, strength=0.3):
    order,image = torch.randperm(4),o["image"]
    factors = [torch.empty(1).uniform_(1-strength, 1+strength).item() for _ in range(3)]
    for i in order:
        if i<3: image = blend(image, OTHERS[i](image), factors[i])
    return o | {"image": image}


def normalise(o): return o | {"image": (o["image"]-torch.tensor(MEAN)[:,None,None])/torch.tensor(STD)[:,None,None]}


def steps_by_hand(size):
    return dict(rescale=lambda o: rescale(o, round(size*8/7)), crop=lambda o: crop(o, size), flip=flip, colour=recolour, normalise=normalise)


def steps_of_v2(size):
    return dict(rescale=Resize(round(size*8/7), antialias=True), crop=v2.RandomCrop(size), flip=v2.RandomHorizontalFlip(),
                colour=v2.ColorJitter(0.3, 0.3, 0.3), normalise=v2.Normalize(MEAN, STD))


def train_orders(size, scale=0.5, color=0.3):
    "`train_transform`'s steps in three orders"
    whole = round(size*1.2)
    place = [Resize((whole, whole), antialias=True), RandomResizedCrop(size, scale=(scale, 1), antialias=True), v2.RandomHorizontalFlip()]
    paint = [v2.ColorJitter(color, color, color), v2.RandomGrayscale(0.05)]
    return {"colours last": train_transform(size, scale, color), "colours first": v2.Compose([*paint, *place, to_float()]),
            "floats first": v2.Compose([to_float(), *place, *paint])}


def train_steps(size):
    "The steps of `train_transform`, with names"
    return dict(zip(("resize", "crop and resize", "flip", "colours", "grey", "to floats"), train_transform(size).transforms))


def chained(steps):
    def run(o):
        for f in steps.values(): o = f(o)
        return o
    return run


def timed(f, o, seed):
    "What `f` makes of `o`, and the seconds it took: wall, cpu"
    torch.manual_seed(seed)
    wall,cpu = time.perf_counter(),time.process_time()
    made = f(o)
    return made,(time.perf_counter()-wall, time.process_time()-cpu)


def median_ms(seconds): return 1e3*statistics.median(seconds)


def median_ratio(a, b): return statistics.median(x/y for x,y in zip(a, b))


def step_by_step(ways, samples, repeats, seed):
    "`(wall, cpu)` of every turn, by way and step; every step starts from what the one before it made, and `whole` is their sum"
    seconds = {way:{k:[] for k in [*steps, "whole"]} for way,steps in ways.items()}
    for i in range(-3, repeats):
        for way,steps in ways.items():
            o,spent = samples[way],{}
            for k,f in steps.items(): o,spent[k] = timed(f, o, seed+i+3)
            spent["whole"] = [sum(t) for t in zip(*spent.values())]
            if i>=0: [seconds[way][k].append(t) for k,t in spent.items()]
    return seconds


def largest_difference(ways, samples, draws, seed):
    "Between the samples two ways make from the same seeds"
    seen = 0.
    for i in range(draws):
        a,b = [timed(chained(ways[k]), samples[k], seed+i)[0] for k in ("hand", "v2")]
        seen = max([seen, *((a[k].float()-b[k].as_subclass(torch.Tensor).float()).abs().max().item() for k in a)])
    return seen


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the numbers and where they come from to this file")
    for name,value in dict(repeats=61, height=356, width=484, size=224, seed=0).items(): parser.add_argument(f"--{name}", type=int, default=value)
    args = parser.parse_args()
    torch.set_num_threads(1)
    generator,shape = torch.Generator().manual_seed(args.seed),(args.height, args.width)
    image = torch.randint(256, (3, *shape), generator=generator).byte()
    target = torch.randint(256, (1, *shape), generator=generator)/255
    stored = dict(image=tv_tensors.Image(image), target=tv_tensors.Mask(target), mask=tv_tensors.Mask(target>0))
    samples = dict(hand=dict(image=image/255, target=target, mask=target>0), v2=to_float()(stored))
    ways = dict(hand=steps_by_hand(args.size), v2=steps_of_v2(args.size))
    apart = largest_difference(ways, samples, 20, args.seed)
    if apart>1e-4: sys.exit(f"the two pipelines do not agree: {apart} apart")
    steps = step_by_step(ways, samples, args.repeats, args.seed)
    orders = {k:dict(run=f) for k,f in train_orders(args.size).items()}
    orders = step_by_step(orders, {k:stored for k in orders}, args.repeats, args.seed)
    inside = step_by_step(dict(v2=train_steps(args.size)), dict(v2=stored), args.repeats, args.seed)["v2"]
    results = dict(largest_difference=apart, steps={}, orders={}, train_transform={})
    for i,clock in enumerate(("wall", "cpu")):
        def on(o, k): return [t[i] for t in o[k]]
        hand,v2_,last = steps["hand"],steps["v2"],on(orders["colours last"], "run")
        results["steps"][clock] = {k:dict(hand_ms=median_ms(on(hand, k)), v2_ms=median_ms(on(v2_, k)),
            times_slower_by_hand=median_ratio(on(hand, k), on(v2_, k))) for k in hand}
        results["orders"][clock] = {k:dict(ms=median_ms(on(o, "run")), times_colours_last=median_ratio(on(o, "run"), last)) for k,o in orders.items()}
        results["train_transform"][clock] = {k:dict(ms=median_ms(on(inside, k)), share=median_ratio(on(inside, k), on(inside, "whole")))
            for k in inside if k!="whole"}
    print(f"one picture of {args.height}x{args.width} to {args.size}, one thread, medians of {args.repeats}, processor's time; at most {apart:.1e} apart")
    for k,o in results["steps"]["cpu"].items(): print(f"{k:18}{o['hand_ms']:9.3f} ms by hand{o['v2_ms']:9.3f} ms v2{o['times_slower_by_hand']:7.2f} times slower by hand")
    for k,o in results["orders"]["cpu"].items(): print(f"{k:18}{o['ms']:9.3f} ms{o['times_colours_last']:7.2f} times colours last")
    for k,o in results["train_transform"]["cpu"].items(): print(f"{k:18}{o['ms']:9.3f} ms{o['share']:7.1%}")
    if args.json is None: return
    settings = {k:v for k,v in vars(args).items() if k not in ("json", "seed")}
    command = " ".join(["python benchmarks/transforms.py"]+[f"--{k} {v}" for k,v in settings.items()]+[f"--seed {args.seed}"])
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(dict(results=results, threads=1, **settings, **provenance(command, args.seed)), indent=2)+"\n")


if __name__ == "__main__": main()
