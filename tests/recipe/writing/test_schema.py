"""The JSON Schema: what it accepts, what it does not, and that it is the one of this code."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import initkit as ik
from initkit.documents import read_yaml
from initkit.errors import InitkitError
from initkit.fans import FAN_MODES
from initkit.initializers.depth import RULES
from initkit.recipe import Recipe
from initkit.recipe.language.place import Place
from initkit.recipe.planning.rules import stored_dtype
from initkit.recipe.presets import preset_names, preset_text
from initkit.recipe.writing.authoring import compose
from initkit.recipe.writing.schema import generated_text, recipe_schema, schema_text
from initkit.registry import BUILT_IN, registry
from tests.catalogue import ENTRIES, Entry
from tests.recipe.texts import recipe_text

jsonschema = import_module("jsonschema")

ROOT = Path(__file__).parents[3]
VALIDATOR = jsonschema.Draft202012Validator(json.loads(schema_text()))


def _accepts(text: str) -> bool:
    return bool(VALIDATOR.is_valid(read_yaml(text).data))


def test_the_shipped_file_is_current() -> None:
    """The file beside the module is what `python -m initkit.recipe.writing.schema` makes."""
    assert schema_text() == generated_text()
    jsonschema.Draft202012Validator.check_schema(recipe_schema())


@pytest.mark.parametrize("name", preset_names())
def test_presets_are_accepted(name: str) -> None:
    """Every preset is as the schema has it."""
    VALIDATOR.validate(read_yaml(preset_text(name)).data)


def test_examples_are_accepted() -> None:
    """So is every example."""
    paths = sorted((ROOT / "examples" / "recipes").glob("*.yaml"))
    assert paths
    for path in paths:
        VALIDATOR.validate(read_yaml(path.read_text(encoding="utf-8")).data)


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_initializers_are_accepted(entry: Entry) -> None:
    """Every initializer, with arguments that are no defaults, in the short form and in the long one."""
    made = entry.cls(**entry.arguments)
    for init in (made, ik.serialize(made)):
        text = compose(seed=1, tensors={"w": [2]}, rules=[("*", init)])
        VALIDATOR.validate(read_yaml(text).data)


def test_every_name_is_known() -> None:
    """Every name that the registry knows is accepted alone exactly where the class needs no arguments."""
    for name, cls in registry.classes().items():
        if not name.startswith(f"{BUILT_IN}>"):
            continue
        for one in registry.names(cls):
            rule = f"rules: [{{match: '*', init: {json.dumps(one)}}}]\n"
            needs = any(argument.default is argument.empty for argument in _parameters(cls))
            assert _accepts(recipe_text(rules=rule)) == (not needs), one


def _parameters(cls: type) -> Any:
    import inspect

    return inspect.signature(cls).parameters.values()


HEAD = "initkit: 1\nseed: 1\ntensors: {w: [2]}\n"
RULE = HEAD + "rules: [{match: '*', init: zeros}]\n"

RIGHT = [
    RULE,
    "{initkit: 1, extends: gpt2@1, seed: 1}",
    "{initkit: 1, extends: {preset: gpt2@1, drop: 'a.*'}, seed: 1, variables: {n_layer: 2}}",
    "{initkit: 1, extends: {file: base.yaml, drop: [a, b]}}",
    "{initkit: 1, seed: 1, from: m.safetensors, rules: [{match: '*', init: zeros}]}",
    "{initkit: 1, seed: 1, from: [a.json, {file: b.yaml, only: x, drop: [y], rename: {'a*': '*'}, prefix: p.,"
    " dtype: float16}], rules: [{regex: '(?P<n>.*)', skip: true}, {match: a, tie: b},"
    " {match: c, copy: {file: f.safetensors, name: '{n}'}},"
    " {match: d, copy: f.safetensors, dtype: float16}]}",
    HEAD + "rules: [{match: a, where: {ndim: '>= 2', shape: ['*', d, '...'], dtype: [float32], size: 3},"
    " init: he_normal, dtype: bfloat16, layout: OI..., seed_path: [a, b], optional: true}]",
    "{initkit: 1, seed: 1, tensors: {a: {shape: [2], layers: [Net, Norm], tags: x}}, rules: [{match: a,"
    " where: {layer: '*Norm', inside: [Net, Block], tag: x}, init: ones}, {match: '*', init: zeros}]}",
    HEAD + "rules: [{match: a, init: {random_normal: {stddev: '0.02 / sqrt(2 * n) + shape[-1]', mean: 1}}}]",
    HEAD + "rules: [{match: a, init: {random_normal: }}]",
    HEAD + "rules: [{match: a, init: 'mylab>Tent'}, {match: b, init: {'mylab>Tent': {width: 2}}}]",
    HEAD + "rules: [{match: a, init: {scale: {initializer: {scale: {initializer: zeros, factor: n}},"
    " factor: 2}}}]",
    HEAD + "rules: [{match: a, init: {random_normal: {stddev: .inf, seed: null}}}]",
    HEAD + "rules: [{match: a, init: {kaiming_normal: {mode: FAN_OUT}}}]",
    HEAD + "rules: [{match: a, init: {variance_scaling: {mode: fan_geo_avg, distribution: normal}}}]",
    HEAD + "rules: [{match: 'h.{part}', init: {mimetic: {part: '{part}'}}}]",
    HEAD + "dtype: torch.bfloat16\nrules: [{match: a, init: zeros, dtype: half}]",
]


@pytest.mark.parametrize("text", RIGHT)
def test_right_recipes_are_accepted(text: str) -> None:
    """All keys and all forms of their values; what has sound form for the schema has it for the parser."""
    errors = [error.message for error in VALIDATOR.iter_errors(read_yaml(text).data)]
    assert not errors
    Recipe.from_text(text)


WRONG_FORM = [
    RULE.replace("initkit: 1", "initkit: 2"),
    RULE.replace("initkit: 1\n", ""),
    RULE.replace("seed: 1", "seed: -1"),
    RULE.replace("seed: 1", "seed: true"),
    RULE.replace("seed: 1\n", ""),
    RULE.replace("seed: 1", "seeed: 1"),
    RULE + "variables: {2d: 1}\n",
    RULE + "variables: {d: [1]}\n",
    RULE + "dtype: 3\n",
    RULE + "from: []\n",
    RULE + "from: {only: a}\n",
    RULE + "extends: {preset: gpt2@1, file: b.yaml}\n",
    RULE + "preset: {name: a, version: 0, source: s}\n",
    RULE.replace("{w: [2]}", "{}"),
    RULE.replace("[2]", "2"),
    RULE.replace("[2]", "[true]"),
    RULE.replace("[2]", "{dtype: float32}"),
    RULE.replace("[2]", "{tie: a, shape: [2]}"),
    RULE.replace("match: '*', ", ""),
    RULE.replace("match: '*'", "match: '*', regex: a"),
    RULE.replace("init: zeros", ""),
    RULE.replace("init: zeros", "init: zeros, skip: true"),
    RULE.replace("init: zeros", "skip: false"),
    RULE.replace("init: zeros", "tie: a, dtype: float32"),
    RULE.replace("init: zeros", "copy: a, layout: torch"),
    RULE.replace("init: zeros", "copy: {name: a}"),
    RULE.replace("init: zeros", "init: zeros, where: {rank: 2}"),
    RULE.replace("init: zeros", "init: {zeros: {}, ones: {}}"),
    RULE.replace("init: zeros", "init: 3"),
    RULE.replace("init: zeros", "init: {random_normal: {seed: 3}}"),
    RULE.replace("init: zeros", "init: zeros, optional: 1"),
    "{initkit: 1, seed: 1, tensors: {w: [2]}}",
    "[]",
]
WRONG_MEANING = [
    RULE.replace("init: zeros", "init: zerros"),
    RULE.replace("init: zeros", "init: {random_normal: {std: 0.02}}"),
    RULE.replace("init: zeros", "init: {random_normal: {stddev: [1]}}"),
    RULE.replace("init: zeros", "init: {random_normal: {stddev: 'a ! b'}}"),
    RULE.replace("init: zeros", "init: scale"),
    RULE.replace("init: zeros", "init: {scale: {factor: 2}}"),
    RULE.replace("init: zeros", "init: {scale: {initializer: {random_normal: {std: 1}}, factor: 2}}"),
    RULE.replace("init: zeros", "init: {glorot_uniform: {layout: XY}}"),
    RULE.replace("init: zeros", "init: zeros, dtype: float33"),
    RULE.replace("init: zeros", "init: zeros, dtype: torch.float33"),
    RULE.replace("init: zeros", "init: {variance_scaling: {mode: fan_inn}}"),
    RULE.replace("init: zeros", "init: {variance_scaling: {distribution: norml}}"),
    RULE.replace("init: zeros", "init: {variance_scaling: {mode: FAN_IN}}"),
    RULE.replace("init: zeros", "init: {dirac: {centre: middle}}"),
    RULE.replace("init: zeros", "init: zeros, where: {ndim: two!}"),
    RULE.replace("init: zeros", "init: zeros, where: {tag: []}"),
    RULE.replace("w: [2]", "w: {shape: [2], layers: [1]}"),
    RULE.replace("w: [2]", "w: [-2]"),
    RULE.replace("init: zeros", "init: zeros, where: {ndim: -1}"),
    RULE.replace("init: zeros", "init: zeros, where: {shape: ['*', -1]}"),
    RULE + "variables: {pi: 3}\n",
    RULE + "dtype: bf16\n",
]


@pytest.mark.parametrize("text", WRONG_FORM + WRONG_MEANING)
def test_wrong_recipes_are_not(text: str) -> None:
    """What the parser or the plan refuses by its form, the schema refuses, too."""
    assert not _accepts(text)
    with pytest.raises(InitkitError):
        Recipe.from_text(text).plan()


def test_spellings_of_dtypes() -> None:
    """Every spelling that the schema knows is one for the parser, and PyTorch's and C's are among them."""
    spellings = [name for part in recipe_schema()["$defs"]["dtype"]["anyOf"] for name in part["enum"]]
    assert {"float", "half", "double", "torch.float32", "bfloat16", "f4", "int"} < set(spellings)
    for name in spellings:
        assert stored_dtype(name, Place(read_yaml("{}"), ()), "it").name, name


def test_values_of_text_arguments() -> None:
    """Where a class knows all values of an argument, the schema has these; each is one for the class."""
    arguments = recipe_schema()["$defs"]
    listed = {
        (name, argument): value["anyOf"][0]["enum"]
        for name, cls in ((cls.__name__, cls) for cls in registry.classes().values())
        for argument, value in arguments.get(name, {}).get("properties", {}).items()
        if "enum" in value.get("anyOf", [{}])[0]
    }
    assert listed["VarianceScaling", "mode"] == list(FAN_MODES)
    assert {"truncated_normal", "uniform", "normal"} < set(listed["VarianceScaling", "distribution"])
    assert listed["DepthScaled", "rule"] == list(RULES)
    assert listed["TruncatedNormal", "bounds"] == ["sigma", "absolute"]
    assert all(listed.values())
    # An example of the schema's is as good as the values that it lists.
    for (name, argument), values in listed.items():
        default = arguments[name]["properties"][argument].get("default", values[0])
        assert default in values, (name, argument)


def test_descriptions_are_there() -> None:
    """Editors can show a sentence for every key, every class and every argument."""
    schema = recipe_schema()
    for key, value in schema["properties"].items():
        assert value.get("description", "").endswith("."), key
    for name, cls in registry.classes().items():
        if not name.startswith(f"{BUILT_IN}>") or not issubclass(cls, ik.Initializer):
            continue
        told = schema["$defs"][cls.__name__]
        assert told["description"].endswith("."), name
        for argument, value in told["properties"].items():
            assert argument == "seed" or "description" in value, f"{name}.{argument}"
