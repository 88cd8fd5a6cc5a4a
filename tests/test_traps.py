"""What users of Keras 3's initializers fell into, one test each: what Keras does, and what is promised here.

Each trap was seen in Keras 3.15; the first sentence of a docstring says what happens there.
"""

from __future__ import annotations

import copy
import pickle
import random
import tracemalloc
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    DTypeError,
    InitkitError,
    SeedError,
    ShapeError,
    UnknownNameError,
)
from tests.catalogue import ENTRIES, FLOATS, Entry


def _correlation(one: Any, other: Any) -> float:
    return float(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1])


# Far beyond six standard errors of a correlation of 10 000 independent pairs.
_CORRELATED = 0.06


def test_t01_identity_keeps_its_gain() -> None:
    """Keras' Identity(gain=2) comes back from its config with gain 1. Here the gain is in the config."""
    init = ik.Identity(gain=2.0)
    assert init.get_config() == {"gain": 2.0}
    assert init.clone().gain == ik.from_yaml(ik.to_yaml(init)).gain == 2.0
    assert init.clone()((2, 2)).tolist() == [[2, 0], [0, 2]]


def test_t02_query_and_key_differ() -> None:
    """Keras' attention clones a seeded initializer, so query and key are equal. Here children have names.

    A clone that keeps an integer seed gives the same values, as documented, so `clone` takes another seed.
    """
    generator = ik.SeedGenerator(7)
    init = ik.HeNormal(seed=7)
    parts = [init.clone(seed=generator.child(name))((100, 100)) for name in ("query", "key", "value")]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert abs(_correlation(parts[first], parts[second])) < _CORRELATED
    assert init.clone()((4, 4)).tobytes() == init((4, 4)).tobytes()


def test_t03_one_seed_for_a_model_correlates_nothing() -> None:
    """In Keras, any two classes with one integer seed draw the same numbers. Here a model has one generator.

    Its draws and children are independent, whatever classes and shapes they serve. Two initializers that are
    both given the bare integer 3 are the same draw, as documented: an integer names one draw.
    """
    generator = ik.SeedGenerator(3)
    by_order = [cls(seed=generator)((100, 100)) for cls in (ik.HeUniform, ik.GlorotUniform, ik.HeNormal)]
    by_name = [
        cls(seed=generator.child(cls.__name__))((100, 100)) for cls in (ik.HeUniform, ik.GlorotUniform)
    ]
    drawn = [*by_order, *by_name]
    for first in range(len(drawn)):
        for second in range(first):
            assert abs(_correlation(drawn[first], drawn[second])) < _CORRELATED
    small, large = (ik.RandomNormal(seed=generator.child(name))((2, 4)) for name in ("a", "b"))
    assert not np.isin(small, large).any()
    same = ik.HeUniform(seed=3)((100, 100)), ik.GlorotUniform(seed=3)((100, 100))
    assert _correlation(*same) > 0.999


def test_t04_one_unseeded_object_in_two_layers_warns() -> None:
    """In Keras, one unseeded object in two layers gives equal kernels in silence. Here the second call warns.

    The values are equal as documented, and the warning says what to write; names and classes draw anew.
    """
    shared = ik.GlorotUniform()
    first = shared((4, 4))
    with pytest.warns(UserWarning, match="called more than once, which gives the same values every time"):
        assert shared((4, 4)).tobytes() == first.tobytes()
    assert ik.get("glorot_uniform")((4, 4)).tobytes() != ik.get("glorot_uniform")((4, 4)).tobytes()


def test_t05_truncated_normal_keeps_its_bounds_and_its_memory() -> None:
    """Keras on torch leaves ±2σ and takes 4 times the memory, on NumPy 9.6 times. Here neither is left."""
    init = ik.TruncatedNormal(stddev=1.0, seed=7)
    out = np.empty(4_000_000, np.float32)
    init((8,))
    tracemalloc.start()
    init.fill(out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert -2 <= out.min() < -1.9999
    assert 1.9999 < out.max() <= 2
    assert peak < 16_000_000


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_t06_every_dtype_is_the_one_asked_for(entry: Entry) -> None:
    """Keras on NumPy makes float32 of float64, float64 of bfloat16, or fails. Here the dtype is exact."""
    shape = entry.shapes[-1]
    for dtype in entry.dtypes:
        assert entry.make()(shape, dtype).dtype.name == dtype
    if "float32" in entry.dtypes:
        assert entry.make()(shape).dtype.name == "float32"


def test_t06_orthogonal_is_orthogonal_in_half_precision() -> None:
    """Keras' Orthogonal fails in float16 and bfloat16. Here it is the float32 matrix, rounded once."""
    for dtype, rounding in (("float16", 2e-3), ("bfloat16", 2e-2), ("float64", 1e-12)):
        matrix = ik.Orthogonal(seed=7)((64, 32), dtype).astype(np.float64)
        assert abs(matrix.T @ matrix - np.eye(32)).max() < rounding


@pytest.mark.parametrize("dtype", FLOATS)
def test_t07_uniform_leaves_out_its_upper_bound(dtype: str) -> None:
    """Keras on NumPy returns maxval in float16. Here float32 and float64 draws never do.

    Lower precisions are by promise the float32 values rounded once, which may be the bound and no more; the
    documentation of RandomUniform says so.
    """
    values = ik.RandomUniform(0.0, 1.0, seed=7)((1_000_000,), dtype)
    exact = ik.RandomUniform(0.0, 1.0, seed=7)((1_000_000,), "float64" if dtype == "float64" else "float32")
    assert exact.max() < 1
    assert values.astype(np.float64).max() <= 1
    assert values.tobytes() == exact.astype(dtype).tobytes()


def test_t08_float64_is_float64() -> None:
    """Keras on NumPy and JAX gives a float64 variable float32 values. Here all 53 bits are drawn."""
    for init in (ik.RandomUniform(seed=7), ik.RandomNormal(seed=7), ik.HeNormal(seed=7)):
        values = init((1000,), "float64")
        assert (values != values.astype(np.float32)).mean() > 0.99


def test_t09_foreign_classes_are_not_taken_for_built_in_ones() -> None:
    """Keras reads any "HeNormal" as its own, and unknown names as strings. Here both are errors."""
    foreign: list[Any] = [
        {"module": "fakekit", "class_name": "HeNormal", "config": {}, "registered_name": "fakekit>HeNormal"},
        {"module": "fakekit", "class_name": "HeNormal", "config": {}, "registered_name": None},
        "typo",
        {"class_name": "Foo", "config": {}},
    ]
    for config in foreign:
        with pytest.raises(UnknownNameError):
            ik.deserialize(config)


def test_t10_depthwise_and_transposed_kernels_have_their_own_fans() -> None:
    """Keras counts 576 inputs of a depthwise kernel that has 9. Here axes say which are summed over."""
    depthwise = ik.HeNormal(input_axes=[0, 1], output_axes=[0, 1, 3], seed=7)
    assert depthwise.moments((3, 3, 64, 1)).std == pytest.approx((2 / 9) ** 0.5)
    assert depthwise((3, 3, 4096, 1)).std() == pytest.approx((2 / 9) ** 0.5, rel=0.02)
    transposed = ik.LecunNormal(input_axes=[0, 1, 3], output_axes=[0, 1, 2])
    assert transposed.moments((3, 3, 128, 16)).std == pytest.approx(1 / 12)


def test_t11_every_gate_can_be_orthogonal() -> None:
    """Keras' recurrent kernel (u, 4u) has orthonormal rows, but none of its gates is orthogonal.

    Here as there, Orthogonal of (u, 4u) is one matrix with orthonormal rows; a kernel of orthogonal gates is
    four draws of (u, u), each with a name.
    """
    units, generator = 32, ik.SeedGenerator(7)
    whole = ik.Orthogonal(seed=7)((units, 4 * units))
    assert abs(whole @ whole.T - np.eye(units)).max() < 1e-5
    gates = [ik.Orthogonal(seed=generator.child(gate))((units, units)) for gate in "ifco"]
    for gate in gates:
        assert abs(gate @ gate.T - np.eye(units)).max() < 1e-5
    assert len({gate.tobytes() for gate in gates}) == 4


def test_t12_no_state_leaks_into_a_trace() -> None:
    """In Keras on JAX, a generator used in a trace holds a tracer for ever after. Here a draw is an integer.

    Under jit an initializer gives constants: nothing of it is traced, and its generator goes on as before.
    """
    jax: Any = import_module("jax")
    generator = ik.SeedGenerator(7)
    init = ik.RandomNormal(seed=generator)
    traced = jax.jit(lambda x: x + init((4,)))(np.zeros(4, np.float32))
    assert generator.draws == 1
    assert type(generator.draws) is int
    assert np.asarray(traced).tobytes() == ik.RandomNormal(seed=7)((4,)).tobytes()
    assert init((4,)).tobytes() != np.asarray(traced).tobytes()


def test_t13_constant_arrays_are_not_broadcast() -> None:
    """Keras' Constant of a (4, 2, 3) array called with (2, 3) returns (4, 2, 3). Here it is refused."""
    with pytest.raises(ShapeError, match=r"Expected `shape` to be \(4, 2, 3\)"):
        ik.Constant(np.zeros((4, 2, 3)))((2, 3))
    with pytest.raises(ShapeError):
        ik.Constant(np.zeros(3))((2, 3))
    with pytest.raises(ArgumentTypeError):
        ik.Constant(None)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ik.VarianceScaling(scale=float("nan")),
        lambda: ik.RandomUniform(1.0, -1.0),
        lambda: ik.RandomNormal(stddev=-1.0),
        lambda: ik.HeNormal(input_axes=[0]),
        lambda: ik.HeNormal()((-2, 3)),
        lambda: ik.RandomNormal()((2.5, 3)),
        lambda: ik.TruncatedNormal(mean=float("inf")),
    ],
    ids=[
        "nan scale",
        "min above max",
        "negative stddev",
        "one axes argument",
        "negative length",
        "float length",
        "inf mean",
    ],
)
def test_t14_bad_parameters_are_refused(make: Any) -> None:
    """Keras lets these pass, or leaves them to a backend. Here each is an error before anything is drawn."""
    with pytest.raises(InitkitError):
        make()


def test_t15_seeds_are_any_integers() -> None:
    """Keras' seeds overflow at 2**32, wrap on torch, may be True, but not np.int64. Here none is so."""
    assert ik.HeNormal(seed=2**32)((8, 8)).tobytes() != ik.HeNormal(seed=0)((8, 8)).tobytes()
    assert ik.HeNormal(seed=2**40)((8, 8)).tobytes() != ik.HeNormal(seed=2**32)((8, 8)).tobytes()
    numpys: Any = np.int64(3)
    assert ik.HeNormal(seed=numpys) == ik.HeNormal(seed=3)
    with pytest.raises(SeedError):
        ik.HeNormal(seed=-1)
    with pytest.raises(ArgumentTypeError):
        ik.HeNormal(seed=True)


def test_t16_an_unseeded_run_can_be_replayed() -> None:
    """Keras draws a default seed from Python's random when the object is made, and does not show it.

    Here it comes from the operating system at the first call, global state is left alone, `seed_scope` acts
    on objects that exist already, and `drawn_seed` shows what was drawn.
    """
    random.seed(0)
    state = random.getstate()
    init = ik.HeNormal()
    values = init((8, 8))
    assert random.getstate() == state
    assert ik.HeNormal(seed=init.drawn_seed)((8, 8)).tobytes() == values.tobytes()
    with ik.seed_scope(42):
        one = init((8, 8))
    with ik.seed_scope(42):
        assert init((8, 8)).tobytes() == one.tobytes()
    assert ik.SeedGenerator().get_config()["seed"] is not None


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_t17_objects_can_be_shown_compared_and_copied(entry: Entry) -> None:
    """Keras' initializers have no repr, no equality, and with a generator no copies. Here they have all."""
    init = entry.make(seed=ik.SeedGenerator(7).child("a"))
    names = {**vars(ik), "np": np}
    for again in (eval(repr(init), names), copy.deepcopy(init), pickle.loads(pickle.dumps(init))):
        assert again == init
        assert hash(again) == hash(init)


def test_t18_wrong_results_of_a_users_class_are_refused() -> None:
    """Keras takes an array of another shape, or integers of another width. Here they are refused."""

    class Wrong(ik.Initializer):
        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            return np.full((3, 2), 300)

    with pytest.raises(ShapeError):
        Wrong().fill(np.empty((2, 3), np.float32))
    with pytest.raises(DTypeError):
        Wrong().lazy((3, 2), "int8")[0]
    assert Wrong().lazy((3, 2), "int16")[0].dtype == np.int16


def test_t19_names_are_found_or_suggested() -> None:
    """In Keras, get("constant") is a KeyError, "initializer" an abstract object, a typo has no suggestion."""
    assert ik.get("constant") == ik.Constant(0.0)
    for name in ("initializer", "Initializer"):
        with pytest.raises(UnknownNameError):
            ik.get(name)
    with pytest.raises(ArgumentTypeError):
        ik.get(ik.Initializer)
    with pytest.raises(UnknownNameError, match="Did you mean 'he_normal'"):
        ik.get("he_norml")


def test_t20_documentation_says_what_is_true() -> None:
    """Keras documents integer seeds only for Orthogonal, scalars only for Constant, and an exclusive bound.

    Here the docstrings name generators, arrays, and the precisions in which the bound can come.
    """
    assert "SeedGenerator" in (ik.Orthogonal.__doc__ or "")
    assert "array" in (ik.Constant.__doc__ or "")
    assert "can reach `maxval`" in (ik.RandomUniform.__doc__ or "")
    assert ik.Orthogonal(seed=ik.SeedGenerator(7))((3, 3)).shape == (3, 3)
    with pytest.raises(ArgumentError):
        ik.RandomUniform(1.0, 0.0)
