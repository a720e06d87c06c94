"Relative depth from single photographs: a book and a library"
__version__ = "0.1.0"

from importlib import import_module

_HOMES = {
    "DepthPrediction": "depthmap",
    "load_model": "models.foreign",
    "predict": "prediction",
}
__all__ = ["__version__", *_HOMES]


def __getattr__(name):
    "Import what is asked for when it is asked for (PEP 562), so that `import depthsense` stays light"
    if name not in _HOMES: raise AttributeError(f"module 'depthsense' has no attribute {name!r}")
    return getattr(import_module(f"depthsense.{_HOMES[name]}"), name)


def __dir__(): return sorted([*globals(), *_HOMES])
