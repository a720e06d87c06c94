"Facts about the metrics that need more than one process, or many made-up maps: chapters 40 to 43 have the rest"
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

from depthsense import metrics
from depthsense.metrics import (
    DEPTH_ERRORS,
    boundary_f1,
    d3r,
    da2k_accuracy,
    depth_errors,
    mse,
    ord_error,
    ordinal_error,
    ssim,
    whdr,
    whdr_at,
)

hypothesis = pytest.importorskip("hypothesis", reason="needs the extra `dev`")
pytest.importorskip("torchmetrics", reason="needs the extra `evaluate`")
st = hypothesis.strategies
few = hypothesis.settings(max_examples=10, derandomize=True, database=None, deadline=None)

NAMES = ("whdr", "ordinal_error", "d3r", "ord_error", "mse", "ssim", "boundary_f1")
PICTURES = 7


def pictures():
    "(pred, target, mask) of seven small pictures with holes, every one with its own error"
    g = torch.Generator().manual_seed(0)
    steps = torch.rand(PICTURES, 1, 4, 4, generator=g).double().repeat_interleave(6, 2).repeat_interleave(6, 3)
    target = 0.2+0.8*steps
    pred = target*torch.exp(torch.linspace(0.02, 0.4, PICTURES)[:, None, None, None]*torch.randn(target.shape, generator=g))
    mask = torch.ones_like(target, dtype=torch.bool)
    mask[:, :, :6, :6] = False
    return pred, target, mask


def expected():
    pred, target, mask = pictures()
    return {k: np.mean([getattr(metrics, k)(*o) for o in zip(pred, target, mask)]) for k in NAMES} | depth_errors(pred, 1/target, mask, cap=9.)


def score_part(rank, folder):
    "One of two processes: pictures 0 to 4 or 5 and 6, in batches of two; writes what it computes"
    from depthsense.metrics import RunningMetric
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    try:
        assert dist.get_world_size() == 2
        pred, target, mask = pictures()
        mine = range(0, 5) if rank == 0 else range(5, PICTURES)
        metrics = {k: RunningMetric(k) for k in NAMES}
        depths = RunningMetric(depth_errors, cap=9.)
        for i in range(mine.start, mine.stop, 2):
            part = slice(i, min(i+2, mine.stop))
            for o in metrics.values(): o.update(pred[part], target[part], mask[part])
            depths.update(pred[part], 1/target[part], mask[part])
        alone = depths.count.item()
        found = {k: v.compute().item() for k, v in metrics.items()} | {k: v.item() for k, v in depths.compute().items()}
        torch.save(dict(found=found, alone=alone, world=dist.get_world_size()), Path(folder)/f"{rank}.pt")
    finally: dist.destroy_process_group()


def test_two_processes_give_what_one_gives():
    with tempfile.TemporaryDirectory() as folder:
        torch.multiprocessing.spawn(score_part, (folder,), nprocs=2)
        both = [torch.load(Path(folder)/f"{rank}.pt") for rank in range(2)]
    assert [o["world"] for o in both] == [2, 2]
    assert [o["alone"] for o in both] == [5, 2]
    for o in both: assert o["found"] == pytest.approx(expected(), abs=1e-9)


def small_maps(least, greatest): return st.lists(st.floats(least, greatest), min_size=144, max_size=144).map(lambda o: np.array(o).reshape(12, 12))


@few
@hypothesis.given(small_maps(0, 1), small_maps(0, 1), st.floats(0.1, 10), st.floats(-3, 3))
def test_what_scale_and_shift_change(pred, target, scale, shift):
    "Nothing in order; nothing in depth, once aligned; and each score is 0, or 1, for the truth itself"
    hypothesis.assume(np.ptp(target) > 0.3 and np.ptp(pred) > 0.3)
    grid = np.round(pred, 3)
    assert whdr(scale*grid+shift, target, n=300) == whdr(grid, target, n=300)
    assert whdr(target, target, n=300) == mse(target, target) == ordinal_error(target, target) == 0
    assert ssim(target, target) == pytest.approx(1)
    depth = 1/(target+0.1)
    before, after = depth_errors(pred, depth), depth_errors(scale*pred+shift, depth)
    for k in ("abs_rel", "rmse", "log10", "sq_rel", "rmse_log", "si_rmse"): assert after[k] == pytest.approx(before[k], rel=1e-6, abs=1e-9)
    assert max(depth_errors(scale/depth+shift, depth).values()) < 1e-6


@few
@hypothesis.given(small_maps(0.1, 9), small_maps(0.1, 9), st.floats(0.1, 10))
def test_ratios_know_no_unit(pred, target, factor):
    hypothesis.assume(np.ptp(target) > 1)
    before, after = [boundary_f1(o*pred, target) for o in (1, 4)]
    assert before == after
    assert boundary_f1(pred, target) <= boundary_f1(target, target)+1e-12
    for k in ("abs_rel", "log10", "rmse_log", "si_rmse"): assert DEPTH_ERRORS[k](factor*pred, factor*target) == pytest.approx(DEPTH_ERRORS[k](pred, target), rel=1e-6)


@few
@hypothesis.given(small_maps(0, 1), st.lists(st.tuples(*4*[st.integers(0, 11)], st.sampled_from([-1, 0, 1])), min_size=1, max_size=30))
def test_annotated_pairs_as_a_loop_counts_them(pred, pairs):
    rows = np.array(pairs)
    hypothesis.assume(rows[:, 4].any())
    wrong = [pred[y, x]-pred[v, u] == 0 or np.sign(pred[y, x]-pred[v, u]) != o for y, x, v, u, o in pairs if o]
    assert whdr_at(pred, rows[:, :2], rows[:, 2:4], rows[:, 4]) == pytest.approx(np.mean(wrong), abs=1e-12)
    assert whdr_at(pred, rows[:, 2:4], rows[:, :2], -rows[:, 4]) == pytest.approx(np.mean(wrong), abs=1e-12)
    closer, farther = [np.concatenate([rows[rows[:, 4] == 1, i:i+2], rows[rows[:, 4] == -1, 2-i:4-i]]) for i in (0, 2)]
    assert da2k_accuracy(pred, closer, farther) == pytest.approx(1-np.mean(wrong), abs=1e-12)
    tied = np.mean([pred[y, x] == pred[v, u] for y, x, v, u, o in pairs if o])
    assert whdr_at(-pred, rows[:, :2], rows[:, 2:4], rows[:, 4]) == pytest.approx(1-np.mean(wrong)+tied, abs=1e-12)


@few
@hypothesis.given(small_maps(0, 1), small_maps(0, 1), st.integers(1, 8), st.integers(-3, 3))
def test_superpixels_and_ratios(pred, target, scale, shift):
    "D3R and ORD know no unit, the ordinal error no common factor; none of them leaves its range, the truth has no error, and a blank map has every jump wrong"
    grid, truth = np.round(64*pred)/64, np.round(64*target)/64  # so that scale and shift lose no digit
    hypothesis.assume(np.ptp(truth) > 0.3 and np.ptp(grid) > 0.3)
    for score in (d3r, ord_error):
        try: base = score(grid, truth)
        except ValueError as e:
            assert "wants points that differ" in str(e)
            continue
        assert 0 <= base <= 1 and score(truth, truth) == 0
        assert score(scale*grid+shift, truth) == pytest.approx(base, abs=1e-12)
        assert score is ord_error or score(np.zeros_like(truth), truth) == 1  # ORD asks pairs within 3 % as well, and there a blank is right
    for k in (2., 0.25): assert ordinal_error(k*grid, k*truth, n=300) == ordinal_error(grid, truth, n=300)
    assert ordinal_error(truth, truth, n=300) == 0 <= ordinal_error(grid, truth, n=300) <= 1
    assert ssim(grid, truth) == pytest.approx(ssim(truth, grid), abs=1e-9) and -1 <= ssim(grid, truth) <= 1
