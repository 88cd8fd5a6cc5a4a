"""timm, and torchvision, which it imports, also beside a torch that is not the build they were made for.

PyPI's torchvision has operators for torch's CUDA build. Beside a CPU build they do not load, and the package
then fails on describing two of them. No model uses either, so it is enough to say that they exist.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import torch

try:
    torchvision: Any = import_module("torchvision")
except RuntimeError:
    _OPERATORS = torch.library.Library("torchvision", "FRAGMENT")
    for _name in ("nms", "qnms"):
        _OPERATORS.define(f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    torchvision = import_module("torchvision")

timm: Any = import_module("timm")
