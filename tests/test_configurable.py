"""Configs, clones, equality and repr, as they follow from a constructor's signature."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
import pickle
from typing import Any

import numpy as np
import pytest

import initkit as ik
from initkit.configurable import Configurable
from initkit.errors import ArgumentError, ConfigError


@ik.register("configurable-test")
class Box(Configurable):
    """An object with one argument that may be anything."""

    def __init__(self, value: Any = None) -> None:
        self.value = value


class Pair(Configurable):
    """An object with an argument that must be given, and one by keyword only."""

    def __init__(self, first: Any, *, second: Any = 2) -> None:
        self.first = first
        self.second = second


class Bare(Configurable):
    """An object without a constructor."""


@dataclasses.dataclass(eq=False, repr=False)
class Data(Configurable):
    """A dataclass."""

    width: float = 1.0
    names: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Frozen(Configurable):
    """A frozen dataclass, which brings equality, hash and repr of its own."""

    width: float = 1.0


class Derived(Configurable):
    """An object whose argument is a property."""

    def __init__(self, degrees: float = 180.0) -> None:
        self.radians = math.radians(degrees)

    @property
    def degrees(self) -> float:
        return math.degrees(self.radians)


class Kwargs(Configurable):
    """An object whose arguments no signature names."""

    def __init__(self, width: float = 1.0, **others: Any) -> None:
        self.width = width
        self.others = others


class Forgetful(Configurable):
    """An object that does not keep its argument."""

    def __init__(self, width: float = 1.0) -> None:
        pass


class Own(Configurable):
    """An object that says itself what its config is."""

    def __init__(self, width: float = 1.0, **others: Any) -> None:
        self._width = width
        self.generator = ik.SeedGenerator(3)

    def get_config(self) -> dict[str, Any]:
        return {"width": self._width, "draws": self.generator.draws}

    @classmethod
    def from_config(cls, config: Any) -> Own:
        made = cls(config["width"])
        for _ in range(config["draws"]):
            made.generator.next_draw()
        return made


VALUES = [
    None,
    True,
    3,
    0.5,
    "text",
    1 + 2j,
    math.nan,
    -math.inf,
    complex(math.nan, 1),
    [1, [2.0, "a"]],
    {"a": {"b": [None]}},
    np.float32(0.5),
    np.arange(6).reshape(2, 3),
    np.array([math.nan, -0.0]),
    np.ones((0, 3), "bfloat16"),
    np.array(2.0),
    ik.SeedGenerator(7).child("a"),
    ik.HeNormal(seed=3),
    [ik.Constant(math.nan), ik.RandomNormal(seed=ik.SeedGenerator(3))],
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
@pytest.mark.parametrize(
    "again",
    [
        lambda box: Box.from_config(box.get_config()),
        lambda box: Box.from_config(json.loads(json.dumps(box.get_config()))),
        lambda box: ik.from_json(ik.to_json(box)),
        lambda box: ik.from_yaml(ik.to_yaml(box)),
        lambda box: box.clone(),
        copy.copy,
        copy.deepcopy,
        lambda box: pickle.loads(pickle.dumps(box)),
        lambda box: eval(repr(box), {**vars(ik), "Box": Box, "np": np}),
    ],
    ids=["config", "json config", "json", "yaml", "clone", "copy", "deepcopy", "pickle", "repr"],
)
def test_round_trips(value: Any, again: Any) -> None:
    """Whatever a config can hold comes back equal, with an equal hash, by every way there is."""
    box = Box(value)
    other = again(box)
    assert other is not box
    assert other == box
    assert hash(other) == hash(box)
    assert repr(other) == repr(box)


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, True, True),
        ((1, 2), [1, 2], True),
        (np.float32(0.5), 0.5, True),
        (math.nan, float("nan"), True),
        (0.0, -0.0, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ([1, 2], [2, 1], False),
        ([1], 1, False),
        (math.nan, "nan", False),
        (math.nan, None, False),
        (np.array([1.0]), [1.0], False),
        (np.array([1.0]), np.array([1.0], "float32"), False),
        (np.zeros((2, 3)), np.zeros((3, 2)), False),
        (np.zeros(3, "int32"), np.zeros(3, "float32"), False),
        (np.zeros(3), np.zeros(3), True),
        (np.array([math.nan]), np.array([math.nan]), True),
        (ik.SeedGenerator(3), ik.SeedGenerator(3), True),
        (ik.SeedGenerator(3), 3, False),
        (ik.Zeros(), ik.Ones(), False),
        ({}, [], False),
        (None, 0, False),
        ("1", 1, False),
    ],
    ids=repr,
)
def test_equality(one: Any, other: Any, equal: bool) -> None:
    """Equal configs make equal objects, NaN included, and equal objects have equal hashes."""
    assert (Box(one) == Box(other)) is equal
    assert (Box(one) != Box(other)) is not equal
    if equal:
        assert hash(Box(one)) == hash(Box(other))


def test_equality_with_others() -> None:
    """Objects of other classes are never equal, whatever their config."""

    class Other(Box):
        pass

    assert Box(1) != Other(1)
    assert Box(1) != 1
    assert Bare() == Bare()
    assert Bare() != Box()


def test_hash_ignores_the_position() -> None:
    """A generator inside moves with every draw; the hash stays, so that objects can be keys."""
    generator = ik.SeedGenerator(3)
    box = Box([generator])
    before = hash(box)
    generator.next_draw()
    assert hash(box) == before
    assert box != Box([ik.SeedGenerator(3)])


@pytest.mark.parametrize(
    ("made", "config"),
    [
        (Bare(), {}),
        (Pair(1), {"first": 1, "second": 2}),
        (Pair(1, second=3), {"first": 1, "second": 3}),
        (Data(2.0, ["a"]), {"width": 2.0, "names": ["a"]}),
        (Derived(90.0), {"degrees": 90.0}),
        (Frozen(3.0), {"width": 3.0}),
    ],
    ids=repr,
)
def test_config_is_the_signature(made: Any, config: dict[str, Any]) -> None:
    """The config has every argument by its name, defaults included, however the class keeps it."""
    assert made.get_config() == config
    assert type(made).from_config(config) == made
    assert made.clone() == made


def test_frozen_dataclass_is_hashed_by_itself() -> None:
    """A class that brings equality, hash and repr of its own keeps them."""
    assert hash(Frozen(3.0)) == hash(Frozen(3.0))
    assert repr(Frozen(3.0)) == "Frozen(width=3.0)"


def test_lists_are_not_shared() -> None:
    """A clone has its own lists, arrays and generators, and clones of the initializers inside."""
    inner = ik.RandomNormal(seed=ik.SeedGenerator(3))
    box = Box({"list": [1], "init": (inner,)})
    clone = box.clone()
    clone.value["list"].append(2)
    assert box.value["list"] == [1]
    assert clone.value["init"][0] is not inner
    assert clone.value["init"][0].seed is not inner.seed
    assert type(clone.value["init"]) is tuple


def test_clone_of_an_unseeded_initializer_inside() -> None:
    """A clone of an unseeded initializer draws anew, also where it is an argument."""
    box = Box([ik.RandomNormal()])
    assert not np.array_equal(box.value[0]((8,)), box.clone().value[0]((8,)))


def test_clone_changes_arguments() -> None:
    """Arguments given to clone take the place of the old ones, as objects, not as configs."""
    generator = ik.SeedGenerator(3)
    clone = Pair(1).clone(second=generator)
    assert clone.second is generator
    assert clone.first == 1


def test_clone_of_a_large_array() -> None:
    """A clone needs no config, so arrays of any size and unregistered classes can be cloned."""

    class Unregistered(ik.Zeros):
        pass

    big = Box([np.zeros(1_000_001, np.int8), Unregistered()])
    assert big.clone() == big
    with pytest.raises(ArgumentError):
        big.get_config()


def test_unknown_arguments() -> None:
    """A name that the constructor does not have is refused, with the nearest that it has."""
    expected = r"Unknown arguments for Pair. Received: 'secnd'.*mean 'second'"
    with pytest.raises(ConfigError, match=expected):
        Pair(1).clone(secnd=3)
    with pytest.raises(ConfigError, match=expected):
        Pair.from_config({"first": 1, "secnd": 3})
    with pytest.raises(ConfigError, match=r"Unknown arguments for Bare. Received: 'a'. Allowed: none"):
        Bare.from_config({"a": 1})


def test_missing_arguments() -> None:
    """An argument that must be given is asked for by its name."""
    with pytest.raises(
        ConfigError, match=r"Pair lacks arguments. Received: 'second'. Allowed: .*Add 'first'"
    ):
        Pair.from_config({"second": 1})


@pytest.mark.parametrize("wrong", [None, 3, "ab", [("first", 1)], [1]], ids=repr)
def test_config_is_a_dict(wrong: Any) -> None:
    """A config of another type is refused."""
    with pytest.raises(ConfigError, match=r"The config of Pair must be a dict. Received: "):
        Pair.from_config(wrong)


def test_arguments_without_names() -> None:
    """A class with **kwargs has no config of itself, but can be shown, compared and hashed."""
    made = Kwargs(2.0, colour="red")
    with pytest.raises(ConfigError, match=r"no config can name. Received: \*\*others.*define get_config"):
        made.get_config()
    assert made == made
    assert made != Kwargs(2.0, colour="red")
    assert hash(made) == hash(made)
    assert repr(made).startswith("<")


@pytest.mark.parametrize(
    "constructor",
    [lambda self, *values: None, lambda self, width, /: None, lambda self, width=1.0, **others: None],
    ids=["*args", "positional only", "**kwargs"],
)
def test_every_kind_of_nameless_argument(constructor: Any) -> None:
    """Variable and positional-only arguments are refused alike."""
    cls: Any = type("Nameless", (Configurable,), {"__init__": constructor})
    with pytest.raises(ConfigError, match="no config can name"):
        cls.from_config({})


def test_argument_that_is_not_kept() -> None:
    """A class that forgets an argument is told what to write; it can still be shown and compared."""
    with pytest.raises(ConfigError, match=r"Received: 'width'.*Write self.width = width"):
        Forgetful(2.0).get_config()
    assert repr(Forgetful()).startswith("<")
    assert Forgetful() != Forgetful()


def test_own_config() -> None:
    """A class that defines get_config and from_config decides what its objects are."""
    made = Own(2.0)
    assert repr(made) == "Own(width=2.0, draws=0)"
    assert made == made.clone() == Own(2.0)
    before = hash(made)
    made.generator.next_draw()
    assert made != Own(2.0)
    assert hash(made) == before == hash(Own(2.0))
    assert made.clone().generator.draws == 1
    assert made.clone(width=3.0).get_config() == {"width": 3.0, "draws": 1}


def test_large_arrays_are_shown_by_their_content() -> None:
    """The repr of a large array is short, and differs when any element does."""
    one, other = np.zeros(1001), np.zeros(1001)
    other[500] = 1e-300
    assert repr(Box(one)) != repr(Box(other))
    assert repr(Box(one)) == repr(Box(one.copy()))
    assert len(repr(Box(one))) < 120
    assert "shape (1001,), dtype 'float64'" in repr(Box(one))
    assert eval(repr(Box(one[:1000])), {"Box": Box, "np": np}) == Box(one[:1000])
