"Facts about ReDWeb's real files: chapters 10 to 12 tell them, these tests hold them"
import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from depthsense.data.datasets import DepthPairs, ReDWeb, find_redweb, split_of, verify_redweb
from depthsense.data.sampling import ordinal_relation, sample_pairs, values_at
from depthsense.metrics import whdr

LABELS = 1, -1, 0


@pytest.fixture(scope="module")
def root():
    try: return find_redweb()
    except ValueError: pytest.skip("ReDWeb is not at hand: set DEPTHSENSE_REDWEB")


@pytest.fixture(scope="module")
def maps(root):
    "Every eighth map as the integers of its file"
    names = ReDWeb(root, "all").names[::8]
    return [np.array(Image.open(root/"RDs"/name.replace(".jpg", ".png"))) for name in names]


@pytest.fixture(scope="module")
def pairs(maps):
    "10,000 random pairs of each of those maps: the maps' values (2,n), and labels"
    def draw(i, relative_depth):
        target = 1-torch.from_numpy(relative_depth)[None,None]/255
        a,b,ordinal = sample_pairs(target, None, 10_000, 0.02, torch.Generator().manual_seed(i))
        values = values_at(torch.from_numpy(relative_depth)[None,None].long(), torch.cat([a, b]).view(1, -1))
        return values.view(2, -1),ordinal[0]
    values,ordinals = zip(*[draw(i, o) for i,o in enumerate(maps)])
    return torch.cat(values, 1),torch.cat(ordinals)


def test_split_sizes(root):
    train,val,everything = [ReDWeb(root, o) for o in ("train", "val", "all")]
    assert (len(train), len(val)) == (2800, 400)
    assert len(everything) in (3200, 3600)
    if len(everything)==3600: assert len(ReDWeb(root, "test")) == 400


def test_splits_do_not_overlap_and_all_is_their_union(root):
    everything = ReDWeb(root, "all").names
    parts = [ReDWeb(root, o).names for o in ("train", "val")]
    if len(everything)==3600: parts.append(ReDWeb(root, "test").names)
    assert sum(parts, []) == everything == sorted(set(everything))
    assert Counter(map(split_of, everything))["val"] == 400


def test_the_boundaries_are_the_positions_of_the_sorted_names(root):
    names = sorted(o.name for o in (root/"Imgs").iterdir())
    assert [split_of(names[i]) for i in (0, 2799, 2800, 3199)] == ["train", "train", "val", "val"]


def test_maps_are_8_bit_and_samples_fit(root):
    dataset = ReDWeb(root, "val")
    for i in range(0, 400, 40):
        with Image.open(root/"RDs"/dataset.names[i].replace(".jpg", ".png")) as file:
            assert file.mode=="L"
            raw = torch.from_numpy(np.array(file))[None]
        image,target,mask = [dataset[i][o] for o in ("image", "target", "mask")]
        assert image.shape[1:]==target.shape[1:]==mask.shape[1:]==raw.shape[1:]
        assert image.dtype==torch.uint8 and mask.all()
        assert torch.equal((255*(1-target)).round(), raw.float())


def test_what_the_maps_hold(maps):
    "11 % of all pixels are 255, hardly any is 0, and a map uses 244 of 256 levels on the median"
    counts = sum(np.bincount(o.ravel(), minlength=256) for o in maps)
    share = counts/counts.sum()
    assert share[255]==pytest.approx(0.11, abs=0.02)
    assert share[0]<0.005
    assert np.median([len(np.unique(o)) for o in maps])==pytest.approx(244, abs=3)


def test_shares_of_the_labels(pairs):
    "Random pairs at 0.02 fall 45.2 / 45.4 / 9.4 % into the two orders and equal"
    shares = [(pairs[1]==o).float().mean().item() for o in LABELS]
    assert shares == pytest.approx([0.453, 0.453, 0.094], abs=0.01)


def test_labels_are_those_of_the_files_integers(pairs):
    (a,b),ordinal = pairs
    assert torch.equal(ordinal, (100*b>102*a).long()-(100*a>102*b).long())


def test_the_ratio_on_the_complement_is_another_question(pairs):
    "Taking the ratio on 255 - RD changes 4.1 % of the labels, and never turns an order round"
    (a,b),ordinal = pairs
    other = ordinal_relation(b/255, a/255)
    assert (other!=ordinal).float().mean().item()==pytest.approx(0.041, abs=0.01)
    assert not (other*ordinal==-1).any()


def test_row_prior_on_val(root):
    "Knowing only that lower in the picture is nearer: the line every network has to beat"
    dataset = ReDWeb(root, "val")
    def score(i):
        sample = dataset[i]
        target,mask = [sample[o][None].as_subclass(torch.Tensor) for o in ("target", "mask")]
        rows = torch.arange(target.shape[2]).float()[:,None].expand_as(target)
        return whdr(rows, target, mask, seed=i)
    assert np.mean([score(i) for i in range(len(dataset))])==pytest.approx(0.265, abs=0.003)


def test_every_pair_is_whole_and_the_data_card_says_so(root):
    report,card = verify_redweb(root, progress=False),json.loads((Path(__file__).parent.parent/"results"/"redweb.json").read_text(encoding="utf-8"))
    assert (report["errors"], report["train"], report["val"]) == ([], 2800, 400)
    if report["test"]==0: assert (report["facts"]["levels"].items() <= card["levels"].items(), len(report["resized"])) == (True, card["resized"])


def test_the_data_card_counts_what_the_maps_hold(maps):
    card = json.loads((Path(__file__).parent.parent/"results"/"redweb.json").read_text(encoding="utf-8"))
    counts = sum(np.bincount(o.ravel(), minlength=256) for o in maps)
    assert card["values"]["by_16"]==pytest.approx((counts/counts.sum()).reshape(16, 16).sum(1), abs=0.015)
    assert card["rows"]["mean"][0]==pytest.approx(np.mean([1-o[0].mean()/255 for o in maps]), abs=0.02)


def test_anybodys_pairs_of_five_sets():
    folder = os.environ.get("DEPTHSENSE_ZERO_SHOT")
    if not folder: pytest.skip("the other data sets are not at hand: set DEPTHSENSE_ZERO_SHOT")
    pairs = DepthPairs(folder)
    for i in {o["set"]:i for i,o in enumerate(pairs.rows)}.values():
        image,target,mask = [pairs[i][o] for o in ("image", "target", "mask")]
        assert image.shape[1:]==target.shape[1:]==mask.shape[1:]
        assert (target.min(), target[mask].min(), target.max(), target[~mask].sum())==(0, 0, 1, 0)
        assert 0.1<mask.float().mean()<1


def test_redweb_is_a_folder_of_anybodys_pairs(root):
    pairs,same = ReDWeb(root, "all"),DepthPairs(root)
    assert pairs.names==same.names
    for i in range(0, 3200, 400): assert torch.allclose(pairs[i]["target"], same[i]["target"], atol=1e-6)
