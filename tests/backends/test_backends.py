"""Where arrays live: the contract, its NumPy side, and the way to it by name."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from initkit.backends import BACKENDS, Backend, check_backend, checked_backend_name, get_backend
from initkit.draws import draw_key
from initkit.dtypes import DTYPES
from initkit.errors import ArgumentTypeError, BackendError, ShapeError
from initkit.region import Region

KEY = draw_key(7)


def test_contract() -> None:
    """A backend does these few things and no others."""
    drawing = {"uniform", "normal", "truncated_normal"}
    assert Backend.__abstractmethods__ == {
        *("empty", "store", "widened", "scale", "shift", "put", "bits", "to_numpy"),
        *drawing,
    }
    public = {name for name in vars(Backend) if not name.startswith("_")}
    assert public == {"on_device", "device", *Backend.__abstractmethods__}


def test_numpy_is_one_object() -> None:
    """However it is asked for, NumPy is one backend, also after a pickle."""
    backend = get_backend("numpy")
    assert get_backend("numpy", None) is get_backend("numpy", "cpu") is backend
    assert pickle.loads(pickle.dumps(backend)) is backend
    assert (backend.name, backend.device, backend.xp) == ("numpy", None, np)


@pytest.mark.parametrize("name", DTYPES)
def test_empty(name: str) -> None:
    """A new array has the shape and dtype asked for, in rows."""
    array = get_backend("numpy").empty((2, 3), DTYPES[name])
    assert array.shape == (2, 3)
    assert array.dtype == DTYPES[name].numpy
    assert array.flags.c_contiguous


def test_empty_beyond_numpys_numbers() -> None:
    """What NumPy cannot number is a ShapeError that points to lazy arrays."""
    with pytest.raises(
        ShapeError, match=r"NumPy cannot make .*Received: shape \(4611686018427387903,\), dtype float64"
    ):
        get_backend("numpy").empty((2**62 - 1,), DTYPES["float64"])


@pytest.mark.parametrize(
    ("law", "parameters", "inside"),
    [
        ("uniform", (-1.0, 3.0), (-1.0, 3.0)),
        ("normal", (1.0, 0.5), (-3.0, 5.0)),
        ("truncated_normal", (1.0, 0.5, -1.0, 3.0), (0.5, 2.5)),
    ],
)
@pytest.mark.parametrize("name", [row.name for row in DTYPES.values() if row.kind == "float"])
def test_laws_fill_regions(law: str, parameters: Any, inside: tuple[float, float], name: str) -> None:
    """Every law fills the whole and its regions alike, within its bounds, in every float dtype."""
    backend = get_backend("numpy")
    shape = (6, 10)
    whole = backend.empty(shape, DTYPES[name])
    getattr(backend, law)(whole, Region.whole(shape), KEY, *parameters)
    wide = whole.astype(np.float64)
    assert inside[0] <= wide.min() < wide.max() <= inside[1]
    region, _ = Region.from_index(shape, np.s_[4:1:-1, 1::3])
    part = backend.empty(region.counts, DTYPES[name])
    getattr(backend, law)(part, region, KEY, *parameters)
    assert part.tobytes() == whole[4:1:-1, 1::3].tobytes()


@pytest.mark.parametrize("name", BACKENDS)
def test_known_names(name: str) -> None:
    """Every backend's name is known, whether it can be used here or not."""
    assert checked_backend_name(name) == name


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("tpu", BackendError, r"Unknown backend. Received: backend='tpu'. Allowed: 'numpy', 'cupy'"),
        ("nunpy", BackendError, r"Did you mean 'numpy'"),
        ("NumPy", BackendError, r"Did you mean 'numpy'"),
        ("", BackendError, "Unknown backend"),
        (None, ArgumentTypeError, r"`backend` must be a string. Received: None .*Allowed: 'numpy', 'cupy'"),
        (np, ArgumentTypeError, "must be a string"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_unknown_names(name: Any, error: type[Exception], message: str) -> None:
    """Another name is refused with those that there are."""
    with pytest.raises(error, match=message):
        check_backend(name)


@pytest.mark.parametrize("device", ["cuda", 0, "cpu:0", 1.5])
def test_numpy_has_one_device(device: Any) -> None:
    """NumPy's arrays are in this process' memory and nowhere else."""
    with pytest.raises(BackendError, match=r"no such device. Received: device=.*Allowed: None, 'cpu'"):
        check_backend("numpy", device)


def test_numpy_assigns() -> None:
    """On NumPy values are just assigned, nothing has to be made current, and arrays are there already."""
    backend, out = get_backend("numpy"), np.zeros((2, 3), np.float16)
    with backend.on_device():
        backend.put(out, np.s_[:, ::-1], np.arange(6, dtype=np.float16).reshape(2, 3))
    assert out.tolist() == [[2, 1, 0], [5, 4, 3]]
    assert backend.to_numpy(out) is backend.bits(out) is out
