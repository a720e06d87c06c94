"The network and its checkpoints"
from depthsense.models.depthnet import DepthNet, load_imagenet
from depthsense.models.foreign import load_model
from depthsense.models.hub import checkpoint_names, save_model

__all__ = ["DepthNet", "checkpoint_names", "load_imagenet", "load_model", "save_model"]
