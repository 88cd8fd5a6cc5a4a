"""The full catalogue, every dtype and slice: on the GPU the values are those that were published."""

from __future__ import annotations

from ast import literal_eval
from hashlib import blake2b
from typing import Any

import pytest

import initkit as ik
from tests.catalogue import ENTRIES, Entry
from tests.golden import digests
from tests.gpu.device import assert_same_bits, gpu_generator, on_gpu, on_host
from tests.tiny_values import TINY_VALUES

pytestmark = pytest.mark.gpu

EXACT = [entry for entry in ENTRIES if entry.exact]
KEPT = digests.read()


def made_on_gpu(entry: Entry, seed: str = "7") -> Any:
    """The initializer behind the entry's lines of one seed, drawing on the GPU."""
    given = digests.SEEDS[seed]()
    if not isinstance(given, ik.SeedGenerator):
        return on_gpu(entry.make(given))
    return entry.make(ik.SeedGenerator.from_config({**given.get_config(), "backend": "cupy"}))


def digest(entry: Entry, label: str) -> str:
    """What the GPU gives for one line of the file."""
    _, seed, shape, dtype = label.split(" | ")
    # What draws nothing has no seed to say where its array lives: the scope does.
    with ik.seed_scope(gpu_generator()):
        values = made_on_gpu(entry, seed)(literal_eval(shape), dtype)
    return blake2b(on_host(values, dtype).tobytes(), digest_size=16).hexdigest()


@pytest.mark.parametrize("entry", EXACT, ids=str)
def test_values_are_those_of_the_stream(entry: Entry) -> None:
    """Every line of the golden file comes out of the GPU as well."""
    expected = {label: kept for label, kept in KEPT.items() if label.split(" | ")[0] == str(entry)}
    assert expected
    assert {label: digest(entry, label) for label in expected} == expected


def indices(shape: tuple[int, ...]) -> list[Any]:
    """Basic indices of that shape: part of every axis, with steps of both signs, and without an axis."""
    every = slice(None)
    picked: list[Any] = [
        ...,
        tuple(slice(1, None, 2) for _ in shape),
        tuple(slice(None, None, -1) for _ in shape),
    ]
    for axis, length in enumerate(shape):
        before = (every,) * axis
        picked += [(*before, slice(length // 3, length - length // 4)), (*before, slice(None, None, -2))]
        picked += [(*before, -1)] * bool(length)
    return picked


@pytest.mark.parametrize("entry", EXACT, ids=str)
def test_slices_alone_are_those_of_the_whole(entry: Entry) -> None:
    """In every dtype, a slice that the GPU makes alone has the bits of NumPy's whole tensor."""
    for dtype in entry.dtypes:
        for shape in entry.shapes:
            whole = entry.make()(shape, dtype)
            with ik.seed_scope(gpu_generator()):
                lazy = made_on_gpu(entry).lazy(shape, dtype)
            for index in indices(shape):
                assert_same_bits(lazy[index], whole[index])


LARGE = [
    (entry, dtype)
    for entry in EXACT
    for dtype in ("float32", "bfloat16", "float64")
    if f"{entry} | 7 | {entry.large} | {dtype}" in KEPT and entry.large and len(entry.large) == 2
]


@pytest.mark.parametrize(("entry", "dtype"), LARGE, ids=str)
def test_slices_of_large_tensors(entry: Entry, dtype: str) -> None:
    """Slices of many blocks with ragged ends, in rows, columns and steps, have the bits of the whole."""
    assert entry.large is not None
    rows, columns = entry.large
    whole, lazy = entry.make()(entry.large, dtype), made_on_gpu(entry).lazy(entry.large, dtype)
    for index in (
        (slice(rows // 3, None), slice(None)),
        (slice(None), slice(columns // 3 + 1, -3)),
        (slice(5, rows, 7), slice(columns, None, -3)),
        (slice(None), columns // 2),
        rows // 2,
    ):
        assert_same_bits(lazy[index], whole[index])


@pytest.mark.parametrize(("initializer", "dtype"), TINY_VALUES)
def test_subnormal_values_and_signs_of_zeros(initializer: ik.Initializer, dtype: str, cupy: Any) -> None:
    """Values too small for a normal float32 number, and zeros, have NumPy's bits."""
    with ik.seed_scope(gpu_generator()):
        values = on_gpu(initializer)((400, 90), dtype)
    assert_same_bits(values, initializer((400, 90), dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_products_of_nans(dtype: str, cupy: Any) -> None:
    """A product of NaN has NumPy's bits, whatever NaN the device's instruction makes of it."""
    initializer = ik.Scale(ik.NaN(), 2.0)
    with ik.seed_scope(gpu_generator()):
        values = initializer((33, 9), dtype)
    target = cupy.zeros((33, 18), dtype)[:, ::2]
    initializer.fill(target)
    for array in (values, target):
        assert_same_bits(array, initializer((33, 9), dtype))


def test_children_and_scopes() -> None:
    """A child's draw is its name's on the GPU too, and a scope sends what has no seed there."""
    for name in ("encoder.0.weight", "größe"):
        child = ik.SeedGenerator(7).child(name)
        assert_same_bits(
            ik.HeNormal(seed=gpu_generator().child(name))((33, 65)), ik.HeNormal(seed=child)((33, 65))
        )
    with ik.seed_scope(gpu_generator()):
        there = [ik.RandomUniform()((3, 5)) for _ in range(3)]
    with ik.seed_scope(7):
        here = [ik.RandomUniform()((3, 5)) for _ in range(3)]
    for array, expected in zip(there, here, strict=True):
        assert_same_bits(array, expected)


def test_a_thousand_small_tensors() -> None:
    """A thousand tensors, each keyed by its name, are NumPy's thousand."""
    names = [f"layer.{k}.weight" for k in range(1000)]
    there, here = gpu_generator(), ik.SeedGenerator(7)
    made = [ik.GlorotUniform(seed=there.child(name))((64, 64)) for name in names]
    for name, array in zip(names, made, strict=True):
        assert_same_bits(array, ik.GlorotUniform(seed=here.child(name))((64, 64)))
