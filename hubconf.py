"""Entry points for torch.hub: `torch.hub.load("depthsense/depthsense", "small")`"""
from depthsense.models.hub import load_model as _load_model

dependencies = ["torch", "torchvision", "timm", "numpy", "PIL", "safetensors", "huggingface_hub", "jaxtyping"]


def small(device="cpu"):
    "The network that comes with DepthSense: from `image` (n,3,h,w), RGB in [0,1], sides multiples of 32, to disparity (n,1,h,w), larger is nearer"
    return _load_model("small", device)
