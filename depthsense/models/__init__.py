"The network, its checkpoints, and networks from elsewhere"
from importlib import import_module

_HOMES = {
    "DepthNet": "depthnet",
    "OnnxNetwork": "foreign",
    "checkpoint_names": "hub",
    "from_pretrained": "hub",
    "load_imagenet": "depthnet",
    "load_model": "foreign",
    "push_to_hub": "hub",
    "save_model": "hub",
}
__all__ = ["DepthNet", "OnnxNetwork", "checkpoint_names", "from_pretrained", "load_imagenet", "load_model", "push_to_hub", "save_model"]


def __getattr__(name):
    "Import what is asked for when it is asked for, so that an .onnx file is opened without torch"
    if name not in _HOMES: raise AttributeError(f"module 'depthsense.models' has no attribute {name!r}")
    return getattr(import_module(f"depthsense.models.{_HOMES[name]}"), name)


def __dir__(): return sorted([*globals(), *_HOMES])
