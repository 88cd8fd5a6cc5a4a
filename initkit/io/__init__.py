"""Tensors in safetensors files, written and read as bytes. Nothing here knows what the bytes mean."""

from initkit.io.file_reader import FileReader
from initkit.io.file_writer import FileWriter
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
    "FileReader",
    "FileWriter",
    "Layout",
    "StoredTensor",
    "TensorEntry",
    "plan_layout",
    "read_header",
]
