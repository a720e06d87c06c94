"Training: the loop, the run behind the shipped weights, and how to watch one"
from depthsense.training.loop import Settings, fit
from depthsense.training.redweb import RECIPES, Recipe, train_redweb
from depthsense.training.watch import PictureWatcher, ProgressBoard, TensorBoardWatcher, find_lr, learning_curves, show_lr

__all__ = [
    "PictureWatcher", "ProgressBoard", "RECIPES", "Recipe", "Settings", "TensorBoardWatcher", "find_lr", "fit", "learning_curves", "show_lr", "train_redweb",
]
