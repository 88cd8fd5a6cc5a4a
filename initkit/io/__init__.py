"""Tensors in safetensors files, written and read as bytes. Nothing here knows what the bytes mean."""

from initkit.io.checkpoint import Checkpoint
from initkit.io.file_reader import FileReader
from initkit.io.resumable_file import ResumableFile
from initkit.io.safetensors import (
    DTYPE_NAMES,
    Layout,
    StoredTensor,
    TensorEntry,
    plan_layout,
    read_header,
)

__all__ = [
    "DTYPE_NAMES",
    "Checkpoint",
    "FileReader",
    "Layout",
    "ResumableFile",
    "StoredTensor",
    "TensorEntry",
    "plan_layout",
    "read_header",
]
