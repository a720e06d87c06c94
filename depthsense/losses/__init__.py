"Losses for depth without a scale"
from depthsense.losses.affine import AffineInvariantLoss, affine_invariant_loss
from depthsense.losses.gradient import GradientMatchingLoss, gradient_matching_loss
from depthsense.losses.hessian import HessianLoss, hessian_loss
from depthsense.losses.ranking import RankingLoss, ranking_loss
from depthsense.losses.smoothness import SmoothnessLoss, smoothness_loss
from depthsense.losses.ssim import SSIMLoss, ssim_loss
from depthsense.losses.structure import StructureGuidedLoss, structure_guided_loss, structure_pairs

__all__ = [
    "AffineInvariantLoss", "GradientMatchingLoss", "HessianLoss", "RankingLoss", "SSIMLoss", "SmoothnessLoss", "StructureGuidedLoss",
    "affine_invariant_loss", "gradient_matching_loss", "hessian_loss", "ranking_loss", "smoothness_loss", "ssim_loss", "structure_guided_loss",
    "structure_pairs",
]
