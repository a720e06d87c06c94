"Losses for depth without a scale"
from depthsense.losses.affine import AffineInvariantLoss, affine_invariant_loss
from depthsense.losses.gradient import GradientMatchingLoss, gradient_matching_loss
from depthsense.losses.ranking import RankingLoss, ranking_loss
from depthsense.losses.structure import StructureGuidedLoss, structure_guided_loss, structure_pairs

__all__ = [
    "AffineInvariantLoss", "GradientMatchingLoss", "RankingLoss", "StructureGuidedLoss",
    "affine_invariant_loss", "gradient_matching_loss", "ranking_loss", "structure_guided_loss", "structure_pairs",
]
