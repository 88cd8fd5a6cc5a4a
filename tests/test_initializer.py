"""The base classes: calls, lazy arrays, filling in place, seeds, and what users derive from them."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.draws import Draw
from initkit.dtypes import DTYPES, DType
from initkit.errors import ArgumentError, ArgumentTypeError, DTypeError, ShapeError
from initkit.initializer import RandomInitializer, RegionInitializer
from initkit.region import Region
from tests.catalogue import ENTRIES, Entry


@ik.register("initializer-test")
class Roof(ik.Initializer):
    """What the README shows: a constructor and a call."""

    def __init__(self, width: float = 1.0, seed: Any = None) -> None:
        self.width = width
        self.seed = seed

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        uniform = ik.RandomUniform(-1.0, 1.0, seed=self.seed)(shape, dtype)
        return self.width * (1 - abs(uniform))


class Returning(ik.Initializer):
    """Returns whatever it was given, cut to the shape asked for where that is possible."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return self.result


class Counting(RegionInitializer):
    """A region-wise class of a user's own: every element is its index."""

    kinds = ("float", "integer")

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        whole = np.arange(np.prod(region.shape)).reshape(region.shape)
        out[...] = whole[region.index()]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_fill_is_a_call(entry: Entry) -> None:
    """An existing array gets the values of a call with its shape and dtype, and is returned itself."""
    for shape in entry.shapes:
        for dtype in entry.dtypes:
            target = np.empty(shape, dtype)
            assert entry.make().fill(target) is target
            _assert_same(target, entry.make()(shape, dtype), entry)


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
@pytest.mark.parametrize("layout", ["columns first", "reversed", "strided", "inner"])
def test_fill_in_any_layout(entry: Entry, layout: str) -> None:
    """The layout of the array that is filled changes no value, and nothing beside it is written."""
    dtype = entry.dtypes[0]
    shape = next(shape for shape in entry.shapes if len(shape) > 1 and max(shape) > 1)
    cut: Any
    if layout == "columns first":
        memory, cut = np.zeros(shape, dtype, order="F"), ...
    elif layout == "reversed":
        memory, cut = np.zeros(shape, dtype), (slice(None, None, -1),) * len(shape)
    elif layout == "strided":
        memory, cut = np.zeros([2 * length for length in shape], dtype), (slice(None, None, 2),) * len(shape)
    else:
        memory, cut = np.zeros([length + 2 for length in shape], dtype), (slice(1, -1),) * len(shape)
    entry.make().fill(memory[cut])
    _assert_same(memory[cut], entry.make()(shape, dtype), entry)
    memory[cut] = 0
    assert not (memory != 0).any()


def test_fill_of_a_misaligned_array() -> None:
    """An array at an odd address is filled like any other, through a buffer."""
    memory = np.zeros(4 * 6 + 1, np.uint8)
    target = memory[1:].view(np.float32).reshape(2, 3)
    assert not target.flags.aligned
    ik.RandomNormal(seed=7).fill(target)
    assert target.tobytes() == ik.RandomNormal(seed=7)((2, 3)).tobytes()

    class Particular(Counting):
        def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
            assert out.flags.aligned
            super().fill_region(out, region, draw)

    assert Particular().fill(target).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_fill_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A strided array larger than the buffer is filled piece by piece, with the same values."""
    monkeypatch.setattr("initkit.initializer.BUFFER_ELEMENTS", 7)
    target = np.empty((5, 8), np.float32, order="F")
    ik.RandomNormal(seed=7).fill(target)
    assert np.array_equal(target, ik.RandomNormal(seed=7)((5, 8)))


def test_fill_of_subclasses() -> None:
    """Masked arrays and other subclasses are arrays, and stay what they are."""

    class Labelled(np.ndarray):
        pass

    expected = ik.RandomNormal(seed=7)((2, 3))
    for target in (np.zeros((2, 3), np.float32).view(Labelled), np.ma.zeros((2, 3), "f4")):
        assert ik.RandomNormal(seed=7).fill(target) is target
        assert np.asarray(target).tobytes() == expected.tobytes()


def test_users_class_works_everywhere() -> None:
    """A class of a constructor and a call has lazy arrays, filling, configs and equality."""
    roof = Roof(2.0, seed=7)
    whole = roof((6, 5), "float64")
    assert roof.lazy((6, 5), "float64")[1:4, ::2].tobytes() == whole[1:4, ::2].tobytes()
    assert roof.fill(np.empty((6, 5), order="F")).tobytes() == whole.tobytes()
    assert roof == ik.from_yaml(ik.to_yaml(roof)) == ik.get({"Roof": {"width": 2.0, "seed": 7}})
    assert pickle.loads(pickle.dumps(roof)) == roof
    assert roof.moments((6, 5)) is None
    assert roof.lazy((), "float64")[()] == roof((), "float64")


def test_users_region_class() -> None:
    """A class that makes regions makes no more than it is asked for, and refuses kinds it did not name."""
    lazy = Counting().lazy((4, 5), "int16")
    assert lazy[2, ::-2].tolist() == [14, 12, 10]
    assert Counting()((2, 2)).tolist() == [[0, 1], [2, 3]]
    with pytest.raises(DTypeError, match=r"Counting cannot make complex values. Received: dtype 'complex64'"):
        Counting()((2, 2), "complex64")


def test_users_class_with_initializers_inside() -> None:
    """Initializers can be arguments of initializers, by name too."""

    @ik.register("initializer-test")
    class Sum(ik.Initializer):
        def __init__(self, parts: Any = ("ones", "ones")) -> None:
            self.parts = [ik.get(part) for part in parts]

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return sum(part(shape, dtype) for part in self.parts)

    made = Sum([ik.RandomNormal(seed=3), "ones"])
    again = ik.from_json(ik.to_json(made))
    assert again == made
    assert again((3,)).tobytes() == made((3,)).tobytes()


def test_users_dataclass() -> None:
    """A frozen dataclass can be an initializer, unseeded calls and their warning included."""

    @dataclasses.dataclass(frozen=True)
    class Wide(RandomInitializer):
        seed: Any = None

        def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
            draw.backend.uniform(out, region, draw.key, 0.0, 1.0)

    wide = Wide()
    first = wide((3,))
    with pytest.warns(UserWarning, match="Wide has no seed"):
        assert np.array_equal(wide((3,)), first)
    assert Wide(7) == Wide.from_config({"seed": 7})


def test_abstract_classes() -> None:
    """What is not whole cannot be made, and Python says which method is missing."""

    class NoCall(ik.Initializer):
        pass

    class NoRegion(RegionInitializer):
        pass

    abstract: list[tuple[Any, str]] = [
        (ik.Initializer, "__call__"),
        (NoCall, "__call__"),
        (NoRegion, "fill_region"),
    ]
    for cls, method in abstract:
        assert inspect.isabstract(cls)
        with pytest.raises(TypeError, match=method):
            cls()


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        (np.zeros((3, 2)), ShapeError, r"another shape. Received: \(3, 2\) when called with \(2, 3\)"),
        (np.zeros(6), ShapeError, "another shape"),
        (0.0, ShapeError, r"Received: \(\)"),
        (np.zeros((2, 3), complex), DTypeError, "no float32. Received: complex128 values"),
        (np.array([["a"] * 3] * 2), ArgumentTypeError, "returned no array of numbers. Received: "),
        (None, ArgumentTypeError, "returned no array of numbers. Received: None"),
        (object(), ArgumentTypeError, "returned no array of numbers"),
        ([[1, 2, 3], [1]], ArgumentTypeError, "returned no array of numbers"),
        (np.zeros((2, 3), "M8[s]"), ArgumentTypeError, "returned no array of numbers"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_wrong_results_are_refused(result: Any, error: type[Exception], message: str) -> None:
    """What a user's call returns is checked before it is a weight."""
    made = Returning(result)
    with pytest.raises(error, match=message):
        made.fill(np.empty((2, 3), np.float32))
    with pytest.raises(error, match=message):
        made.lazy((2, 3))[0]


@pytest.mark.parametrize(
    ("result", "dtype", "expected"),
    [
        (np.full((2,), 1 / 3), "float32", np.float32(1 / 3)),
        (np.full((2,), 1 / 3), "bfloat16", np.float32(1 / 3)),
        # Just above a tie of float16, and the tie itself in float32.
        (np.full((2,), 1 + 2.0**-11 + 1e-12), "float16", np.float32(1)),
        ([1, 2], "float16", None),
        (np.array([True, False]), "int8", None),
        (np.array([1, 2]), "int8", None),
        (np.array([1, 2], "uint8"), "int64", None),
        (np.array([0.5, 1]), "complex64", None),
        (np.array([True, False]), "bool", None),
    ],
    ids=repr,
)
def test_right_results_are_rounded(result: Any, dtype: str, expected: Any) -> None:
    """A result of another precision, or of a kind that the dtype holds, becomes exactly the dtype."""
    values = Returning(result).lazy((2,), dtype)[:]
    assert values.dtype.name == dtype
    wanted = np.asarray(result) if expected is None else np.full(2, expected)
    assert np.array_equal(values, wanted.astype(DTYPES[dtype].numpy))


@pytest.mark.parametrize(
    ("result", "dtype"),
    [
        (np.array([1.0, 2.0]), "int8"),
        (np.array([1, 300]), "int8"),
        (np.array([1, -1]), "uint8"),
        (np.array([0, 2**63], "uint64"), "int64"),
        (np.array([0, -1], "int8"), "uint64"),
        (np.array([0, 1]), "bool"),
        (np.array([0j, 1j]), "float64"),
    ],
    ids=repr,
)
def test_results_that_would_be_changed_are_refused(result: Any, dtype: str) -> None:
    """Values that the dtype does not hold are never cut to ones that it does."""
    with pytest.raises(DTypeError, match=rf"returned values that are no {dtype}. Received: .*Allowed: "):
        Returning(result).lazy((2,), dtype)[:]


def test_a_call_may_return_another_librarys_array() -> None:
    """Whatever NumPy can read is a result."""

    class Foreign:
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
            return np.ones(2, dtype)

    assert Returning(Foreign()).lazy((2,))[:].tolist() == [1, 1]


def test_seed_is_kept_as_it_was_given() -> None:
    """The attribute is the very object; NumPy's integers become Python's."""
    generator = ik.SeedGenerator(7)
    assert ik.HeNormal(seed=generator).seed is generator
    assert ik.HeNormal(seed=3).seed == 3
    numpys: Any = np.int64(3)
    assert type(ik.HeNormal(seed=numpys).seed) is int
    assert ik.HeNormal().seed is None


def test_integer_seed_repeats_and_generator_advances() -> None:
    """An integer means the same values at every call, a generator new ones."""
    generator = ik.SeedGenerator(3)
    fixed, moving = ik.RandomNormal(seed=3), ik.RandomNormal(seed=generator)
    assert fixed((8,)).tobytes() == fixed((8,)).tobytes() == moving((8,)).tobytes()
    assert moving((8,)).tobytes() != fixed((8,)).tobytes()
    assert generator.draws == 2


def test_unseeded_calls_repeat_and_warn_once() -> None:
    """The second call gives the same values and says what to write; later ones give them in silence."""
    init = ik.RandomNormal()
    assert init.drawn_seed is None
    first = init((8,))
    with pytest.warns(
        UserWarning, match=r"RandomNormal has no seed .*seed=initkit.SeedGenerator\(\)"
    ) as caught:
        second = init((8,))
    assert str(init.drawn_seed) in str(caught[0].message)
    third = init((8,))
    assert first.tobytes() == second.tobytes() == third.tobytes()
    assert ik.RandomNormal(seed=init.drawn_seed)((8,)).tobytes() == first.tobytes()


@pytest.mark.parametrize(
    "use",
    [
        lambda init: init((3,)),
        lambda init: init.lazy((3,)),
        lambda init: init.fill(np.empty(3, np.float32)),
    ],
    ids=["call", "lazy", "fill"],
)
def test_warning_points_at_the_users_line(use: Any) -> None:
    """The warning names the file and line that called, not one of the library."""
    init = ik.HeNormal()
    use(init)
    with pytest.warns(UserWarning, match="has no seed") as caught:
        use(init)
    assert caught[0].filename == __file__
    assert caught[0].lineno == use.__code__.co_firstlineno


def test_unseeded_objects_differ() -> None:
    """Two objects, and an object and its clone, draw their own entropy."""
    one = ik.RandomNormal()
    drawn = [one((8,)), ik.RandomNormal()((8,)), one.clone()((8,))]
    assert len({values.tobytes() for values in drawn}) == 3


def test_copies_of_an_unseeded_object() -> None:
    """A copy or a pickle of an object that has drawn is that object, and goes on giving its values."""
    one = ik.RandomNormal()
    first = one((8,))
    for again in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        with pytest.warns(UserWarning, match="has no seed"):
            assert again((8,)).tobytes() == first.tobytes()


def test_unseeded_object_in_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that call one unseeded object at once all get the same values, also if each took entropy."""
    init, barrier, entropy = ik.RandomNormal(), threading.Barrier(8), iter(range(8))

    def late(bits: int) -> int:
        barrier.wait()
        return next(entropy)

    monkeypatch.setattr("initkit.initializer.secrets.randbits", late)
    with ThreadPoolExecutor(8) as pool:
        assert len({values.tobytes() for values in pool.map(lambda _: init((64,)), range(8))}) == 1


def test_lazy_takes_its_draw_at_once() -> None:
    """All slices of a lazy array belong to one draw, taken when it was made."""
    generator = ik.SeedGenerator(7)
    one, other = (ik.RandomNormal(seed=generator).lazy((8,)) for _ in range(2))
    assert generator.draws == 2
    twin = ik.SeedGenerator(7)
    expected = [ik.RandomNormal(seed=twin)((8,)) for _ in range(2)]
    assert other[:].tobytes() == expected[1].tobytes()
    assert one[:].tobytes() == expected[0].tobytes()
    assert generator.draws == 2


@pytest.mark.parametrize(
    "make", [lambda init: init((3,), "int32"), lambda init: init.lazy((3,), "int32")], ids=["call", "lazy"]
)
def test_a_refused_call_takes_no_draw(make: Any) -> None:
    """A call that cannot be served leaves its generator where it was."""
    generator = ik.SeedGenerator(7)
    with pytest.raises(DTypeError):
        make(ik.RandomNormal(seed=generator))
    assert generator.draws == 0


def test_attributes_are_there_from_the_start() -> None:
    """No call adds an attribute: Keras compares the attributes of an object and its revival."""
    init = ik.RandomNormal()
    before = set(dir(init))
    init((3,))
    with pytest.warns(UserWarning, match="has no seed"):
        init((3,))
    assert set(dir(init)) == before


def test_moments_are_a_named_pair() -> None:
    """Moments can be read by name and by position."""
    mean, std = ik.RandomNormal(1.0, 2.0).moments((3,))
    assert (mean, std) == ik.Moments(1.0, 2.0) == ik.Moments(mean=1.0, std=2.0)


def test_arrays_too_large_for_numpy() -> None:
    """A shape that NumPy cannot number is a ShapeError at the call; a lazy array of it can be sliced."""
    init = ik.RandomNormal(seed=7)
    with pytest.raises(ShapeError, match=r"NumPy cannot make an array.*Received: shape.*Allowed: .*lazy"):
        init((2**61,), "float64")
    assert init.lazy((2**61,), "float64")[2**60 : 2**60 + 3].shape == (3,)


def test_filling_what_cannot_be_made() -> None:
    """An array of a shape or dtype that the class refuses is refused before anything is written."""
    target = np.ones(3, np.int32)
    with pytest.raises(DTypeError):
        ik.RandomNormal().fill(target)
    with pytest.raises(ShapeError):
        ik.Identity().fill(target)
    with pytest.raises(ArgumentError):
        ik.Constant(0.5).fill(target)
    assert target.tolist() == [1, 1, 1]


def test_check_is_called_with_the_row() -> None:
    """A class may refuse shapes and dtypes of its own accord, in calls, lazy arrays and filling."""

    class Even(ik.Zeros):
        def check(self, shape: tuple[int, ...], dtype: DType) -> None:
            if shape[0] % 2:
                raise ShapeError("odd")

    for use in (Even(), Even().lazy, lambda shape: Even().fill(np.empty(shape, np.float32))):
        use((2,))
        with pytest.raises(ShapeError, match="odd"):
            use((3,))


def _assert_same(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any], entry: Entry) -> None:
    """To the bit, or within a few roundings for the classes that are matrix products."""
    assert one.shape == other.shape
    assert one.dtype == other.dtype
    if entry.exact:
        assert one.tobytes() == other.tobytes()
    else:
        wide = np.complex128 if one.dtype.kind == "c" else np.float64
        np.testing.assert_allclose(
            one.astype(wide), other.astype(wide), atol=0.3 if one.dtype.itemsize < 4 else 1e-5
        )
