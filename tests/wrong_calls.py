"""The table of wrong calls: each with the exception that it must raise, and what its message must say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import initkit as ik
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    BackendError,
    ConfigError,
    DTypeError,
    RegionIndexError,
    SeedError,
    ShapeError,
    UnknownNameError,
)

# Wrong on purpose, so the type checker must not look.
_untyped: Any = ik


class Wrong(NamedTuple):
    """A wrong call, the exact type of its exception and a pattern in its message."""

    call: Callable[[], Any]
    error: type[Exception]
    pattern: str


class Returning(ik.Initializer):
    """A user's class that returns what it was given, whatever is asked for."""

    def __init__(self, result: Any) -> None:
        self.result = result

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        return self.result


class Forgetful(ik.Zeros):
    """A user's class that does not keep its argument."""

    def __init__(self, width: Any = 1) -> None:
        pass


class Nameless(ik.Zeros):
    """A user's class whose arguments have no names."""

    def __init__(self, *widths: Any) -> None:
        pass


class Needy(ik.Zeros):
    """A user's class with an argument that must be given."""

    def __init__(self, width: Any) -> None:
        self.width = width


def _read_only() -> np.ndarray[Any, Any]:
    array = np.zeros(3, np.float32)
    array.flags.writeable = False
    return array


def _in(scope: Any) -> None:
    with ik.seed_scope(scope):
        pass


# What a type checker would refuse as well is given as Any.
lazy: Any = ik.RandomNormal(seed=1).lazy((4, 3))
generator: Any = ik.SeedGenerator(1)
HeNormal: Any = ik.HeNormal
RandomNormal: Any = ik.RandomNormal
RandomUniform: Any = ik.RandomUniform
TruncatedNormal: Any = ik.TruncatedNormal
VarianceScaling: Any = ik.VarianceScaling
Orthogonal: Any = ik.Orthogonal
STFT: Any = ik.STFT
Identity: Any = ik.Identity
Constant: Any = ik.Constant
SeedGenerator: Any = ik.SeedGenerator
fans: Any = ik.fans
register: Any = ik.register
from_json: Any = ik.from_json
from_yaml: Any = ik.from_yaml
normal: Any = ik.RandomNormal(seed=1)

SHAPES = [
    Wrong(lambda: normal(None), ArgumentTypeError, r"shape must be a sequence.*Received: None"),
    Wrong(lambda: normal("3"), ArgumentTypeError, r"Received: '3' of type str"),
    Wrong(lambda: normal(b"3"), ArgumentTypeError, "of type bytes"),
    Wrong(lambda: normal(2.0), ArgumentTypeError, "of type float"),
    Wrong(lambda: normal((2.0, 3)), ArgumentTypeError, r"Received: \(2.0, 3\)"),
    Wrong(lambda: normal((2, None)), ArgumentTypeError, r"Received: \(2, None\)"),
    Wrong(lambda: normal(("a", 2)), ArgumentTypeError, r"Received: \('a', 2\)"),
    Wrong(lambda: normal([[2, 3]]), ArgumentTypeError, r"Received: \[\[2, 3\]\]"),
    Wrong(lambda: normal({2: 3}), ArgumentTypeError, "of type dict"),
    Wrong(lambda: normal({2, 3}), ArgumentTypeError, "of type set"),
    Wrong(lambda: normal(True), ArgumentTypeError, "of type bool"),
    Wrong(lambda: normal((True, 2)), ArgumentTypeError, "Received: .True, 2"),
    Wrong(lambda: normal(np.array([2.0])), ArgumentTypeError, "of type ndarray"),
    Wrong(lambda: normal(1j), ArgumentTypeError, "of type complex"),
    Wrong(lambda: normal(-1), ShapeError, r"cannot be negative. Received: shape \(-1,\)"),
    Wrong(lambda: normal((2, -3)), ShapeError, r"shape \(2, -3\)"),
    Wrong(lambda: normal((2**31, 2**31)), ShapeError, r"too many elements. Received: 4611686018427387904"),
    Wrong(lambda: normal((2**61,), "float64"), ShapeError, "NumPy cannot make an array"),
    Wrong(lambda: normal((1,) * 65), ShapeError, "Allowed: up to 64, as in NumPy"),
    Wrong(lambda: normal.lazy((2, -3)), ShapeError, "cannot be negative"),
    Wrong(lambda: normal.lazy("ab"), ArgumentTypeError, "of type str"),
    Wrong(lambda: ik.HeNormal().moments((2, -3)), ShapeError, "cannot be negative"),
    Wrong(
        lambda: ik.Identity()(3),
        ShapeError,
        r"only be used for 2D matrices. Received: shape=\(3,\) of rank 1",
    ),
    Wrong(lambda: ik.Identity()((3, 3, 3)), ShapeError, "of rank 3"),
    Wrong(lambda: ik.Identity().moments(3), ShapeError, "of rank 1"),
    Wrong(lambda: ik.Constant(np.eye(2))((2,)), ShapeError, r"Expected `shape` to be \(2, 2\)"),
    Wrong(lambda: ik.Constant(np.eye(2))((2, 2, 1)), ShapeError, r"Received: \(2, 2, 1\)"),
    Wrong(lambda: ik.Constant([1, 2]).lazy((3,)), ShapeError, r"Expected `shape` to be \(2,\)"),
    Wrong(lambda: ik.get(np.eye(2))((3, 3)), ShapeError, "Expected `shape` to be"),
    Wrong(lambda: ik.Orthogonal()(3), ShapeError, "must be at least two-dimensional"),
    Wrong(lambda: ik.Orthogonal()(()), ShapeError, "of rank 0"),
    Wrong(lambda: ik.STFT()((3,)), ShapeError, r"Received: shape=\(3,\)"),
    Wrong(lambda: ik.STFT()((8, 2, 5)), ShapeError, r"Received: shape=\(8, 2, 5\)"),
    Wrong(lambda: ik.STFT()((8, 1, 1)), ShapeError, r"Received: shape=\(8, 1, 1\)"),
    Wrong(lambda: ik.STFT(window=[1.0, 2.0])((8, 1, 5)), ShapeError, "window"),
    Wrong(lambda: ik.HeNormal(input_axes=[2], output_axes=[0])((3, 4)), ShapeError, "no axis 2"),
    Wrong(lambda: ik.HeNormal(input_axes=[0], output_axes=[0])(()), ShapeError, "no axis 0.*has no axes"),
]

DTYPES = [
    Wrong(
        lambda: normal((2,), "float33"),
        DTypeError,
        r"Unknown dtype. Received: 'float33'.*Did you mean 'float32'",
    ),
    Wrong(lambda: normal((2,), ""), DTypeError, "Unknown dtype. Received: ''"),
    Wrong(lambda: normal((2,), "S5"), DTypeError, "Unknown dtype. Received: 'S5'"),
    Wrong(lambda: normal((2,), object), DTypeError, "Unknown dtype. Received: <class 'object'>"),
    Wrong(lambda: normal((2,), 3), DTypeError, "Unknown dtype. Received: 3"),
    Wrong(lambda: normal((2,), [("x", "f4")]), DTypeError, "Unknown dtype"),
    Wrong(lambda: normal((2,), np.dtype("f4").newbyteorder()), DTypeError, "Unknown dtype. Received: dtype"),
    Wrong(lambda: normal((2,), np.zeros(3)), DTypeError, "Unknown dtype. Received: array"),
    Wrong(lambda: normal((2,), "datetime64[s]"), DTypeError, "Unknown dtype"),
    Wrong(lambda: normal((2,), "int4"), DTypeError, "Unknown dtype. Received: 'int4'"),
    Wrong(lambda: normal.lazy((2,), "float33"), DTypeError, "Unknown dtype"),
    Wrong(
        lambda: normal((2,), "int32"),
        DTypeError,
        "RandomNormal cannot make integer values. Received: dtype 'int32'",
    ),
    Wrong(lambda: normal((2,), "bool"), DTypeError, "cannot make bool values"),
    Wrong(
        lambda: ik.TruncatedNormal(lower=-1.0)((2,), "complex128"),
        ArgumentError,
        "both bounds must be as far from it. Received: mean=0.0, lower=-1.0, upper=2.0",
    ),
    Wrong(lambda: ik.Trabelsi()((2, 2)), DTypeError, "Trabelsi cannot make float.*for real weights use"),
    Wrong(lambda: ik.Quaternion()((4, 2), "complex64"), DTypeError, "Quaternion cannot make complex"),
    Wrong(lambda: ik.Quaternion()((3, 2)), ShapeError, r"axis of length 4.*shape \(3, 2\), component_axis=0"),
    Wrong(lambda: ik.Quaternion(component_axis=2)((4, 2)), ShapeError, "component_axis=2. Allowed"),
    Wrong(lambda: ik.Quaternion()(()), ShapeError, r"axis of length 4.*shape \(\)"),
    Wrong(lambda: ik.HeUniform()((2,), "uint8"), DTypeError, "HeUniform cannot make integer"),
    Wrong(lambda: ik.Orthogonal()((2, 2), "int8"), DTypeError, "Orthogonal cannot make integer"),
    Wrong(lambda: ik.STFT()((8, 1, 5), "complex64"), DTypeError, "STFT cannot make complex"),
    Wrong(lambda: ik.Constant(1j)((2,)), DTypeError, "`value` is complex.*Allowed dtypes: complex64"),
    Wrong(lambda: ik.HeNormal().fill(np.zeros((2, 2), int)), DTypeError, "cannot make integer"),
    Wrong(lambda: ik.Zeros().fill(np.zeros(2, "S3")), DTypeError, "Unknown dtype. Received: dtype"),
    Wrong(lambda: ik.Zeros().fill(np.zeros(2, object)), DTypeError, "Unknown dtype. Received: dtype"),
]

SEEDS = [
    Wrong(lambda: HeNormal(seed=-1), SeedError, r"cannot be negative. Received: seed=-1"),
    Wrong(lambda: HeNormal(seed=True), ArgumentTypeError, "Received: seed=True of type bool"),
    Wrong(lambda: HeNormal(seed=1.0), ArgumentTypeError, "Received: seed=1.0"),
    Wrong(lambda: HeNormal(seed="7"), ArgumentTypeError, "Received: seed='7'"),
    Wrong(lambda: HeNormal(seed=[7]), ArgumentTypeError, r"Received: seed=\[7\]"),
    Wrong(lambda: HeNormal(seed=np.array(7)), ArgumentTypeError, "of type ndarray"),
    Wrong(lambda: HeNormal(seed=np.random.default_rng(0)), ArgumentTypeError, "a generator of numpy's"),
    Wrong(lambda: SeedGenerator(-5), SeedError, "Received: seed=-5"),
    Wrong(lambda: SeedGenerator("a"), ArgumentTypeError, "`seed` argument should be"),
    Wrong(lambda: SeedGenerator(1, backend="jax"), BackendError, "Unknown backend. Received: backend='jax'"),
    Wrong(lambda: SeedGenerator(1, backend="Numpy"), BackendError, "Did you mean 'numpy'"),
    Wrong(lambda: SeedGenerator(1, backend=None), ArgumentTypeError, "`backend` must be a string"),
    Wrong(
        lambda: SeedGenerator(1, device="cuda:0"), BackendError, "no such device. Received: device='cuda:0'"
    ),
    Wrong(lambda: SeedGenerator(1, device=0), BackendError, "Received: device=0"),
    Wrong(lambda: generator.child(""), SeedError, "name cannot be empty"),
    Wrong(lambda: generator.child(3), ArgumentTypeError, "name must be a string. Received: 3 of type int"),
    Wrong(lambda: generator.child(None), ArgumentTypeError, "Received: None"),
    Wrong(lambda: generator.child("\udcff"), SeedError, "must be Unicode text"),
    Wrong(lambda: SeedGenerator.from_config({"seed": 1, "counter": 2}), ConfigError, "Received: 'counter'"),
    Wrong(lambda: SeedGenerator.from_config({"seed": 1, "draws": -1}), ConfigError, "draws=-1"),
    Wrong(lambda: SeedGenerator.from_config({"seed": 1, "draws": 1.5}), ConfigError, "draws=1.5"),
    Wrong(lambda: SeedGenerator.from_config({"seed": 1, "path": "a"}), ConfigError, "path='a'"),
    Wrong(
        lambda: SeedGenerator.from_config({"seed": 1, "path": [1]}),
        ArgumentTypeError,
        "name must be a string",
    ),
    Wrong(lambda: SeedGenerator.from_config({"seed": -1}), SeedError, "cannot be negative"),
    Wrong(lambda: SeedGenerator.from_config(3), ConfigError, "must be a dict. Received: 3"),
    Wrong(lambda: _in(None), ArgumentTypeError, "Received: seed=None"),
    Wrong(lambda: _in("42"), ArgumentTypeError, "Received: seed='42'"),
    Wrong(lambda: _in(-1), SeedError, "cannot be negative"),
]

PARAMETERS = [
    Wrong(lambda: RandomNormal(mean=math.nan), ArgumentError, "`mean` is out of range. Received: mean=nan"),
    Wrong(
        lambda: RandomNormal(mean="0"), ArgumentTypeError, "`mean` must be a real number. Received: mean='0'"
    ),
    Wrong(
        lambda: RandomNormal(stddev=-1),
        ArgumentError,
        "Received: stddev=-1. Allowed: finite numbers from 0.0 up",
    ),
    Wrong(lambda: RandomNormal(stddev=math.inf), ArgumentError, "Received: stddev=inf"),
    Wrong(lambda: RandomNormal(stddev=None), ArgumentTypeError, "Received: stddev=None"),
    Wrong(lambda: RandomNormal(stddev=[0.1]), ArgumentTypeError, r"Received: stddev=\[0.1\]"),
    Wrong(lambda: RandomNormal(stddev=True), ArgumentTypeError, "Received: stddev=True"),
    Wrong(lambda: RandomNormal(stddev=1j), ArgumentTypeError, "Received: stddev=1j"),
    Wrong(lambda: RandomNormal(stddev=10**400), ArgumentError, "a number beyond 1.8e308"),
    Wrong(lambda: RandomNormal(stddev=np.ones(2)), ArgumentTypeError, "`stddev` must be a real number"),
    Wrong(lambda: TruncatedNormal(stddev=-0.1), ArgumentError, "`stddev` is out of range"),
    Wrong(lambda: TruncatedNormal(mean=-math.inf), ArgumentError, "Received: mean=-inf"),
    Wrong(lambda: TruncatedNormal(lower=2), ArgumentError, "`lower` must be below `upper`"),
    Wrong(lambda: TruncatedNormal(lower=math.nan), ArgumentError, "`lower` is out of range"),
    Wrong(lambda: TruncatedNormal(upper="2"), ArgumentTypeError, "`upper` must be a real number"),
    Wrong(lambda: TruncatedNormal(bounds="sigmas"), ArgumentError, "`bounds`.*Did you mean 'sigma'"),
    Wrong(lambda: TruncatedNormal(bounds=None), ArgumentTypeError, "`bounds` must be"),
    Wrong(lambda: TruncatedNormal(corrected=1), ArgumentTypeError, "`corrected` must be True or False"),
    Wrong(
        lambda: TruncatedNormal(3.0, 0.0, bounds="absolute"),
        ArgumentError,
        "the bounds exclude it. Received: mean=3.0, stddev=0.0, lower=-2.0",
    ),
    Wrong(
        lambda: TruncatedNormal(1e20, lower=0.0, upper=1.0, bounds="absolute"),
        ArgumentError,
        "to be told apart in float64. Received: mean=1e.20",
    ),
    Wrong(
        lambda: TruncatedNormal(stddev=1.2, bounds="absolute", corrected=True)((2,)),
        ArgumentError,
        "No law between these bounds has so large a standard deviation. Received: stddev=1.2",
    ),
    Wrong(lambda: ik.Trabelsi("xavier"), ArgumentError, "`criterion`.*Received: criterion='xavier'"),
    Wrong(lambda: _untyped.Quaternion(None), ArgumentTypeError, "`criterion` must be"),
    Wrong(
        lambda: _untyped.Quaternion(component_axis=1.0),
        ArgumentTypeError,
        "`component_axis` must be an integer",
    ),
    Wrong(
        lambda: ik.Quaternion(component_axis=True), ArgumentTypeError, "component_axis` must be an integer"
    ),
    Wrong(lambda: RandomUniform(1, 0), ArgumentError, "`minval` cannot be above `maxval`"),
    Wrong(lambda: RandomUniform(minval=math.nan), ArgumentError, "`minval` is out of range"),
    Wrong(lambda: RandomUniform(maxval="a"), ArgumentTypeError, "`maxval` must be a real number"),
    Wrong(lambda: RandomNormal(0, 1e5)((2,), "float16"), ArgumentError, "leave the range of dtype 'float16'"),
    Wrong(lambda: RandomNormal(1e39, 0)((2,)), ArgumentError, "leave the range of dtype 'float32'"),
    Wrong(lambda: TruncatedNormal(0, 300)((2,), "float8_e4m3fn"), ArgumentError, "which reach 600"),
    Wrong(lambda: RandomUniform(0, 1e5)((2,), "float16"), ArgumentError, "`maxval` is beyond the range"),
    Wrong(lambda: RandomUniform(-3e38, 3e38)((2,)), ArgumentError, "`distance` is beyond the range"),
    Wrong(lambda: VarianceScaling(0), ArgumentError, r"Argument `scale` must be positive float\."),
    Wrong(lambda: VarianceScaling(-2.0), ArgumentError, r"Received: scale=-2.0"),
    Wrong(lambda: VarianceScaling(math.nan), ArgumentError, "`scale` is out of range"),
    Wrong(lambda: VarianceScaling("2"), ArgumentTypeError, "`scale` must be a real number"),
    Wrong(lambda: VarianceScaling(mode="fan"), ArgumentError, "Invalid `mode` argument: 'fan'"),
    Wrong(lambda: VarianceScaling(mode="fanin"), ArgumentError, "Did you mean 'fan_in'"),
    Wrong(lambda: VarianceScaling(mode=1), ArgumentError, "Invalid `mode` argument: 1"),
    Wrong(
        lambda: VarianceScaling(distribution="gauss"),
        ArgumentError,
        "Invalid `distribution` argument: 'gauss'",
    ),
    Wrong(
        lambda: VarianceScaling(distribution=["uniform"]),
        ArgumentError,
        r"Invalid `distribution` argument: \[",
    ),
    Wrong(lambda: VarianceScaling(1e12)((1, 1), "float16"), ArgumentError, "leave the range"),
    Wrong(lambda: HeNormal(input_axes=[0]), ArgumentError, "belong together"),
    Wrong(lambda: HeNormal(output_axes=[0]), ArgumentError, "belong together"),
    Wrong(
        lambda: HeNormal(input_axes="0", output_axes=[1]), ArgumentTypeError, "`input_axes` must name axes"
    ),
    Wrong(
        lambda: HeNormal(input_axes=[0], output_axes=[1.0]), ArgumentTypeError, "`output_axes` must name axes"
    ),
    Wrong(
        lambda: HeNormal(input_axes=[0], output_axes=True), ArgumentTypeError, "`output_axes` must name axes"
    ),
    Wrong(lambda: HeNormal(input_axes=[0, 0], output_axes=[1])((3, 4)), ArgumentError, "names an axis twice"),
    Wrong(lambda: fans((3, 4), [0, -2], [1]), ArgumentError, "names an axis twice"),
    Wrong(lambda: fans((3, 4), [0], None), ArgumentError, "belong together"),
    Wrong(lambda: fans((3, 4), [5], [0]), ShapeError, "no axis 5"),
    Wrong(lambda: fans("ab"), ArgumentTypeError, "shape must be a sequence"),
    Wrong(lambda: Identity(math.nan), ArgumentError, "`gain` is out of range"),
    Wrong(lambda: Identity("2"), ArgumentTypeError, "`gain` must be a real number"),
    Wrong(
        lambda: Identity(0.5)((2, 2), "int8"),
        ArgumentError,
        "`gain` does not fit dtype 'int8'. Received: 0.5",
    ),
    Wrong(
        lambda: Identity(1e6)((2, 2), "float16"), ArgumentError, "Received: 1000000.0. Allowed: up to 65504"
    ),
    Wrong(lambda: Orthogonal(math.inf), ArgumentError, "`gain` is out of range"),
    Wrong(lambda: Orthogonal(gain="1"), ArgumentTypeError, "`gain` must be a real number"),
    Wrong(lambda: Orthogonal(1e6)((2, 2), "float16"), ArgumentError, "`gain` is beyond the range"),
    Wrong(lambda: Orthogonal(seed=-3), SeedError, "cannot be negative"),
    Wrong(lambda: Constant(None), ArgumentTypeError, "`value` must be numeric. Received: value=None"),
    Wrong(lambda: Constant("1"), ArgumentTypeError, "Received: value='1'"),
    Wrong(lambda: Constant([[1], [2, 3]]), ArgumentTypeError, "must be numeric"),
    Wrong(lambda: Constant({"a": 1}), ArgumentTypeError, "of type dict"),
    Wrong(lambda: Constant(np.array(["a"])), ArgumentTypeError, "of type ndarray"),
    Wrong(lambda: Constant(2**70), ArgumentError, "an integer of 71 bits"),
    Wrong(
        lambda: Constant(2.5)((2,), "int8"), ArgumentError, "`value` does not fit dtype 'int8'. Received: 2.5"
    ),
    Wrong(
        lambda: Constant(300)((2,), "uint8"), ArgumentError, "Received: 300. Allowed: integers from 0 to 255"
    ),
    Wrong(lambda: Constant(-1)((2,), "uint8"), ArgumentError, "Received: -1"),
    Wrong(lambda: Constant(2)((2,), "bool"), ArgumentError, "does not fit dtype 'bool'"),
    Wrong(lambda: Constant(math.nan)((2,), "int8"), ArgumentError, "Received: nan"),
    Wrong(
        lambda: Constant(math.inf)((2,), "float8_e4m3fn"), ArgumentError, "Received: inf. Allowed: up to 448"
    ),
    Wrong(lambda: Constant(1e39)((2,)), ArgumentError, r"Received: 1e\+39"),
    Wrong(lambda: STFT(window=[1.0, math.nan]), ArgumentError, "must be finite. Received: NaN"),
    Wrong(lambda: STFT(window=3), ShapeError, r"must be equal to \[frame_length\]. Received: shape \(\)"),
    Wrong(lambda: STFT(periodic="yes"), ArgumentTypeError, "periodic"),
]

INDICES = [
    Wrong(lambda: lazy[4], RegionIndexError, r"out of bounds for axis 0 .*Received: 4. Allowed: -4 to 3"),
    Wrong(lambda: lazy[0, -4], RegionIndexError, "out of bounds for axis 1"),
    Wrong(lambda: lazy[0, 0, 0], RegionIndexError, "too many parts. Received: 3 parts"),
    Wrong(lambda: lazy[..., ...], RegionIndexError, "too many Ellipses"),
    Wrong(lambda: lazy[None], RegionIndexError, "basic indexing only. Received: None"),
    Wrong(lambda: lazy[[0, 1]], RegionIndexError, r"Received: \[0, 1\] of type list"),
    Wrong(lambda: lazy[np.array([0, 1])], RegionIndexError, "of type ndarray"),
    Wrong(lambda: lazy[True], RegionIndexError, "Received: True"),
    Wrong(lambda: lazy[np.ones(4, bool)], RegionIndexError, "of type ndarray"),
    Wrong(lambda: lazy["a"], RegionIndexError, "Received: 'a'"),
    Wrong(lambda: lazy[1.0], RegionIndexError, "Received: 1.0"),
    Wrong(lambda: lazy[::0], RegionIndexError, "slice of a lazy tensor is malformed"),
    Wrong(lambda: lazy["a":], RegionIndexError, "malformed"),
    Wrong(lambda: len(ik.Zeros().lazy(())), ArgumentTypeError, "has no length"),
    Wrong(lambda: np.asarray(lazy, copy=False), ArgumentTypeError, "no memory to share"),
]

TARGETS = [
    Wrong(lambda: normal.fill(3), ArgumentTypeError, "cannot be filled in place. Received: 3 of type int"),
    Wrong(lambda: normal.fill([1.0]), ArgumentTypeError, "of type list"),
    Wrong(lambda: normal.fill(None), ArgumentTypeError, "of type NoneType"),
    Wrong(lambda: normal.fill((2, 3)), ArgumentTypeError, "of type tuple"),
    Wrong(lambda: normal.fill(lazy), ArgumentTypeError, "of type LazyArray"),
    Wrong(lambda: normal.fill(np.float32(1)), ArgumentTypeError, "of type float32"),
    Wrong(lambda: normal.fill(_read_only()), ArgumentError, "is read-only"),
    Wrong(lambda: normal.fill(np.broadcast_to(np.float32(0), 3)), ArgumentError, "is read-only"),
    Wrong(
        lambda: normal.fill(np.lib.stride_tricks.as_strided(np.zeros(3), (2, 3), (0, 8))),
        ArgumentError,
        "share memory",
    ),
    Wrong(lambda: ik.Identity().fill(np.zeros(3)), ShapeError, "2D matrices"),
    Wrong(lambda: Returning(np.zeros(2)).lazy((3,))[0], ShapeError, r"another shape. Received: \(2,\)"),
    Wrong(
        lambda: Returning(None).lazy((3,))[0],
        ArgumentTypeError,
        "returned no array of numbers. Received: None",
    ),
    Wrong(lambda: Returning("abc").fill(np.zeros(3)), ArgumentTypeError, "returned no array of numbers"),
    Wrong(lambda: Returning([1j, 2, 3]).lazy((3,))[0], DTypeError, "no float32. Received: complex128 values"),
    Wrong(lambda: Returning([0.5]).lazy((1,), "int8")[0], DTypeError, "no int8. Received: float64 values"),
    Wrong(lambda: Returning([300]).lazy((1,), "int8")[0], DTypeError, "no int8. Received: int64 values"),
]

NAMES = [
    Wrong(lambda: ik.get("he_norml"), UnknownNameError, "Received: 'he_norml'.*Did you mean 'he_normal'"),
    Wrong(lambda: ik.get("HE_NORMAL"), UnknownNameError, "Did you mean 'HeNormal'"),
    Wrong(lambda: ik.get("zzz"), UnknownNameError, "Received: 'zzz'"),
    Wrong(lambda: ik.get(""), UnknownNameError, "Received: ''"),
    Wrong(lambda: ik.get("initializer"), UnknownNameError, "Received: 'initializer'"),
    Wrong(lambda: ik.get("mylab>Nothing"), UnknownNameError, "Received: 'mylab>Nothing'"),
    Wrong(lambda: ik.get(3), ArgumentTypeError, "Could not interpret initializer identifier.*Received: 3"),
    Wrong(lambda: ik.get([ik.Zeros()]), ArgumentTypeError, "of type list"),
    Wrong(lambda: ik.get(int), ArgumentTypeError, "of type type"),
    Wrong(lambda: ik.get(ik.Initializer), ArgumentTypeError, "Could not interpret"),
    Wrong(lambda: register("initkit"), ArgumentError, "library's own classes"),
    Wrong(lambda: register(""), ArgumentError, "`package` is no name"),
    Wrong(lambda: register("a>b"), ArgumentError, "Received: 'a>b'"),
    Wrong(lambda: register(3), ArgumentTypeError, "`package` must be a string"),
    Wrong(lambda: register("a", name="b "), ArgumentError, "`name` is no name"),
    Wrong(lambda: register("a", name=3), ArgumentTypeError, "`name` must be a string"),
    Wrong(lambda: register("a")(print), ArgumentTypeError, "cannot be registered"),
    Wrong(lambda: register("a")(int), ArgumentTypeError, "cannot be registered. Received: <class 'int'>"),
]

CONFIGS = [
    Wrong(lambda: ik.deserialize("typo"), UnknownNameError, "Received: 'typo'"),
    Wrong(lambda: ik.deserialize(3), ConfigError, "This is no config. Received: 3"),
    Wrong(lambda: ik.deserialize([]), ConfigError, "This is no config"),
    Wrong(lambda: ik.deserialize({}), ConfigError, "does not say which class"),
    Wrong(lambda: ik.deserialize({"a": {}, "b": {}}), ConfigError, r"Received: keys \['a', 'b'\]"),
    Wrong(lambda: ik.deserialize({"class_name": None}), ConfigError, "class_name=None"),
    Wrong(lambda: ik.deserialize({"class_name": "Zeros", "config": 1}), ConfigError, "config=1"),
    Wrong(lambda: ik.deserialize({"class_name": "Zeros", "seed": 1}), ConfigError, "Unknown keys beside"),
    Wrong(lambda: ik.deserialize({"Zeros": {"seed": 1}}), ConfigError, "Unknown arguments for Zeros"),
    Wrong(lambda: ik.deserialize({"he_normal": {"sed": 1}}), ConfigError, "Did you mean 'seed'"),
    Wrong(lambda: ik.deserialize({"he_normal": {"seed": "a"}}), ArgumentTypeError, "`seed` argument"),
    Wrong(lambda: ik.deserialize({"he_normal": {"seed": -1}}), SeedError, "cannot be negative"),
    Wrong(
        lambda: ik.deserialize({"module": "x", "class_name": "Zeros"}),
        UnknownNameError,
        "Received: 'x>Zeros'",
    ),
    Wrong(
        lambda: ik.deserialize(
            {"constant": {"value": {"class_name": "__numpy__", "config": {"value": "a"}}}}
        ),
        ConfigError,
        "does not describe an array",
    ),
    Wrong(
        lambda: ik.deserialize(
            {"constant": {"value": {"class_name": "__complex__", "config": {"real": "a"}}}}
        ),
        ConfigError,
        "complex number's 'real'",
    ),
    Wrong(lambda: HeNormal.from_config({"sede": 7}), ConfigError, "Did you mean 'seed'"),
    Wrong(lambda: HeNormal.from_config(None), ConfigError, "must be a dict. Received: None"),
    Wrong(lambda: HeNormal().clone(sede=7), ConfigError, "Unknown arguments for HeNormal"),
    Wrong(lambda: Needy.from_config({}), ConfigError, "lacks arguments. Received: none.*Add 'width'"),
    Wrong(lambda: Forgetful().get_config(), ConfigError, "does not keep an argument.*self.width = width"),
    Wrong(lambda: Nameless().get_config(), ConfigError, r"no config can name. Received: \*widths"),
    Wrong(lambda: Needy({1, 2}).get_config(), ArgumentTypeError, "A config cannot hold this"),
    Wrong(lambda: Needy({1: 2}).get_config(), ArgumentTypeError, "keys must be strings"),
    Wrong(lambda: Needy(np.zeros(1_000_001)).get_config(), ArgumentError, "too large for a config"),
    Wrong(lambda: ik.serialize(Needy(1)), ArgumentError, "is not registered"),
    Wrong(lambda: ik.serialize(print), ArgumentTypeError, "Only objects with get_config"),
    Wrong(lambda: ik.serialize(ik.Zeros), ArgumentTypeError, "Only objects with get_config"),
    Wrong(lambda: ik.to_json(Needy(1)), ArgumentError, "is not registered"),
    Wrong(lambda: ik.to_yaml(3), ArgumentTypeError, "Only objects with get_config"),
    Wrong(lambda: from_json("[]"), ConfigError, r"The text is no config. Received: \[\]"),
    Wrong(lambda: from_json("3"), ConfigError, "The text is no config"),
    Wrong(lambda: from_yaml("- zeros"), ConfigError, r"Received: \['zeros'\]"),
    Wrong(lambda: from_yaml("zeross"), UnknownNameError, "Did you mean 'zeros'"),
]

# Texts are refused by the parsers, whose messages begin with file and line.
TEXTS = [
    Wrong(lambda: from_json("{"), ConfigError, "<string>:1: "),
    Wrong(lambda: from_json('{"a": 1, "a": 2}'), ConfigError, "<string>:1: "),
    Wrong(lambda: from_json(b"{}"), ArgumentTypeError, "bytes"),
    Wrong(lambda: from_yaml("a: b: c"), ConfigError, "<string>:1: "),
    Wrong(lambda: from_yaml("a: 1\na: 2"), ConfigError, "<string>:2: "),
    Wrong(lambda: from_yaml("!!python/name:os.system"), ConfigError, "<string>:1: "),
    Wrong(lambda: from_yaml("&a [*a]"), ConfigError, "<string>:1: "),
    Wrong(lambda: from_yaml("[" * 500), ConfigError, "<string>:1: "),
    Wrong(lambda: from_yaml(None), ArgumentTypeError, "NoneType"),
]

# These say it in Keras' words, which its users' own tests look for.
IN_KERAS_WORDS = [
    Wrong(lambda: STFT(side="left"), ArgumentError, "side should be 'real' or 'imag', not 'left'"),
    Wrong(lambda: STFT(scaling="power"), ArgumentError, "Scaling is invalid, it must be `None`"),
    Wrong(lambda: STFT(window="hannn"), ArgumentError, "Unknown window 'hannn'.*Did you mean 'hann'"),
]

STRUCTURED = [*SHAPES, *DTYPES, *SEEDS, *PARAMETERS, *INDICES, *TARGETS, *NAMES, *CONFIGS]
WRONG = [*STRUCTURED, *TEXTS, *IN_KERAS_WORDS]
