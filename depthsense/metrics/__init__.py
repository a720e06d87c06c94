"Metrics: how good a map is when nobody knows its scale"
from importlib import import_module

from depthsense.geometry import least_squares
from depthsense.metrics.depth import (
    CROPS,
    DEPTH_ERRORS,
    abs_rel,
    aligned_depth,
    crop_mask,
    delta1_error,
    delta2_error,
    delta3_error,
    delta_error,
    depth_errors,
    log10,
    median_scale,
    rmse,
    rmse_log,
    si_rmse,
    sq_rel,
)
from depthsense.metrics.order import (
    CARDS,
    Card,
    as_maps,
    card,
    d3r,
    da2k_accuracy,
    mean_over,
    ord_error,
    ordinal_error,
    ratio_relation,
    whdr,
    whdr_at,
    wrong_pairs,
)
from depthsense.metrics.structure import boundary_f1, mse, ssim

_RUNNING = ["METRICS", "RunningMetric"]
__all__ = [
    "CARDS", "CROPS", "Card", "DEPTH_ERRORS", "abs_rel", "aligned_depth", "as_maps", "boundary_f1", "card", "crop_mask", "d3r", "da2k_accuracy",
    "delta1_error", "delta2_error", "delta3_error", "delta_error", "depth_errors", "least_squares", "log10", "mean_over", "median_scale", "mse",
    "ord_error", "ordinal_error", "ratio_relation", "rmse", "rmse_log", "si_rmse", "sq_rel", "ssim", "whdr", "whdr_at", "wrong_pairs",
]


def __getattr__(name):
    "What stands on torchmetrics, an optional package, is imported when it is asked for"
    if name in _RUNNING: return getattr(import_module("depthsense.metrics.running"), name)
    raise AttributeError(f"module 'depthsense.metrics' has no attribute {name!r}")


def __dir__(): return sorted([*globals(), *_RUNNING])
