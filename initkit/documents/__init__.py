"""Strict, bounded reading of YAML and JSON text as plain data with line numbers, and writing it.

Plain data is dict (with string keys), list, str, int, float, bool and None. Reading makes nothing else: no
tag can name a class, no key is silently lost, and no text can take more memory or stack than `Limits` allows.
"""

from initkit.documents.document import Document, Limits, PlainData
from initkit.documents.json_reader import read_json
from initkit.documents.writer import json_text, write_inline, write_json, write_yaml
from initkit.documents.yaml_reader import read_yaml

__all__ = [
    "Document",
    "Limits",
    "PlainData",
    "json_text",
    "read_json",
    "read_yaml",
    "write_inline",
    "write_json",
    "write_yaml",
]
