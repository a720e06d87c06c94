"Training: the loop, and the run behind the shipped weights"
from depthsense.training.loop import Settings, fit
from depthsense.training.redweb import RECIPES, Recipe, train_redweb

__all__ = ["RECIPES", "Recipe", "Settings", "fit", "train_redweb"]
