"""Objects to configs and back; configs written by Keras; what a config cannot do."""

from __future__ import annotations

import enum
import inspect
import json
import math
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import initkit as ik
from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError, UnknownNameError
from initkit.serialization import decode, encode

KERAS = json.loads((Path(__file__).parent / "keras_configs" / "configs.json").read_text(encoding="utf-8"))
MADE_BY_INITKIT = {**{name: getattr(ik, name) for name in ik.__all__}, "np": np}


class Colour(enum.StrEnum):
    """A string that is more than a string."""

    RED = "red"


class Level(enum.IntEnum):
    """An integer that is more than an integer."""

    HIGH = 3


class Metres(float):
    """A float that is more than a float."""


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (0.5, 0.5),
        ("a", "a"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Metres(2), 2.0),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (ml_dtypes.bfloat16(0.75), 0.75),
        (np.int8(3), 3),
        (np.bool_(False), False),
        (np.str_("a"), "a"),
        ((1, 2), [1, 2]),
        ([1, (2.0, [None])], [1, [2.0, [None]]]),
        ({"a": (1,)}, {"a": [1]}),
    ],
    ids=repr,
)
def test_encode_makes_json_types(value: object, expected: object) -> None:
    """Everything plain becomes exactly JSON's types, subclasses and NumPy scalars included."""
    encoded = encode(value)
    assert encoded == expected
    assert type(encoded) is type(expected)
    assert type(decode(json.loads(json.dumps(encoded)))) is type(expected)


@pytest.mark.parametrize(
    "value", [1j, np.complex64(2 - 1j), math.nan, -math.inf, np.eye(2, dtype="bfloat16")], ids=repr
)
def test_other_values_round_trip(value: Any) -> None:
    """Complex numbers, numbers that are not finite, and arrays come back equal."""
    again = decode(json.loads(json.dumps(encode(value))))
    assert np.array_equal(again, value, equal_nan=not np.iscomplexobj(value))


def test_objects_inside_objects_round_trip() -> None:
    """Generators and initializers are described wherever they stand in a value."""
    value = {"a": [ik.HeNormal(seed=ik.SeedGenerator(7).child("x"))], "b": ik.SeedGenerator(3)}
    assert decode(json.loads(json.dumps(encode(value)))) == value


@pytest.mark.parametrize(
    "wrong", [{1, 2}, b"a", object(), print, ik.HeNormal, range(3), np.datetime64(0, "s")], ids=repr
)
def test_what_a_config_cannot_hold(wrong: object) -> None:
    """Other values are refused with the types that are possible."""
    with pytest.raises(ArgumentTypeError, match=r"A config cannot hold this. Received: .*Allowed: "):
        encode(wrong)


def test_keys_are_strings() -> None:
    """JSON has no other keys, so neither have configs."""
    with pytest.raises(
        ArgumentTypeError, match=r"keys must be strings. Received: 1 of type int. Allowed: text"
    ):
        encode({"a": {1: 2}})


def test_serialize_has_keras_keys() -> None:
    """The description has exactly the keys that Keras writes, and no class to call our own but by package."""
    assert ik.serialize(ik.RandomNormal(seed=7)) == {
        "module": "initkit",
        "class_name": "RandomNormal",
        "config": {"mean": 0.0, "stddev": 0.05, "seed": 7},
        "registered_name": "initkit>RandomNormal",
    }
    assert ik.serialize(None) is None
    assert ik.serialize("he_normal") == "he_normal"


@pytest.mark.parametrize("wrong", [print, ik.HeNormal, 3, object(), [ik.Zeros()]], ids=repr)
def test_serialize_refuses_what_has_no_config(wrong: Any) -> None:
    """Functions, classes and values have no config, and the message says which objects do."""
    with pytest.raises(ArgumentTypeError, match=r"Only objects with get_config .*Received: .*Allowed: "):
        ik.serialize(wrong)


def test_serialize_refuses_an_unregistered_class() -> None:
    """A class that no name would find again is refused before it is written, alone or inside another."""

    class Unknown(ik.Zeros):
        pass

    for thing in (ik.serialize, ik.to_json, ik.to_yaml, encode):
        with pytest.raises(ArgumentError, match=r"not registered.*Received: .*Unknown.*@initkit.register"):
            thing(Unknown())


@pytest.mark.parametrize(("expression", "config"), KERAS["configs"].items())
def test_configs_of_keras_load(expression: str, config: dict[str, Any]) -> None:
    """What Keras 3 writes of every class is read as the object that the same expression makes here."""
    expected = eval(expression, MADE_BY_INITKIT)
    assert ik.deserialize(config) == expected
    assert ik.deserialize({**config, "shared_object_id": 3, "build_config": {"input_shape": [2]}}) == expected
    if not isinstance(expected, ik.SeedGenerator):
        assert ik.get(config) == expected


def test_every_keras_class_is_in_the_file() -> None:
    """No class is missing from what Keras was asked to write."""
    written = {config["class_name"] for config in KERAS["configs"].values()}
    exported = {cls.__name__ for name in ik.__all__ if isinstance(cls := getattr(ik, name), type)}
    assert written == {name for name in exported if name in written} >= {"HeNormal", "STFT", "SeedGenerator"}
    assert len(written) == 17
    assert KERAS["keras"].startswith("3.15.")


# Keras keeps no position of a generator, and no gain of an identity.
COMPLETE = {
    expression: config
    for expression, config in KERAS["configs"].items()
    if config["class_name"] not in ("SeedGenerator", "Identity")
}


@pytest.mark.parametrize("config", COMPLETE.values(), ids=COMPLETE)
def test_our_configs_have_the_keys_of_keras(config: dict[str, Any]) -> None:
    """Our config of what Keras wrote has all keys of Keras', and others at their defaults."""
    initializer = ik.deserialize(config)
    ours = initializer.get_config()
    assert set(ours) >= set(config["config"])
    defaults = inspect.signature(type(initializer)).parameters
    assert all(ours[key] == defaults[key].default for key in set(ours) - set(config["config"]))
    plain = {key: value for key, value in config["config"].items() if not isinstance(value, dict)}
    assert {key: ours[key] for key in plain} == plain


@pytest.mark.parametrize(
    "module",
    [
        None,
        "keras.initializers",
        "keras.src.initializers.random_initializers",
        "tf_keras.initializers",
        "initkit",
    ],
)
def test_own_modules(module: str | None) -> None:
    """Keras' modules of all times, and none, mean the class that we have under that name."""
    described = {"module": module, "class_name": "HeNormal", "config": {"seed": 3}, "registered_name": None}
    assert ik.deserialize(described) == ik.HeNormal(seed=3)


@pytest.mark.parametrize(
    "foreign",
    [
        {"module": "fakekit", "class_name": "HeNormal"},
        {"module": "fakekit", "class_name": "HeNormal", "registered_name": "HeNormal"},
        {"module": None, "class_name": "HeNormal", "registered_name": "HeNormal"},
        {"module": None, "class_name": "HeNormal", "registered_name": "fakekit>HeNormal"},
        {"module": "initkit", "class_name": "HeNormal", "registered_name": "fakekit>HeNormal"},
        {"module": "kerasmore", "class_name": "HeNormal"},
        {"module": 3, "class_name": "HeNormal"},
    ],
    ids=repr,
)
def test_foreign_classes_stay_foreign(foreign: dict[str, Any]) -> None:
    """Another library's class of a built-in's name is an unknown name, never the built-in class."""
    with pytest.raises(UnknownNameError, match=r"Received: '(fakekit|__main__|kerasmore|3)>HeNormal'"):
        ik.deserialize(foreign)


def test_a_registered_foreign_class_is_found() -> None:
    """Once registered under the package that the config names, a foreign class is found by it."""
    with pytest.warns(UserWarning, match="bare name of a built-in one"):

        @ik.register("serialization-test")
        class HeNormal(ik.Zeros):
            pass

    described = {"module": None, "class_name": "HeNormal", "registered_name": "serialization-test>HeNormal"}
    assert type(ik.deserialize(described)) is HeNormal
    assert type(ik.deserialize({"module": "serialization-test", "class_name": "HeNormal"})) is HeNormal
    assert ik.serialize(HeNormal())["registered_name"] == "serialization-test>HeNormal"
    assert type(ik.get("HeNormal")) is ik.HeNormal


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("zeros", ik.Zeros()),
        ({"class_name": "he_normal"}, ik.HeNormal()),
        ({"class_name": "HeNormal", "config": None}, ik.HeNormal()),
        ({"random_normal": {"stddev": 0.02}}, ik.RandomNormal(stddev=0.02)),
        ({"initkit>Zeros": None}, ik.Zeros()),
        ({"RandomNormal": {"seed": {"SeedGenerator": {"seed": 3}}}}, None),
        (
            {"RandomNormal": {"seed": {"class_name": "SeedGenerator", "config": {"seed": 3}}}},
            ik.RandomNormal(seed=ik.SeedGenerator(3)),
        ),
        (None, None),
    ],
    ids=repr,
)
def test_deserialize_short_forms(config: Any, expected: Any) -> None:
    """A name alone, and a name with its arguments, are configs; inside them, objects are spelled out."""
    if config is not None and expected is None:
        with pytest.raises(ArgumentTypeError):
            ik.deserialize(config)
    else:
        assert ik.deserialize(config) == expected


def test_deserialize_does_not_change_its_input() -> None:
    """A config can be read again."""
    config = {
        "class_name": "RandomNormal",
        "config": {"seed": {"class_name": "SeedGenerator", "config": {"seed": 3}}},
    }
    text = json.dumps(config)
    assert ik.deserialize(config) == ik.deserialize(config)
    assert json.dumps(config) == text


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (3, r"This is no config. Received: 3 of type int"),
        ([], "This is no config"),
        ({}, r"does not say which class it is of. Received: keys \[\]"),
        ({"a": 1, "b": 2}, r"does not say which class .*Received: keys \['a', 'b'\]"),
        ({"class_name": 3}, r"does not describe an object. Received: class_name=3"),
        ({"class_name": "Zeros", "config": 3}, "config=3"),
        ({"class_name": "Zeros", "config": []}, r"config=\[\]"),
        (
            {"class_name": "function", "module": "builtins", "config": "initialize_fn"},
            "config='initialize_fn'",
        ),
        (
            {"class_name": "Zeros", "seed": 3},
            r"Unknown keys beside `class_name`. Received: 'seed'. Allowed: .*inside",
        ),
        ({"HeNormal": {"sed": 3}}, r"Unknown arguments for HeNormal. Received: 'sed'.*Did you mean 'seed'"),
        ({"HeNormal": {"dtype": "float32"}}, "Unknown arguments for HeNormal. Received: 'dtype'"),
        ({3: {}}, "does not describe an object"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_malformed_configs(config: Any, message: str) -> None:
    """A config that cannot be read is a ConfigError that says what came and what a config looks like."""
    with pytest.raises(ConfigError, match=message):
        ik.deserialize(config)


@pytest.mark.parametrize("wrapped", [lambda inner: [inner], lambda inner: {"a": inner}], ids=["list", "dict"])
def test_depth_is_bounded(wrapped: Any) -> None:
    """A config that would exhaust the stack is refused before it does."""
    deep: Any = 0.0
    for _ in range(5000):
        deep = wrapped(deep)
    with pytest.raises(
        ConfigError, match=r"nested too deeply. Received: more than 64 levels. Allowed: up to 64"
    ):
        ik.deserialize({"Constant": {"value": deep}})


def test_depth_of_objects_is_bounded() -> None:
    """Objects inside objects count as well."""
    deep: Any = "zeros"
    for _ in range(2000):
        deep = {"class_name": "Constant", "config": {"value": deep}}
    with pytest.raises(ConfigError, match="nested too deeply"):
        ik.deserialize(deep)


def test_a_config_that_contains_itself() -> None:
    """A cycle ends as too deep."""
    cycle: dict[str, Any] = {}
    cycle["a"] = cycle
    with pytest.raises(ConfigError, match="nested too deeply"):
        decode(cycle)


def test_loading_imports_nothing() -> None:
    """A config that names a module does not have it imported."""
    # The reader of YAML itself is imported by its first use.
    ik.from_yaml("zeros")
    before = set(sys.modules)
    with pytest.raises(UnknownNameError):
        ik.deserialize({"module": "antigravity", "class_name": "Zeros"})
    with pytest.raises(UnknownNameError):
        ik.from_yaml("class_name: os>system")
    assert set(sys.modules) == before


def test_get() -> None:
    """Everything that can stand for an initializer becomes one."""
    made = ik.HeNormal(seed=7)
    assert ik.get(None) is None
    assert ik.get("he_normal") == ik.get("HeNormal") == ik.get(ik.HeNormal) == ik.HeNormal()
    assert ik.get({"class_name": "HeNormal", "config": {"seed": 7}}) == made
    assert ik.get(made) is made
    assert ik.get(print) is print
    assert ik.get(np.float32(0.5)) == ik.Constant(0.5)
    assert ik.get(np.eye(2)) == ik.Constant(np.eye(2))
    assert ik.get("constant") == ik.Constant(0.0)


def test_get_takes_a_lazy_array() -> None:
    """Whatever NumPy can make an array of stands for its values."""
    lazy = ik.HeNormal(seed=7).lazy((3, 4))
    assert np.array_equal(ik.get(lazy)((3, 4)), lazy[...])


@pytest.mark.parametrize(
    "wrong",
    [
        3,
        0.5,
        [1.0],
        b"zeros",
        int,
        object,
        ik.Initializer,
        ik.LazyArray,
        {"class_name": "__complex__"},
        object(),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_get_refuses(wrong: Any) -> None:
    """What stands for no initializer is refused in Keras' words, abstract classes included."""
    with pytest.raises(
        ArgumentTypeError, match=r"Could not interpret initializer identifier.*Received: .*Allowed: "
    ):
        ik.get(wrong)


def test_get_suggests() -> None:
    """A slip of the finger is a ValueError, as in Keras, that names what was meant."""
    with pytest.raises(ValueError, match="Did you mean 'glorot_uniform'") as caught:
        ik.get("glorot_unifrm")
    assert isinstance(caught.value, UnknownNameError)
    assert caught.value.suggestions[0] == "glorot_uniform"


@pytest.mark.parametrize("read", [ik.from_json, ik.from_yaml])
@pytest.mark.parametrize("text", ["3", "[]", "null", "true", "[zeros]", ""])
def test_texts_that_are_no_configs(read: Any, text: str) -> None:
    """A text of something else is refused."""
    with pytest.raises(ConfigError):
        read(text)


def test_texts_name_their_line() -> None:
    """A text that is no JSON, or no YAML, is refused with the line."""
    with pytest.raises(ConfigError) as caught:
        ik.from_json('{"class_name":\n oops}')
    assert caught.value.line == 2
    with pytest.raises(ConfigError) as caught:
        ik.from_yaml("class_name: Zeros\nconfig: {a: 1, a: 2}\n")
    assert caught.value.line == 2


@pytest.mark.parametrize(
    "value", [math.inf, -math.inf, np.array([1.0, -np.inf, np.inf]), complex(0, math.inf)]
)
def test_infinities_are_json(value: Any) -> None:
    """RFC 8259 has no word for infinity, so it is a number, and the object comes back equal."""
    made = ik.Scale(ik.Constant(value), 2.0)
    text = ik.to_json(made)
    assert "1e999" in text
    assert ik.from_json(text) == made
    assert ik.deserialize(json.loads(text, parse_constant=pytest.fail)) == made
    # As Keras writes it.
    assert ik.from_json(json.dumps(ik.serialize(made))) == made


def test_nan_is_no_json() -> None:
    """There is no number that is read as NaN, so the word that Python and Keras write stays."""
    text = ik.to_json(ik.Constant(math.nan))
    assert '"value": NaN' in text
    assert ik.from_json(text) == ik.Constant(math.nan)
    assert "NaN" not in ik.to_json(ik.NaN()).replace('"NaN"', "").replace("initkit>NaN", "")


def test_yaml_makes_no_objects() -> None:
    """No tag of YAML can call anything."""
    with pytest.raises(ConfigError):
        ik.from_yaml("!!python/object/apply:os.system ['true']")


def test_texts_are_written_for_people() -> None:
    """YAML has one argument per line or a short inline dict, JSON is one line."""
    assert ik.to_yaml(ik.HeNormal(seed=7)).splitlines()[:2] == ["module: initkit", "class_name: HeNormal"]
    assert "\n" not in ik.to_json(ik.HeNormal(seed=7))


def test_own_get_config_may_hold_arrays() -> None:
    """A get_config of the user's own, as in Keras, may return NumPy's types; serialize makes them JSON's."""

    @ik.register("serialization-test")
    class Scaled(ik.Zeros):
        def __init__(self, scale: Any = 1.0) -> None:
            self._scale = scale

        def get_config(self) -> dict[str, Any]:
            return {"scale": self._scale}

    for scale in (np.float32(0.5), np.eye(2), ik.SeedGenerator(3)):
        assert ik.from_json(ik.to_json(Scaled(scale))) == Scaled(scale)
