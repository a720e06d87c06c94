"""Damaged files: each is either read or refused by name, in a moment, and in silence

Two hundred cases by default; `DEPTHSENSE_FUZZ=5000 pytest tests/test_fuzz.py` for more. A case is known by its number:
`DEPTHSENSE_FUZZ_CASE=1234 pytest tests/test_fuzz.py` repeats that one.
"""
import io
import json
import os
import struct
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from depthsense import load_model, predict
from depthsense.cli import BUNDLED
from depthsense.models.depthnet import DepthNet
from depthsense.models.hub import save_model

CASES = int(os.environ.get("DEPTHSENSE_FUZZ", 200))
SECONDS = 5
PHOTO = Image.open(BUNDLED).resize((48, 36))
ODD = 0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF
CONFIG = dict(encoder="test_efficientnet", width=8, hidden=4, activation=True)


def picture(format, image=PHOTO, **settings):
    buffer = io.BytesIO()
    image.save(buffer, format, **settings)
    return buffer.getvalue()


def pictures():
    "The photograph in many forms, by the suffix to store it under"
    exif = PHOTO.getexif()
    exif[0x0112],exif[0x010F] = 6,"A camera"
    grey,turned = np.asarray(PHOTO.convert("L")),PHOTO.rotate(180)
    return [
        ("jpg", picture("JPEG", exif=exif, icc_profile=bytes(range(256)))), ("jpg", picture("JPEG", progressive=True, quality=40)),
        ("jpg", picture("JPEG", PHOTO.convert("CMYK"))), ("jpg", picture("MPO", save_all=True, append_images=[turned])),
        ("png", picture("PNG", exif=exif)), ("png", picture("PNG", Image.fromarray(grey.astype("uint16")*257))),
        ("png", picture("PNG", PHOTO.quantize(16), transparency=bytes(range(0, 160, 10)))), ("png", picture("PNG", PHOTO.convert("LA"))),
        ("png", picture("PNG", save_all=True, append_images=[turned])), ("png", picture("PNG", PHOTO.convert("1"))),
        ("gif", picture("GIF", PHOTO.quantize(32), save_all=True, append_images=[turned.quantize(32)], transparency=2)),
        ("webp", picture("WEBP", exif=exif)), ("webp", picture("WEBP", PHOTO.convert("RGBA"), lossless=True)),
        ("webp", picture("WEBP", save_all=True, append_images=[turned])),
        ("tif", picture("TIFF", exif=exif)), ("tif", picture("TIFF", compression="tiff_lzw")), ("tif", picture("TIFF", compression="jpeg")),
        ("tif", picture("TIFF", PHOTO.convert("1"), compression="group4")), ("tif", picture("TIFF", Image.fromarray(grey.astype("float32")))),
        ("tif", picture("TIFF", PHOTO.convert("CMYK"), compression="tiff_adobe_deflate")),
        ("bmp", picture("BMP")), ("bmp", picture("BMP", PHOTO.quantize(16))),
    ]


def span(rng, data, most=64):
    "A random stretch of the data, as start and end"
    start = int(rng.integers(0, max(1, len(data))))
    return start,min(len(data), start+1+int(rng.integers(0, most)))


def flip(rng, data, other):
    for i in rng.integers(0, len(data), int(rng.integers(1, 20))): data[i] ^= 1 << int(rng.integers(0, 8))
    return data


def cut(rng, data, other): return data[:int(rng.integers(0, len(data)))]


def splice(rng, data, other):
    (a,b),(c,d) = span(rng, data, len(data)),span(rng, other, len(other))
    return data[:a]+other[c:d]+data[b if rng.random()<.5 else a:]


def noise(rng, data, other):
    a,b = span(rng, data)
    return data[:a]+rng.bytes(b-a)+data[b:]


def repeat(rng, data, other):
    a,b = span(rng, data, 500)
    return data[:b]+data[a:b]*int(rng.integers(0, 3))+data[b:]


def header(rng, data, other):
    for i in rng.integers(0, min(64, len(data)), int(rng.integers(1, 6))): data[i] = int(rng.choice([*range(256), 0, 1, 255, 128]))
    return data


def length(rng, data, other):
    "A number where a length, an offset or a size may stand"
    width = int(rng.choice([2, 4, 8]))
    at = int(rng.integers(0, max(1, min(len(data), 600)-width)))
    value = int(rng.choice([*ODD, int(rng.integers(0, 2**31))]))
    return data[:at]+(value & (256**width-1)).to_bytes(width, str(rng.choice(["little", "big"])))+data[at+width:]


def rubbish(rng, data, other): return bytearray(rng.bytes(int(rng.integers(0, 3000))))


def settings(rng, data, other):
    "Another value somewhere in the header of a checkpoint, with its length put right"
    n, = struct.unpack("<Q", data[:8])
    try:
        tree = json.loads(data[8:8+n])
        notes = json.loads(tree["__metadata__"]["depthsense"])
        where = tree if rng.random()<.6 else notes
        if not where: return data
    except (ValueError, KeyError, TypeError): return data
    values = [0, -1, 1, 7, 10**9, 10**30, 1e308, True, None, "", "x"*1000, "F64", "I16", "BF16", "F8_E4M3", "BOOL", [], [0, 0], [2**62, 4], {}, "resnet18", "hf-hub:a/b", "../x", "\0"]
    while True:
        key = rng.choice(list(where)) if isinstance(where, dict) else int(rng.integers(0, len(where)))
        if not isinstance(where[key], (dict, list)) or not where[key] or rng.random()<.2: break
        where = where[key]
    where[key] = values[int(rng.integers(0, len(values)))]
    if isinstance(tree.get("__metadata__"), dict): tree["__metadata__"]["depthsense"] = json.dumps(notes)
    new = json.dumps(tree).encode()
    return bytearray(struct.pack("<Q", len(new))+new+data[8+n:])


DAMAGE = flip, cut, splice, noise, repeat, header, length


def damaged(rng, files, ways):
    "One of the files, hurt in one to three ways"
    suffix,data = files[int(rng.integers(0, len(files)))]
    data,other = bytearray(data),files[int(rng.integers(0, len(files)))][1]
    if rng.random()<.02: data = rubbish(rng, data, other)
    for _ in range(int(rng.integers(1, 4))):
        if len(data)>16: data = bytearray(ways[int(rng.integers(0, len(ways)))](rng, data, other))
    return suffix,bytes(data)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return DepthNet(**CONFIG).eval()


@pytest.fixture(scope="module")
def checkpoints(network, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return [("safetensors", save_model(network, folder/f"{half}.safetensors", half=half, size=32).read_bytes()) for half in (True, False)]


def survives(path, model=None):
    "What is wrong with how a file is taken; None: nothing"
    began = time.perf_counter()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            pred = predict(path, model, 32) if model else predict(PHOTO, path, 32)
            if pred.disparity.shape!=pred.image.shape[:2]: return f"size {pred.disparity.shape}"
            if not (np.isfinite(pred.disparity).all() and pred.disparity.min()>=0 and pred.disparity.max()<=1): return "disparity outside [0,1]"
        except (ValueError, OSError) as e:
            if path.name not in str(e): return f"does not name the file: {e!r:.300}"
        except BaseException as e: return f"{e!r:.300}"
    if caught: return f"warns: {caught[0].message!s:.300}"
    if time.perf_counter()-began>SECONDS: return f"took {time.perf_counter()-began:.1f} seconds"


def numbers():
    one = os.environ.get("DEPTHSENSE_FUZZ_CASE")
    return range(CASES) if one is None else [int(one)]


def test_damaged_files(network, checkpoints, tmp_path, monkeypatch, capfd):
    "Two of three are pictures, the third a checkpoint"
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2_000_000) # a header that promises more is refused at twice that
    kept,failed = pictures(),[]
    for i in numbers():
        rng = np.random.default_rng(i)
        suffix,data = damaged(rng, checkpoints, (*DAMAGE, *[settings]*4)) if i%3==2 else damaged(rng, kept, DAMAGE)
        path = tmp_path/f"case{i}.{suffix}"
        path.write_bytes(data)
        wrong = survives(path, None if i%3==2 else network)
        said = capfd.readouterr() # libtiff speaks to the error stream by itself, a line for a row; the command line silences it
        if said.out or len(said.err.splitlines())>(PHOTO.height*2 if suffix=="tif" else 0): wrong = wrong or f"says {(said.out+said.err)!r:.300}"
        if wrong: failed.append(f"case {i} ({suffix}): {wrong}")
        path.unlink()
    assert not failed, f"{len(failed)} of {len(numbers())} failed; DEPTHSENSE_FUZZ_CASE=NUMBER repeats one:\n"+"\n".join(failed[:40])


def test_whole_files(network, checkpoints, tmp_path):
    "What the damage is done to is read without it"
    for i,(suffix,data) in enumerate(pictures()):
        (path := tmp_path/f"{i}.{suffix}").write_bytes(data)
        assert predict(path, network, 32).raw.shape in ((36, 48), (48, 36)) and survives(path, network) is None
    for i,(suffix,data) in enumerate(checkpoints):
        (path := tmp_path/f"{i}.{suffix}").write_bytes(data)
        assert load_model(path).config==CONFIG and survives(path) is None


def cut_everywhere(data, n=40): return [data[:len(data)*i//n] for i in range(n)]


def test_pictures_cut_at_many_places(network, tmp_path):
    for suffix,data in pictures():
        for i,part in enumerate(cut_everywhere(data)):
            (path := Path(tmp_path, f"cut{i}.{suffix}")).write_bytes(part)
            assert survives(path, network) is None, (suffix, i)


def test_past_failures(network, tmp_path):
    "What once went through, or was refused without a name"
    whole = network.state_dict()
    with torch.no_grad():
        loud = DepthNet(**CONFIG)
        loud.load_state_dict({k: v*1e30 if k.startswith("output") else v for k,v in whole.items()})
    save_model(loud, path := tmp_path/"loud.safetensors", half=False)
    with pytest.raises(ValueError, match="loud.safetensors gives nan or infinity"): predict(PHOTO, path, 32)
    data = save_model(network, path := tmp_path/"whole_numbers.safetensors").read_bytes()
    path.write_bytes(data.replace(b'"F16"', b'"I16"'))
    with pytest.raises(ValueError, match="whole_numbers.safetensors has other numbers"): load_model(path)
    exif = b"Exif\0\0II*\0\x08\0\0\0"+b"\xff"*3000
    (path := tmp_path/"notes.jpg").write_bytes(picture("JPEG", exif=exif, icc_profile=os.urandom(200_000)))
    assert np.array_equal(predict(path, network, 32).raw, predict(Image.open(io.BytesIO(picture("JPEG"))), network, 32).raw)
    bright = np.full((36, 48), .5, dtype="float32")
    bright[0,0] = np.inf
    (path := tmp_path/"bright.tif").write_bytes(picture("TIFF", Image.fromarray(bright)))
    assert predict(path, network, 32).image[1:].min()==255
