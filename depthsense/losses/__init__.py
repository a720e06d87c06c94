"Losses for depth without a scale"
import re
from functools import partial

from depthsense.losses.affine import AffineInvariantLoss, RegressionLoss, affine_invariant_loss, regression_loss
from depthsense.losses.combined import DepthLoss, call_loss
from depthsense.losses.gradient import GradientMatchingLoss, gradient_matching_loss
from depthsense.losses.hessian import HessianLoss, hessian_loss
from depthsense.losses.ranking import RankingLoss, ranking_loss
from depthsense.losses.smoothness import SmoothnessLoss, smoothness_loss
from depthsense.losses.ssim import SSIMLoss, ssim_loss
from depthsense.losses.structure import StructureGuidedLoss, structure_guided_loss, structure_pairs

__all__ = [
    "LOSSES", "DepthLoss", "call_loss", "structure_pairs",
    "AffineInvariantLoss", "affine_invariant_loss",
    "GradientMatchingLoss", "gradient_matching_loss",
    "HessianLoss", "hessian_loss",
    "RankingLoss", "ranking_loss",
    "RegressionLoss", "regression_loss",
    "SSIMLoss", "ssim_loss",
    "SmoothnessLoss", "smoothness_loss",
    "StructureGuidedLoss", "structure_guided_loss",
]

# How to make each loss, by the name that sums, logs and tables know it by: every class of the list above, and forms with other settings
LOSSES = {re.sub("(?<=[a-z])(?=[A-Z])", "_", o.removesuffix("Loss")).lower(): globals()[o]
          for o in __all__ if o.endswith("Loss") and o not in ("DepthLoss", "RegressionLoss")}
LOSSES |= dict(
    l1=RegressionLoss,
    l2=partial(RegressionLoss, 2),
    improved_ranking=partial(RankingLoss, drop=0.25),
    least_squares=partial(AffineInvariantLoss, form="squares"),
    smoothness=partial(SmoothnessLoss, unit="spread"),
)
