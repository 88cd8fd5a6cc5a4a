"""The libraries whose models presets are compared with."""

from __future__ import annotations

import importlib
import sys
import warnings
from types import ModuleType
from typing import Any


def import_transformers() -> Any:
    """Import transformers without torchvision, which language models do not need.

    If there is one for another build of torch, every model's import would fail for it.
    """
    hidden: dict[str, Any] = sys.modules
    torchvision = hidden.get("torchvision")
    # What cannot be found is said not to be available, and that is remembered.
    hidden["torchvision"] = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library = importlib.import_module("transformers")
            importlib.import_module("transformers.utils.import_utils").is_torchvision_available()
            importlib.import_module("transformers.modeling_utils")
    finally:
        if isinstance(torchvision, ModuleType):
            hidden["torchvision"] = torchvision
        else:
            del hidden["torchvision"]
    return library
