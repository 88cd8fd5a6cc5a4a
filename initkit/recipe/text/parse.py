"""The text of a recipe, checked for form: which keys there are, of which types, on which lines.

Nothing is looked up or worked out here. Names of initializers, expressions, patterns and shapes get their
meaning in `initkit.recipe.planning.plan`; other files are read there, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from initkit.documents import Document, PlainData, read_json, read_yaml
from initkit.errors import ArgumentTypeError, ConfigError, RecipeError
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import Variable
from initkit.recipe.text.parse_rules import parse_rules
from initkit.recipe.text.reading import (
    as_flag,
    as_mapping,
    as_number,
    as_shape,
    as_text,
    as_texts,
    check_keys,
    listed,
    shown,
)
from initkit.recipe.text.specs import (
    BaseSpec,
    ParsedRecipe,
    PresetInfo,
    Selection,
    SourceSpec,
    TensorSpec,
)
from initkit.seed import as_seed

# The version of the recipe format, written as `initkit: 1` in every recipe.
RECIPE_FORMAT = 1

RECIPE_KEYS = (
    "initkit",
    "preset",
    "extends",
    "seed",
    "dtype",
    "layout",
    "variables",
    "from",
    "tensors",
    "rules",
)
SOURCE_KEYS = ("file", "only", "drop", "rename", "prefix", "dtype")
BASE_KEYS = ("preset", "file", "drop")
TENSOR_KEYS = ("shape", "dtype", "layers", "tags", "skip", "tie")
PRESET_KEYS = ("name", "version", "source")

# What stands between a preset's name and its version.
_AT = "@"


def parse_recipe(text: str, file: str = "<recipe>") -> ParsedRecipe:
    """Read a recipe and check its form; imports nothing, evaluates nothing and writes nothing.

    Args:
        text: YAML text, of which JSON is a part.
        file: Its name in messages; paths in the text are relative to its folder.

    Returns:
        The recipe's parts with their lines.

    Raises:
        RecipeError: The text is no YAML; a key is unknown, missing or twice there; a value has a wrong type.

    Example:
        >>> recipe = parse_recipe("{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}")
        >>> recipe.tensors[0].name, recipe.rules[0].init.name
        ('w', 'ones')
    """
    document = _read(text, file)
    whole = Place(document, ())
    root = as_mapping(document.data, whole, "a recipe", "initkit: 1, seed: 42, and so on")
    check_keys(root, whole, RECIPE_KEYS, "a recipe")
    _check_required(root, whole)
    _check_format(root["initkit"], whole.inside("initkit"))
    return ParsedRecipe(
        text=text,
        file=file,
        place=whole,
        seed=_seed(root["seed"], whole.inside("seed")) if "seed" in root else None,
        dtype=_optional_text(root, whole, "dtype", "`dtype`", "bfloat16"),
        layout=_optional_text(root, whole, "layout", "`layout`", "torch"),
        preset=_preset(root["preset"], whole.inside("preset")) if "preset" in root else None,
        base=_base(root["extends"], whole.inside("extends")) if "extends" in root else None,
        variables=tuple(_variables(root.get("variables", {}), whole.inside("variables"))),
        sources=tuple(_sources(root["from"], whole.inside("from"))) if "from" in root else (),
        tensors=tuple(_tensors(root.get("tensors", {}), whole.inside("tensors"))),
        rules=tuple(parse_rules(root["rules"], whole.inside("rules"))) if "rules" in root else (),
    )


def parse_again(text: str, file: str, changes: Mapping[str, Any]) -> ParsedRecipe:
    """Read a recipe that has been read before, and change what was changed then; for pickles.

    Args:
        text: The text.
        file: Its name in messages.
        changes: What is not that of the text: values of attributes of `ParsedRecipe`, by their names.

    Returns:
        The recipe's parts.
    """
    return replace(parse_recipe(text, file), **changes)


def _read(text: str, file: str) -> Document:
    """The document of a text; JSON, which programs write, by its own and much faster reader."""
    if str(text).startswith('{"'):
        try:
            return read_json(text, file=file, error=RecipeError)
        except ConfigError:
            pass  # then it is a mapping of YAML's, or an error that YAML's reader explains
    return read_yaml(text, file=file, error=RecipeError)


def _check_required(root: Mapping[str, PlainData], whole: Place) -> None:
    """Refuse a recipe without what it needs; a base has the rest, and a preset's seed is its user's."""
    required = ["initkit"]
    if "extends" not in root:
        required += ["rules"] if "preset" in root else ["seed", "rules"]
        if "from" not in root:
            required += ["tensors"]
    if missing := [key for key in required if key not in root]:
        needs = (
            "Every recipe has `initkit`, `seed`, `rules`, and `tensors` or `from`; or it `extends` another."
        )
        msg = f"the recipe has no {listed(missing)}."
        raise whole.error(msg, needs, "Add what is missing.")
    if "tensors" in root and root["tensors"] == {} and "tensors" in required:
        msg = "`tensors` is empty. Name at least one, with its shape."
        raise whole.inside("tensors").error(msg)


def _check_format(version: PlainData, place: Place) -> None:
    if type(version) is not int or version != RECIPE_FORMAT:
        wrong = f"`initkit` is the version of the recipe format. Received: {shown(version)}."
        raise place.error(wrong, f"Allowed: {RECIPE_FORMAT}. Write `initkit: 1`.")


def given_seed(seed: object) -> int:
    """Check a seed that is given in Python.

    Args:
        seed: An integer from 0 to 2**8192 - 1; NumPy integers count.

    Returns:
        The seed as a Python integer.

    Raises:
        ArgumentTypeError: It is no integer. Generators are refused: every tensor has a stream of its own.
        SeedError: It is negative or too large.

    Example:
        >>> given_seed(42)
        42
    """
    try:
        return as_seed(seed)
    except ArgumentTypeError:
        message = f"Argument `seed` must be a non-negative integer. Received: {seed!r:.100} of type"
        message += f" {type(seed).__name__}. Allowed: integers from 0 up. Write, for example, seed=42."
        raise ArgumentTypeError(message) from None


def _seed(seed: PlainData, place: Place) -> int:
    if type(seed) is not int or seed < 0:
        wrong = f"`seed` must be an integer from 0 up. Received: {shown(seed)}."
        raise place.error(wrong, "Write, for example, `seed: 42`.")
    return seed


def _optional_text(
    mapping: Mapping[str, PlainData], place: Place, key: str, who: str, example: str
) -> str | None:
    return as_text(mapping[key], place.inside(key), who, example) if key in mapping else None


def _preset(value: PlainData, place: Place) -> PresetInfo:
    example = "{name: gpt2, version: 1, source: a paper}"
    entry = as_mapping(value, place, "`preset`", example)
    check_keys(entry, place, PRESET_KEYS, "`preset`")
    if missing := [key for key in PRESET_KEYS if key not in entry]:
        msg = f"`preset` has no {listed(missing)}."
        raise place.error(msg, f"Write, for example, {example}.")
    version = entry["version"]
    if type(version) is not int or version < 1:
        wrong = f"the version of a preset must be an integer from 1 up. Received: {shown(version)}."
        raise place.inside("version").error(wrong, "Write, for example, version: 1.")
    name = as_text(entry["name"], place.inside("name"), "the name of a preset", "gpt2")
    source = as_text(entry["source"], place.inside("source"), "the source of a preset", "a paper")
    return PresetInfo(name, version, source)


def _base(value: PlainData, place: Place) -> BaseSpec:
    if isinstance(value, str) and value:
        return BaseSpec(value, _AT in value, place)
    example = "gpt2@1, or {file: base.yaml, drop: [lm_head.weight]}"
    entry = as_mapping(value, place, "`extends`", example)
    check_keys(entry, place, BASE_KEYS, "`extends`")
    kinds = [key for key in ("preset", "file") if key in entry]
    if len(kinds) != 1:
        wrong = f"`extends` must name one recipe. Received: {len(kinds)} of `preset` and `file`."
        raise place.error(wrong, f"Write, for example, {example}.")
    name = as_text(entry[kinds[0]], place.inside(kinds[0]), f"`{kinds[0]}` of `extends`", "gpt2@1")
    is_preset = kinds[0] == "preset"
    if "drop" not in entry:
        return BaseSpec(name, is_preset, place)
    drop = as_texts(entry["drop"], place.inside("drop"), "`drop` of `extends`", '["*.bias"]')
    return BaseSpec(name, is_preset, place, drop)


def _variables(value: PlainData, place: Place) -> Iterator[Variable]:
    for name, entry in as_mapping(value, place, "`variables`", "n_layer: 12").items():
        at = place.inside(name)
        if not (name.isascii() and name.isidentifier()):
            allowed = "Allowed: ASCII letters, digits and underscores, no digit in front."
            msg = f"{name!r} cannot name a variable."
            raise at.error(msg, allowed, "Rename it.")
        yield Variable(name, as_number(entry, at, f"variable {name!r}"), at)


def _sources(value: PlainData, place: Place) -> Iterator[SourceSpec]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        msg = "`from` is an empty list."
        raise place.error(msg, "Write, for example, from: model.safetensors.")
    for at, entry in enumerate(entries):
        inner = place.inside(at) if isinstance(value, list) else place
        yield _source(entry, inner, f"source {at + 1}")


def _source(value: PlainData, place: Place, who: str) -> SourceSpec:
    example = 'model.safetensors, or {file: shapes.json, drop: ["*.bias"]}'
    if isinstance(value, str) and value:
        return SourceSpec(value, place, Selection())
    entry = as_mapping(value, place, who, example)
    check_keys(entry, place, SOURCE_KEYS, who)
    if "file" not in entry:
        msg = f"{who} has no `file`."
        raise place.error(msg, f"Write, for example, {example}.")
    patterns = {
        key: as_texts(entry[key], place.inside(key), f"`{key}` of {who}", '["*.bias"]')
        for key in ("only", "drop")
        if key in entry
    }
    rename = as_mapping(
        entry.get("rename", {}), place.inside("rename"), f"`rename` of {who}", '{"model.*": "*"}'
    )
    names = {
        key: as_text(new, place.inside("rename", key), f"the new name of {key!r} in {who}", '"*"')
        for key, new in rename.items()
    }
    prefix = _optional_text(entry, place, "prefix", f"`prefix` of {who}", "vision.") or ""
    return SourceSpec(
        as_text(entry["file"], place.inside("file"), f"`file` of {who}", "model.safetensors"),
        place,
        Selection(patterns.get("only", ()), patterns.get("drop", ()), names, prefix),
        _optional_text(entry, place, "dtype", f"`dtype` of {who}", "bfloat16"),
    )


def _tensors(value: PlainData, place: Place) -> Iterator[TensorSpec]:
    for name, entry in as_mapping(value, place, "`tensors`", "wte.weight: [50257, 768]").items():
        yield _tensor(name, entry, place.inside(name))


def _tensor(name: str, entry: PlainData, place: Place) -> TensorSpec:
    who = f"tensor {name!r}"
    if not name:
        msg = "a tensor's name cannot be empty. Write, for example, `wte.weight`."
        raise place.error(msg)
    if isinstance(entry, list):
        return TensorSpec(name, place, as_shape(entry, place, who))
    example = "Write, for example, [768] or {shape: [768], dtype: float32}."
    if not isinstance(entry, dict):
        wrong = f"{who} must be a shape, a mapping of shape and dtype, or a tie."
        raise place.error(wrong, f"Received: {shown(entry)}.", example)
    check_keys(entry, place, TENSOR_KEYS, who)
    if "tie" in entry:
        if others := [key for key in entry if key != "tie"]:
            wrong = f"{who} is tied, so it cannot have `{others[0]}` of its own: it is its target's."
            raise place.inside(others[0]).error(wrong, f"Remove `{others[0]}`, or `tie`.")
        return TensorSpec(
            name, place, tie=_optional_text(entry, place, "tie", f"the tie of {who}", "wte.weight")
        )
    if "shape" not in entry:
        msg = f"{who} has no shape."
        raise place.error(msg, example)
    return TensorSpec(
        name,
        place,
        as_shape(entry["shape"], place.inside("shape"), who),
        _optional_text(entry, place, "dtype", f"the dtype of {who}", "float32"),
        layers=_words(entry, place, "layers", who, "[GPT, Block, LayerNorm]"),
        tags=_words(entry, place, "tags", who, "[no_decay]"),
        skip="skip" in entry and as_flag(entry["skip"], place.inside("skip"), f"`skip` of {who}"),
    )


def _words(entry: Mapping[str, PlainData], place: Place, key: str, who: str, example: str) -> tuple[str, ...]:
    """A list of words, which may be left out."""
    return as_texts(entry[key], place.inside(key), f"`{key}` of {who}", example) if key in entry else ()
