"""The safetensors format, spelled out byte by byte, and against the official library in both directions."""

import io
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, FileFormatError, ShapeError
from initkit.io import DTYPE_NAMES, Layout, StoredTensor, TensorEntry, plan_layout, read_header
from initkit.io.safetensors import position_in

official_reader: Any = safetensors.deserialize

GOLDEN_ENTRIES = [
    TensorEntry("ln.bias", "bfloat16", (3,)),
    TensorEntry("wte.weight", "float32", (2, 3)),
    TensorEntry("mask", "bool", ()),
    TensorEntry("empty", "int64", (0, 4)),
]
GOLDEN_METADATA = {"recipe": 'seed: 1\n"é"', "format": "pt"}
# Eight bytes per element come first, though there is none here; then four, two, one. Offsets leave no gaps.
GOLDEN_PREFIX = (
    b"\x30\x01\x00\x00\x00\x00\x00\x00"  # 304, of which the last is a space
    b'{"__metadata__":{"format":"pt","recipe":"seed: 1\\n\\"\xc3\xa9\\""},'
    b'"empty":{"dtype":"I64","shape":[0,4],"data_offsets":[0,0]},'
    b'"wte.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},'
    b'"ln.bias":{"dtype":"BF16","shape":[3],"data_offsets":[24,30]},'
    b'"mask":{"dtype":"BOOL","shape":[],"data_offsets":[30,31]}} '
)


def test_golden_layout() -> None:
    """The bytes before the tensors are exactly these, and each tensor stands where they say."""
    layout = plan_layout(GOLDEN_ENTRIES, GOLDEN_METADATA)
    assert layout.prefix == GOLDEN_PREFIX
    assert layout.size == 312 + 31
    assert list(layout.tensors.values()) == [
        StoredTensor("empty", "int64", (0, 4), 312, 0),
        StoredTensor("wte.weight", "float32", (2, 3), 312, 24),
        StoredTensor("ln.bias", "bfloat16", (3,), 336, 6),
        StoredTensor("mask", "bool", (), 342, 1),
    ]
    assert read_header(io.BytesIO(GOLDEN_PREFIX + bytes(31))) == layout


def test_golden_empty_file() -> None:
    """A file without tensors and metadata is ten bytes that matter, and six spaces."""
    assert plan_layout([]).prefix == b"\x08\0\0\0\0\0\0\0{}      "
    assert plan_layout([]) == plan_layout([], {}) == read_header(io.BytesIO(plan_layout([]).prefix))


def test_same_arguments_same_bytes() -> None:
    """Neither the order of the metadata nor a second run changes a byte."""
    metadata = {f"key {i}": str(i) for i in range(16)}
    backwards = dict(reversed(metadata.items()))
    prefixes = {plan_layout(GOLDEN_ENTRIES, data).prefix for data in [metadata, backwards] * 10}
    assert len(prefixes) == 1


def _values(dtype_name: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Values whose bytes are all different."""
    dtype = np.dtype(getattr(ml_dtypes, dtype_name, dtype_name))
    count = int(np.prod(shape, dtype=int))
    values = np.arange(1, count * dtype.itemsize + 1, dtype="uint8")
    return np.asarray(values % 2 if dtype_name == "bool" else values).view(dtype).reshape(shape)


def _tensor(array: np.ndarray[Any, Any]) -> Any:
    """The same values in torch."""
    dtype = getattr(torch, array.dtype.name)
    if not array.size:
        return torch.zeros(array.shape, dtype=dtype)
    return torch.frombuffer(bytearray(array.tobytes()), dtype=dtype).reshape(array.shape)


def _file(layout: Layout, values: dict[str, np.ndarray[Any, Any]]) -> bytes:
    """A whole file in memory."""
    data = bytearray(layout.size)
    data[: len(layout.prefix)] = layout.prefix
    for name, tensor in layout.tensors.items():
        data[tensor.start : tensor.start + tensor.nbytes] = values[name].tobytes()
    return bytes(data)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (0,), (2, 0, 3), (2, 3), (1, 2, 3)], ids=str)
def test_the_official_library_reads_every_dtype(shape: tuple[int, ...]) -> None:
    """Names, dtypes, shapes and bytes arrive in torch as they were meant, all dtypes in one file."""
    values = {f"größe.{name}": _values(name, shape) for name in DTYPE_NAMES}
    entries = [TensorEntry(name, array.dtype.name, array.shape) for name, array in values.items()]
    loaded = safetensors.torch.load(_file(plan_layout(entries, {"k": "v"}), values))
    assert loaded.keys() == values.keys()
    for name, array in values.items():
        tensor = loaded[name]
        assert tensor.dtype == getattr(torch, array.dtype.name)
        assert tuple(tensor.shape) == shape
        assert tensor.reshape(-1).view(torch.uint8).numpy().tobytes() == array.tobytes()


def test_the_official_library_reads_metadata(tmp_path: Path) -> None:
    """Metadata of any script and with any control character arrives as it was."""
    metadata = {"recipe": "seed: 1\n\ttensors: …\0\x1f\x7f\u2028😀", "ключ": '"\\/'}
    path = tmp_path / "x.safetensors"
    path.write_bytes(plan_layout([], metadata).prefix)
    with safetensors.safe_open(path, "pt") as opened:
        assert opened.metadata() == metadata
    assert read_header(path).metadata == metadata


@pytest.mark.parametrize("dtype_name", DTYPE_NAMES)
def test_same_bytes_as_the_official_writer(dtype_name: str) -> None:
    """For one dtype, sorted names and one text of metadata, the files are equal byte for byte."""
    values = {
        f"{name}é\n": _values(dtype_name, shape) for name, shape in [("a", (2, 3)), ("b", ()), ("c", (0,))]
    }
    tensors = {name: _tensor(array) for name, array in values.items()}
    layout = plan_layout(
        [TensorEntry(name, dtype_name, array.shape) for name, array in values.items()], {"k": "é"}
    )
    assert _file(layout, values) == safetensors.torch.save(tensors, {"k": "é"})


def test_files_of_the_official_writer_are_read() -> None:
    """The official order and all its dtypes are understood; the bytes are where the header says."""
    names = [*DTYPE_NAMES, "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]
    values = {name: _values(name, (2, 5)) for name in reversed(names)}
    tensors = {name: _tensor(array) for name, array in values.items()}
    data = safetensors.torch.save(tensors, {"format": "pt"})
    layout = read_header(io.BytesIO(data))
    assert layout.metadata == {"format": "pt"}
    assert layout.size == len(data)
    for name, array in values.items():
        tensor = layout.tensors[name]
        assert (tensor.dtype_name, tensor.shape) == (name, (2, 5))
        assert data[tensor.start : tensor.start + tensor.nbytes] == array.tobytes()


def test_packed_dtypes_are_read() -> None:
    """Elements smaller than a byte are packed: eight of six bits take six bytes."""
    header = {
        "a": {"dtype": "F6_E2M3", "shape": [2, 4], "data_offsets": [0, 6]},
        "b": {"dtype": "F4", "shape": [4], "data_offsets": [6, 8]},
    }
    layout = read_header(io.BytesIO(_raw(header, 8)))
    assert [tensor.nbytes for tensor in layout.tensors.values()] == [6, 2]
    assert layout.tensors["b"].dtype_name == "float4_e2m1fn"


names = st.text(max_size=8).filter(lambda name: name != "__metadata__")
shapes = st.lists(st.integers(0, 5), max_size=4).map(tuple)
entry_lists = st.lists(
    st.builds(TensorEntry, names, st.sampled_from(list(DTYPE_NAMES)), shapes),
    unique_by=lambda entry: entry.name,
)


@given(entry_lists, st.dictionaries(st.text(max_size=8), st.text(max_size=20)))
def test_any_layout(entries: list[TensorEntry], metadata: dict[str, str]) -> None:
    """All tensors are there, aligned and without gaps; and the header reads back as it was planned."""
    layout = plan_layout(entries, metadata)
    assert len(layout.prefix) % 8 == 0
    end = len(layout.prefix)
    sizes = []
    for tensor in layout.tensors.values():
        itemsize = np.dtype(getattr(ml_dtypes, tensor.dtype_name, tensor.dtype_name)).itemsize
        assert tensor.start == end
        assert tensor.start % itemsize == 0
        assert tensor.nbytes == itemsize * int(np.prod(tensor.shape, dtype=int))
        end += tensor.nbytes
        sizes.append(itemsize)
    assert layout.size == end
    assert sizes == sorted(sizes, reverse=True)
    assert {(t.name, t.dtype_name, t.shape) for t in layout.tensors.values()} == {
        (e.name, e.dtype_name, e.shape) for e in entries
    }
    data = layout.prefix + bytes(layout.size - len(layout.prefix))
    assert read_header(io.BytesIO(data)) == layout
    described = dict(official_reader(data))
    assert {name: tuple(value["shape"]) for name, value in described.items()} == {
        e.name: e.shape for e in entries
    }


@pytest.mark.parametrize(
    ("entries", "metadata", "error", "message"),
    [
        (
            [("a", "float32", (1,)), ("a", "int8", (2,))],
            None,
            ArgumentError,
            "name 'a' is used twice. Rename",
        ),
        (
            [("__metadata__", "float32", (1,))],
            None,
            ArgumentError,
            "'__metadata__' is reserved by the format",
        ),
        ([("\ud800", "float32", (1,))], None, ArgumentError, "A tensor's name cannot be written as UTF-8"),
        ([(3, "float32", (1,))], None, ArgumentTypeError, "name must be text. Received: 3"),
        (
            [("a", "complex128", (1,))],
            None,
            DTypeError,
            "Received: dtype 'complex128'. Allowed: float64, .* Convert",
        ),
        ([("a", "F32", (1,))], None, DTypeError, "Received: dtype 'F32'"),
        ([("a", "float8_e8m0fnu", (1,))], None, DTypeError, "cannot be stored"),
        ([("a", "float32", (-1,))], None, ShapeError, r"Received: shape \(-1,\). Allowed: integers from 0"),
        ([("a", "float32", (1.0,))], None, ShapeError, "Received: shape"),
        ([("a", "float32", (True,))], None, ShapeError, "Received: shape"),
        ([("a", "float32", (2**63,))], None, ShapeError, "Received: shape"),
        (
            [("a", "float32", (2**31, 2**31))],
            None,
            ArgumentError,
            "file would be too large: 18,446,744,073,709,551,",
        ),
        ([], {"a": 1}, ArgumentTypeError, "Metadata must be text. Received: 1, a int"),
        ([], {1: "a"}, ArgumentTypeError, "Metadata must be text. Received: 1"),
        ([], {"a": "\udfff"}, ArgumentError, "text of the metadata cannot be written as UTF-8"),
        ([], {"a": "x" * 100_000_000}, ArgumentError, "header would be too long: 100,000,0.. bytes"),
    ],
    ids=range(16),
)
def test_what_cannot_be_planned(
    entries: list[tuple[Any, str, tuple[Any, ...]]], metadata: Any, error: type[Exception], message: str
) -> None:
    """Each entry that the format cannot hold is refused with its reason."""
    with pytest.raises(error, match=message):
        plan_layout([TensorEntry(*entry) for entry in entries], metadata)


def _raw(header: object, count: int) -> bytes:
    """A file with a header that need not be right, and so many bytes after it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(count)


def _one(**changes: object) -> dict[str, object]:
    """The header of one tensor of two bytes, with something changed."""
    return {"x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2], **changes}}


# (the file's bytes, words of the message, whether the official library reads it all the same)
DAMAGED = [
    (b"", "ends after 0 of 8 bytes of its header", False),
    (b"\x08\0\0\0\0\0\0", "ends after 7 of 8 bytes", False),
    (_raw(_one(), 2)[:-9], "give the header 60 bytes, and the file has", False),
    (
        b"PK\x03\x04" + bytes(100),
        "first 8 bytes give the header 67,324,752 bytes, and the file has 104",
        False,
    ),
    ((10**8 + 1).to_bytes(8, "little") + bytes(100), "of which at most 100,000,000 may be header", False),
    (_raw(b"", 0), "does not begin with '{'", False),
    (_raw(b"[]", 0), "does not begin with '{'", False),
    (_raw(b" {}", 0), "does not begin with '{'", True),
    (_raw(b"{\xff}", 0), "not UTF-8", False),
    (
        _raw(b'{"\\ud800":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}', 2),
        "has a name that is not",
        False,
    ),
    (_raw(b"{", 0), "this is not JSON", False),
    (_raw(b"{} x", 0), "this is not JSON", False),
    (_raw(b"{\0}", 0), "this is not JSON", False),
    (_raw(b"{" + b'"a":{' * 1000, 0), "nested too deeply", False),
    (_raw(b'{"a":' * 100_000, 0), "nested too deeply", False),
    (
        _raw(json.dumps(_one()).encode()[:-1] + b"," + json.dumps(_one()).encode()[1:], 2),
        "'x' stands twice",
        True,
    ),
    (_raw({"__metadata__": ["a"]}, 0), "its metadata is not a mapping", False),
    (_raw({"__metadata__": None}, 0), "its metadata is not a mapping", True),
    (_raw({"__metadata__": {"b": "x", "a": 1}}, 0), "its metadata 'a' is not text", False),
    (_raw({"x": [1]}, 0), "tensor 'x' lacks dtype, shape or data_offsets", False),
    (_raw({"x": {"dtype": "U8", "shape": [2]}}, 2), "lacks dtype, shape or data_offsets", False),
    (_raw(_one(dtype="F128"), 2), "unknown dtype 'F128'; known are F64, F32", False),
    (_raw(_one(dtype="u8"), 2), "unknown dtype 'u8'", False),
    (_raw(_one(dtype=8), 2), "unknown dtype 8", False),
    (_raw(_one(shape=2), 2), "has the shape 2, which is not a list of lengths", False),
    (_raw(_one(shape=[2.0]), 2), "not a list of lengths", False),
    (_raw(_one(shape=[-2]), 2), "not a list of lengths", False),
    (_raw(_one(shape=[True, 2]), 2), "not a list of lengths", False),
    (_raw(_one(shape=["2"]), 2), "not a list of lengths", False),
    (_raw(_one(shape=[2**64, 0], data_offsets=[0, 0]), 0), "not a list of lengths", False),
    (_raw(_one(shape=[3]), 2), r"data_offsets \[0, 2\], which do not span its bytes", False),
    (_raw(_one(data_offsets=[0]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets=[0, 2, 4]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets=[2, 0]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets=[-2, 0]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets=[0.0, 2.0]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets="02"), 2), "do not span its bytes", False),
    (_raw(_one(dtype="F4", shape=[3]), 2), "do not span its bytes", False),
    (_raw(_one(dtype="F4", shape=[3], data_offsets=[0, -1]), 2), "do not span its bytes", False),
    (_raw(_one(data_offsets=[1, 3]), 3), "begins at byte .*, but what is before it ends at", False),
    (_raw(_one() | {"y": _one()["x"]}, 2), "'.' begins at byte .*, but what is before it ends at", False),
    (
        _raw(_one() | {"y": {"dtype": "U8", "shape": [1], "data_offsets": [3, 4]}}, 4),
        "'y' begins at byte",
        False,
    ),
    (_raw(_one(), 1), "header describes .* bytes, and the file has", False),
    (_raw(_one(), 3), "header describes .* bytes, and the file has", False),
]


@pytest.mark.parametrize(("data", "message", "accepted"), DAMAGED, ids=range(len(DAMAGED)))
def test_damaged_file(tmp_path: Path, data: bytes, message: str, accepted: bool) -> None:
    """Each damaged file is refused with its name and the reason, as by the official library but for three."""
    path = tmp_path / "model.safetensors"
    path.write_bytes(data)
    with pytest.raises(
        FileFormatError, match=f"model.safetensors is not a whole safetensors file: .*{message}"
    ):
        read_header(path)
    if accepted:
        official_reader(data)
    else:
        with pytest.raises(safetensors.SafetensorError):
            official_reader(data)


def test_other_keys_and_unaligned_tensors_are_read() -> None:
    """What other writers may do is no error: keys of their own, tensors in any order and at any position."""
    header = {
        "f": {"dtype": "F32", "shape": [1], "data_offsets": [1, 5], "comment": "mine"},
        "b": {"dtype": "U8", "shape": [], "data_offsets": [0, 1]},
    }
    layout = read_header(io.BytesIO(_raw(header, 5)))
    assert list(layout.tensors) == ["b", "f"]
    assert layout.tensors["f"].start == len(layout.prefix) + 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A file that is not there is the system's own error, with the name."""
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        read_header(tmp_path / "nothing.safetensors")


def test_position_in() -> None:
    """A stretch of a tensor is found from the beginning of the file, and has to lie within the tensor."""
    layout = plan_layout(GOLDEN_ENTRIES)
    start = layout.tensors["wte.weight"].start
    assert position_in(layout, "wte.weight", 0, 24) == start
    assert position_in(layout, "wte.weight", 24, 0) == start + 24
    assert position_in(layout, "empty", 0, 0) == start
    for offset, count in [(-1, 1), (24, 1), (0, 25), (25, 0)]:
        with pytest.raises(
            ArgumentError, match=f"Bytes {offset} to {offset + count} are not within tensor 'wte"
        ):
            position_in(layout, "wte.weight", offset, count)
    with pytest.raises(
        ArgumentError, match=r"no tensor 'wte.weigth' in this file.*Did you mean 'wte.weight'"
    ):
        position_in(layout, "wte.weigth", 0, 1)
