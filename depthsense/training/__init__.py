"Training: the loop, the run behind the shipped weights, pairs of one's own, and how to watch"
from depthsense.training.finetune import train_pairs
from depthsense.training.loop import Settings, fit
from depthsense.training.redweb import RECIPES, Recipe, train_redweb
from depthsense.training.teachers import train_taught
from depthsense.training.watch import PictureWatcher, ProgressBoard, TensorBoardWatcher, find_lr, learning_curves, show_lr

__all__ = [
    "PictureWatcher", "ProgressBoard", "RECIPES", "Recipe", "Settings", "TensorBoardWatcher", "find_lr", "fit", "learning_curves", "show_lr", "train_pairs", "train_redweb", "train_taught",
]
