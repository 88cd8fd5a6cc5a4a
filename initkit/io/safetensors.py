"""The safetensors format: what stands where in a file.

    8 bytes     the length of the header, an unsigned little-endian integer
    header      JSON in UTF-8, filled up with spaces to a multiple of 8:
                {"__metadata__": {key: text, …},
                 name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …}
    tensors     row-major, little-endian, one after the other without gaps; offsets count from here

Reference:
    https://github.com/huggingface/safetensors#format; behaviour checked against safetensors 0.8.0.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import BinaryIO, NoReturn

from initkit.documents import Limits, PlainData, read_json
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConfigError,
    DTypeError,
    FileFormatError,
    ShapeError,
    did_you_mean,
    nearest_names,
)

# The format's name, NumPy's or ml_dtypes' name, and the bits of one element.
_WRITTEN = (
    ("F64", "float64", 64),
    ("F32", "float32", 32),
    ("F16", "float16", 16),
    ("BF16", "bfloat16", 16),
    ("F8_E4M3", "float8_e4m3fn", 8),
    ("F8_E5M2", "float8_e5m2", 8),
    ("C64", "complex64", 64),
    ("I64", "int64", 64),
    ("I32", "int32", 32),
    ("I16", "int16", 16),
    ("I8", "int8", 8),
    ("U64", "uint64", 64),
    ("U32", "uint32", 32),
    ("U16", "uint16", 16),
    ("U8", "uint8", 8),
    ("BOOL", "bool", 8),
)
# What the format has besides, and only other programs write: so that every file can be looked into.
_READ = (
    ("F8_E4M3FNUZ", "float8_e4m3fnuz", 8),
    ("F8_E5M2FNUZ", "float8_e5m2fnuz", 8),
    ("F8_E8M0", "float8_e8m0fnu", 8),
    ("F6_E2M3", "float6_e2m3fn", 6),
    ("F6_E3M2", "float6_e3m2fn", 6),
    ("F4", "float4_e2m1fn", 4),
)
DTYPE_NAMES = {name: code for code, name, _ in _WRITTEN}
"""The format's name of every dtype that can be written, by NumPy's name."""

_DTYPES = {code: (name, bits) for code, name, bits in (*_WRITTEN, *_READ)}

_METADATA = "__metadata__"
_LENGTH_BYTES = 8
# The header is filled up to a multiple of this, so that the largest elements are aligned.
_ALIGNMENT = 8
# The official reader refuses longer headers.
_LONGEST_HEADER = 100_000_000
# Sizes are signed 64-bit integers in most programs that read these files.
_LARGEST_SIZE = 2**63 - 1
_MOST_AXES = 64
_HEADER_LIMITS = Limits(text=_LONGEST_HEADER, depth=8, nodes=_LONGEST_HEADER)


@dataclass(frozen=True, slots=True)
class TensorEntry:
    """A tensor that is to be stored.

    Args:
        name: Its name in the file.
        dtype_name: NumPy's name of its dtype, as `"bfloat16"`.
        shape: Its shape; `()` for a scalar.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor and its place in a file.

    Args:
        name: Its name in the file.
        dtype_name: NumPy's or ml_dtypes' name of its dtype.
        shape: Its shape.
        start: The position of its first byte, counted from the beginning of the file.
        nbytes: How many bytes it has.
    """

    name: str
    dtype_name: str
    shape: tuple[int, ...]
    start: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Layout:
    """What stands where in one file.

    Args:
        tensors: The tensors by name, in the order of their bytes.
        metadata: The texts stored beside them.
        prefix: The bytes before the first tensor: the header and its length.
        size: The size of the whole file in bytes.
    """

    tensors: Mapping[str, StoredTensor]
    metadata: Mapping[str, str]
    prefix: bytes
    size: int


def plan_layout(entries: Iterable[TensorEntry], metadata: Mapping[str, str] | None = None) -> Layout:
    """Decide where each tensor stands.

    Tensors with larger elements come first, so that each begins at a multiple of its element's size; among
    equals the order is the one given. The same arguments give the same bytes, and where all dtypes are equal
    and the names sorted these are the bytes that the official writer makes.

    Args:
        entries: The tensors.
        metadata: Texts to store beside them; stored sorted by key.

    Returns:
        The layout.

    Raises:
        ArgumentError: If a name comes twice, is `__metadata__` or cannot be written as UTF-8; if the header
            or the file would be too large for the format.
        ArgumentTypeError: If a name, or a key or value of the metadata, is not a string.
        DTypeError: If the format has no such dtype.
        ShapeError: If a shape holds anything but non-negative integers.

    Example:
        >>> layout = plan_layout([TensorEntry("b", "bfloat16", (3,)), TensorEntry("w", "float32", (2, 3))])
        >>> layout.tensors["w"].start == len(layout.prefix), layout.tensors["b"].nbytes
        (True, 6)
    """
    texts = _checked_metadata(metadata or {})
    header: dict[str, object] = {_METADATA: texts} if texts else {}
    ends: dict[str, tuple[TensorEntry, int, int]] = {}
    end = 0
    for entry, bits in sorted(map(_checked, entries), key=lambda pair: -pair[1]):
        begin, end = end, end + _nbytes(entry.shape, bits)
        if entry.name in ends:
            message = f"The tensor name {entry.name!r} is used twice. Rename one of the two."
            raise ArgumentError(message)
        ends[entry.name] = entry, begin, end
        code = DTYPE_NAMES[entry.dtype_name]
        header[entry.name] = {"dtype": code, "shape": list(entry.shape), "data_offsets": [begin, end]}
    prefix = _prefix(header)
    size = len(prefix) + end
    if size > _LARGEST_SIZE:
        message = f"The file would be too large: {size:,} bytes. Allowed: {_LARGEST_SIZE:,}."
        raise ArgumentError(message)
    tensors = {
        name: StoredTensor(name, entry.dtype_name, tuple(entry.shape), len(prefix) + begin, end - begin)
        for name, (entry, begin, end) in ends.items()
    }
    return Layout(tensors, texts, prefix, size)


def _checked_metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata in the order of its keys."""
    for text in (*metadata, *metadata.values()):
        if not isinstance(text, str):
            message = f"Metadata must be text. Received: {text!r:.80}, a {type(text).__name__}. Allowed: str."
            raise ArgumentTypeError(message)
        _check_encodable(text, "A text of the metadata")
    return dict(sorted(metadata.items()))


def _checked(entry: TensorEntry) -> tuple[TensorEntry, int]:
    """An entry that can be stored, and the bits of its elements."""
    if not isinstance(entry.name, str):
        message = f"A tensor's name must be text. Received: {entry.name!r:.80}. Allowed: str."
        raise ArgumentTypeError(message)
    if entry.name == _METADATA:
        message = f"The tensor name {_METADATA!r} is reserved by the format. Rename the tensor."
        raise ArgumentError(message)
    _check_encodable(entry.name, "A tensor's name")
    if entry.dtype_name not in DTYPE_NAMES:
        message = f"Tensor {entry.name!r} cannot be stored. Received: dtype {entry.dtype_name!r}."
        message += f" Allowed: {', '.join(DTYPE_NAMES)}. Convert it to one of these."
        raise DTypeError(message)
    if not all(map(_is_length, entry.shape)):
        message = f"Tensor {entry.name!r} cannot be stored. Received: shape {entry.shape!r:.80}."
        message += " Allowed: integers from 0 to 2**63 - 1."
        raise ShapeError(message)
    return entry, _DTYPES[DTYPE_NAMES[entry.dtype_name]][1]


def _is_length(length: object) -> bool:
    return type(length) is int and 0 <= length <= _LARGEST_SIZE


def _check_encodable(text: str, who: str) -> None:
    """Refuse lone surrogates, which Python's strings can hold and UTF-8 cannot."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        message = f"{who} cannot be written as UTF-8. Received: {text!r:.80}. Remove the lone surrogate."
        raise ArgumentError(message) from None


def _nbytes(shape: Sequence[int], bits: int) -> int:
    """The bytes of a tensor; elements smaller than one are packed, and -1 is for a remainder."""
    whole, remainder = divmod(prod(shape) * bits, 8)
    return -1 if remainder else whole


def _prefix(header: dict[str, object]) -> bytes:
    """The header as bytes with its length before it."""
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % _ALIGNMENT)
    if len(text) > _LONGEST_HEADER:
        message = f"The header would be too long: {len(text):,} bytes. Allowed: {_LONGEST_HEADER:,}."
        message += " Spread the tensors over several files."
        raise ArgumentError(message)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def position_in(layout: Layout, name: str, offset: int, count: int) -> int:
    """Find a stretch of a tensor's bytes in the file.

    Args:
        layout: What stands where.
        name: The tensor.
        offset: Where the stretch begins, in bytes from the tensor's first.
        count: How many bytes it has.

    Returns:
        The position of its first byte in the file.

    Raises:
        ArgumentError: If there is no such tensor, or the stretch is not within it.
    """
    if name not in layout.tensors:
        message = f"There is no tensor {name!r} in this file. It has {len(layout.tensors)} others."
        raise ArgumentError(message + did_you_mean(nearest_names(name, layout.tensors)))
    tensor = layout.tensors[name]
    if not 0 <= offset <= tensor.nbytes - count:
        message = f"Bytes {offset:,} to {offset + count:,} are not within tensor {name!r}."
        message += f" Allowed: 0 to {tensor.nbytes:,}."
        raise ArgumentError(message)
    return tensor.start + offset


def read_header(file: str | os.PathLike[str] | BinaryIO) -> Layout:
    """Read and check everything in a file but the tensors' values.

    Args:
        file: The path of a safetensors file, or such a file opened for reading bytes.

    Returns:
        The layout. It equals that of `plan_layout` where this package wrote the file.

    Raises:
        FileFormatError: If the file is no safetensors file, is cut off, or has bytes of no tensor.
        OSError: If it cannot be read.
    """
    if isinstance(file, (str, os.PathLike)):
        with Path(file).open("rb") as opened:
            return read_header(opened)
    name = str(getattr(file, "name", "the file"))
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    length = int.from_bytes(_read(file, _LENGTH_BYTES, name), "little")
    if length > min(_LONGEST_HEADER, size - _LENGTH_BYTES):
        message = f"its first 8 bytes give the header {length:,} bytes, and the file has {size:,}"
        _fail(name, f"{message}, of which at most {_LONGEST_HEADER:,} may be header")
    prefix = length.to_bytes(_LENGTH_BYTES, "little") + _read(file, length, name)
    header = _parsed(prefix[_LENGTH_BYTES:], name)
    metadata = _read_metadata(header.pop(_METADATA, {}), name)
    tensors = [_read_tensor(key, value, len(prefix), name) for key, value in header.items()]
    tensors.sort(key=lambda tensor: (tensor.start, tensor.nbytes))
    end = len(prefix)
    for tensor in tensors:
        if tensor.start != end:
            message = f"tensor {tensor.name!r} begins at byte {tensor.start:,}, but what is before it ends at"
            _fail(name, f"{message} {end:,}")
        end += tensor.nbytes
    if end != size:
        _fail(name, f"its header describes {end:,} bytes, and the file has {size:,}")
    return Layout({tensor.name: tensor for tensor in tensors}, metadata, prefix, size)


def _read(file: BinaryIO, count: int, name: str) -> bytes:
    """So many bytes, and not fewer."""
    data = file.read(count)
    if len(data) != count:
        _fail(name, f"it ends after {len(data)} of {count} bytes of its header")
    return data


def _parsed(text: bytes, name: str) -> dict[str, PlainData]:
    """The header's JSON, which has to be an object."""
    if not text.startswith(b"{"):
        _fail(name, "its header does not begin with '{'")
    try:
        header = read_json(text.decode("utf-8"), limits=_HEADER_LIMITS).data
        assert isinstance(header, dict)
        # JSON can escape what no UTF-8 text can hold.
        "".join(header).encode("utf-8")
    except UnicodeError:
        _fail(name, "its header is not UTF-8, or has a name that is not")
    except ConfigError as error:
        _fail(name, f"in its header, {error.reason.rstrip('.')}")
    return header


def _read_metadata(metadata: PlainData, name: str) -> dict[str, str]:
    """The metadata, which has to be texts."""
    if not isinstance(metadata, dict):
        _fail(name, "its metadata is not a mapping")
    texts = {key: text for key, text in metadata.items() if isinstance(text, str)}
    if len(texts) != len(metadata):
        _fail(name, f"its metadata {min(metadata.keys() - texts.keys())!r} is not text")
    return texts


def _read_tensor(key: str, value: PlainData, origin: int, name: str) -> StoredTensor:
    """One tensor of a header, after a check of all that the header says of it."""
    if not isinstance(value, dict) or not {"dtype", "shape", "data_offsets"} <= value.keys():
        _fail(name, f"tensor {key!r} lacks dtype, shape or data_offsets")
    code, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not isinstance(code, str) or code not in _DTYPES:
        _fail(name, f"tensor {key!r} has the unknown dtype {code!r:.80}; known are {', '.join(_DTYPES)}")
    dtype_name, bits = _DTYPES[code]
    lengths, ends = _lengths(shape), _lengths(offsets)
    if lengths is None:
        _fail(name, f"tensor {key!r} has the shape {shape!r:.80}, which is not a list of lengths")
    nbytes = _nbytes(lengths, bits)
    if ends is None or len(ends) != 2 or ends[1] - ends[0] != nbytes or nbytes < 0:
        message = (
            f"tensor {key!r} of shape {shape!r:.80} and dtype {code} has the data_offsets {offsets!r:.80}"
        )
        _fail(name, f"{message}, which do not span its bytes")
    return StoredTensor(key, dtype_name, lengths, origin + ends[0], nbytes)


def _lengths(value: PlainData) -> tuple[int, ...] | None:
    """A list of non-negative integers as a tuple; None where it is anything else."""
    # The product of unbounded many would take unbounded time.
    if not isinstance(value, list) or len(value) > _MOST_AXES:
        return None
    lengths = tuple(length for length in value if isinstance(length, int) and _is_length(length))
    return lengths if len(lengths) == len(value) else None


def _fail(name: str, reason: str) -> NoReturn:
    """Raise for a file that is not what it should be."""
    message = f"{name} is not a whole safetensors file: {reason}. Write or download it again."
    raise FileFormatError(message)
