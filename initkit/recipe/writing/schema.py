"""A JSON Schema of recipes, made from the code, so that editors complete and check them.

`initkit schema` prints it, and it lies beside this module as `schema.json`, which
`python -m initkit.recipe.writing.schema` writes. An editor with YAML's language server (Visual Studio Code
with Red Hat's YAML extension, JetBrains' editors, Neovim, Emacs) uses it for a recipe whose first line names
the file that it was printed into:

```yaml
# yaml-language-server: $schema=initkit.schema.json
initkit: 1
seed: 42
```

or for all recipes of a project, by the editor's setting
`"yaml.schemas": {"initkit.schema.json": "recipes/*.yaml"}`.

The schema knows the keys of recipes, and the arguments of initkit's own initializers. What has to be worked
out is left to `initkit plan`: names of variables, patterns that match nothing, values that a class refuses.
Classes of your own are known to it by their full names alone, as in `mylab>Tent`.
"""

from __future__ import annotations

import inspect
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias

from initkit.errors import InitkitError
from initkit.initializer import Initializer
from initkit.io import DTYPE_NAMES
from initkit.layout import PRESETS
from initkit.recipe.language.expression import RESERVED_NAMES
from initkit.recipe.planning.arguments import takes_numbers
from initkit.recipe.text.parse import RECIPE_FORMAT
from initkit.registry import BUILT_IN, registry
from initkit.serialization import encode

Schema: TypeAlias = dict[str, Any]

_FILE = "schema.json"
# A name of a class that is not initkit's own.
_FULL_NAME = "^[^>]+>[^>]+$"
_AXES = "(int | Sequence[int] | None)"
# What NumPy calls dtypes besides their names, and means by it on every platform.
_SHORT_DTYPES = (
    *("half", "single", "float", "double", "int"),
    *("f2", "f4", "f8", "c8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"),
)
# A name that no argument has as a value: classes that know all values say then which these are.
_NO_VALUE = "-"
_LISTS_VALUES = re.compile(r"Argument `\w+` has no such value\.|Invalid `\w+` argument:")
_QUOTED = re.compile("""["']([A-Za-z_0-9]+)["']""")
_ARGUMENT = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n     +.*|\n(?=\n     ))*)", re.MULTILINE)


def schema_text() -> str:
    """The JSON Schema of recipes, as it is shipped.

    Returns:
        JSON text.

    Example:
        >>> "$schema" in schema_text()
        True
    """
    return files(__package__ or "").joinpath(_FILE).read_text(encoding="utf-8")


def recipe_schema() -> Schema:
    """Make the JSON Schema of recipes from the code.

    Returns:
        A schema of JSON Schema's draft 2020-12, as plain data.

    Example:
        >>> recipe_schema()["properties"]["initkit"]["const"]
        1
    """
    found = registry.classes().items()
    classes = {
        name.partition(">")[2]: cls
        for name, cls in sorted(found)
        if name.startswith(f"{BUILT_IN}>") and issubclass(cls, Initializer)
    }
    definitions = {**_definitions(), "initializer": _initializer(classes)}
    definitions |= {name: _arguments(cls) for name, cls in classes.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "initkit recipe",
        "description": "The first values of a whole model: which tensors there are, and what fills each.",
        "type": "object",
        "additionalProperties": False,
        "required": ["initkit"],
        "properties": _properties(),
        "if": {"required": ["extends"]},
        "else": {
            "required": ["rules"],
            "anyOf": [{"required": ["seed"]}, {"required": ["preset"]}],
            "oneOf": [
                {"required": ["from"]},
                {
                    "not": {"required": ["from"]},
                    "required": ["tensors"],
                    "properties": {"tensors": {"minProperties": 1}},
                },
            ],
        },
        "$defs": definitions,
    }


def _properties() -> Schema:
    """The keys of a recipe."""
    return {
        "initkit": {"const": RECIPE_FORMAT, "description": "The version of the recipe format."},
        "preset": _object(
            {
                "name": _text("Its name."),
                "version": {"type": "integer", "minimum": 1, "description": "Its version; never changed."},
                "source": _text("Whose scheme it is."),
            },
            "What a preset says of itself.",
            required=["name", "version", "source"],
        ),
        "extends": _extends(),
        "seed": {
            "type": "integer",
            "minimum": 0,
            "description": "The seed that the draw of every tensor grows from, together with its name.",
        },
        "dtype": _ref(
            "dtype", "The dtype of tensors that have none of their own; float32 if it is left out."
        ),
        "layout": _ref("layout", "How initializers read shapes that do not say so themselves."),
        "variables": {
            "type": "object",
            "description": "Numbers, and expressions over the others, in any order, for use in expressions.",
            "propertyNames": {
                "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                "not": {"enum": sorted(RESERVED_NAMES)},
            },
            "additionalProperties": _ref("number"),
        },
        "from": {
            "description": "Files whose tensors' names, shapes and dtypes are taken over.",
            "anyOf": [_ref("source"), {"type": "array", "minItems": 1, "items": _ref("source")}],
        },
        "tensors": {
            "type": "object",
            "description": "Names, which may have {q,k,v} and {0..11} in them, with their shapes.",
            "propertyNames": {"minLength": 1},
            "additionalProperties": _ref("tensor"),
        },
        "rules": {
            "type": "array",
            "minItems": 1,
            "description": "What fills the tensors. The first rule that matches a tensor takes it.",
            "items": _ref("rule"),
        },
    }


def _extends() -> Schema:
    drop = _ref("texts", "Patterns of names of its tensors that are left out.")
    return {
        "description": "A preset or a recipe that this one adds to; own rules stand before inherited ones.",
        "anyOf": [
            _text("A preset with its version, as gpt2@1, or the path of a recipe."),
            _object({"preset": _text("A preset, as gpt2@1."), "drop": drop}, required=["preset"]),
            _object({"file": _text("The path of a recipe."), "drop": drop}, required=["file"]),
        ],
    }


def _definitions() -> Schema:
    """What several keys share."""
    number_test = [_ref("integer"), {"type": "string", "pattern": r"^\s*(<=|>=|==|!=|<|>)"}]
    return {
        "expression": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_.\s+*/%(),\[\]-]+$",
            "description": "Arithmetic over variables and captures, as in 0.02 / sqrt(2 * n_layer).",
        },
        "number": {"anyOf": [{"type": "number"}, _ref("expression")]},
        "integer": {"anyOf": [{"type": "integer"}, _ref("expression")]},
        "shape": {"type": "array", "items": _ref("integer")},
        "text": {"type": "string", "minLength": 1},
        "texts": {"anyOf": [_ref("text"), {"type": "array", "minItems": 1, "items": _ref("text")}]},
        "dtype": {"anyOf": [{"enum": list(DTYPE_NAMES)}, {"enum": [*_SHORT_DTYPES, *_torch_dtypes()]}]},
        "layout": {
            "anyOf": [
                {"enum": list(PRESETS)},
                {"type": "string", "pattern": r"^(?=.)[IOBDHWKLT]*(\.\.\.)?[IOBDHWKLT]*$"},
            ]
        },
        "source": {"anyOf": [_text("The path of a file."), _source()]},
        "tensor": {
            "anyOf": [
                _ref("shape"),
                _object({"shape": _ref("shape"), "dtype": _ref("dtype")}, required=["shape"]),
                _object({"tie": _text("The tensor that this one is the same as.")}, required=["tie"]),
            ]
        },
        "number_test": {"anyOf": [*number_test, {"type": "array", "minItems": 1, "items": _ref("integer")}]},
        "rule": _rule(),
    }


def _source() -> Schema:
    return _object(
        {
            "file": _text("A safetensors file, the index of a sharded one, or JSON or YAML of shapes."),
            "only": _ref("texts", "Patterns; a name that matches none of them is left out."),
            "drop": _ref("texts", "Patterns of names that are left out."),
            "rename": {
                "type": "object",
                "description": 'Patterns, and what names that match become, as in {"model.*": "*"}.',
                "additionalProperties": _ref("text"),
            },
            "prefix": _text("What is put before every name."),
            "dtype": _ref("dtype", "The dtype that all of them get; their own if it is left out."),
        },
        required=["file"],
    )


def _rule() -> Schema:
    """A rule: one pattern, one thing to do, and what goes with it."""
    lengths = {"type": "array", "items": {"anyOf": [{"enum": ["*", "..."]}, _ref("integer")]}}
    where = {
        "ndim": _ref("number_test", 'The number of axes: 2, [1, 2] or ">= 2".'),
        "shape": {**lengths, "description": 'Lengths; "*" is any one, "..." any number of them.'},
        "dtype": {
            "description": "A dtype, or several.",
            "anyOf": [_ref("dtype"), {"type": "array", "minItems": 1, "items": _ref("dtype")}],
        },
        "size": _ref("number_test", 'The number of elements, as in "> 100".'),
    }
    copy = {"file": _text("A safetensors file or a sharded one."), "name": _text("The tensor in it.")}
    properties = {
        "match": _text("A pattern of whole names: * and ? are any characters, {layer} captures a part."),
        "regex": _text("A regular expression of whole names; named groups are captures."),
        "where": _object(where, "What tensors have to be like, besides their names."),
        "init": _ref("initializer", "What fills the tensors: a name, or a name with arguments."),
        "skip": {"const": True, "description": "Leave the tensors out."},
        "tie": _text("The tensor that these are the same as; may hold captures."),
        "copy": {
            "description": "Where the values come from.",
            "anyOf": [_text("The path of a file."), _object(copy, required=["file"])],
        },
        "dtype": _ref("dtype", "The dtype that the tensors get."),
        "layout": _ref("layout", "How the initializer reads shapes."),
        "seed_path": _ref("texts", "The names by which values are drawn instead of the tensor's own."),
        "optional": {"type": "boolean", "description": "Whether the rule may take no tensor."},
    }
    not_drawn = {"layout": False, "seed_path": False}
    return {
        **_object(properties),
        "allOf": [
            {"oneOf": [{"required": ["match"]}, {"required": ["regex"]}]},
            {
                "oneOf": [
                    {"required": ["init"]},
                    {"required": ["copy"], "properties": not_drawn},
                    *(
                        {"required": [key], "properties": {**not_drawn, "dtype": False}}
                        for key in ("skip", "tie")
                    ),
                ]
            },
        ],
    }


def _initializer(classes: dict[str, type]) -> Schema:
    """A name alone, a name with arguments, or the long form of `initkit.serialize`."""
    alone: list[Schema] = []
    others: list[str] = []
    with_arguments: Schema = {}
    for name, cls in classes.items():
        primary = registry.short_name(cls)
        names = [primary, *(other for other in registry.names(cls) if other != primary)]
        with_arguments |= {one: _ref(name) for one in names}
        if not _required(cls):
            alone.append({"const": primary, "description": _summary(cls)})
            others += names[1:]
    foreign = {"type": ["object", "null"]}
    return {
        "anyOf": [
            {"oneOf": sorted(alone, key=lambda entry: entry["const"])},
            {"enum": sorted(others)},
            {"type": "string", "pattern": _FULL_NAME},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": dict(sorted(with_arguments.items())),
                "patternProperties": {_FULL_NAME: foreign},
                "additionalProperties": False,
            },
            _object(
                {
                    "class_name": _ref("text"),
                    "config": foreign,
                    "module": {"type": ["string", "null"]},
                    "registered_name": {"type": ["string", "null"]},
                },
                required=["class_name"],
            ),
        ]
    }


def _arguments(cls: type) -> Schema:
    """The arguments of a class; no seed, since every tensor has its own."""
    told = _argument_texts(cls)
    properties = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if name == "seed":
            properties[name] = {"type": "null"}
            continue
        schema = _of_parameter(name, parameter)
        if name in told:
            schema["description"] = told[name]
            if schema.get("type") == "string":
                schema |= _values(cls, name, told[name])
        if parameter.default is not parameter.empty:
            schema["default"] = encode(parameter.default)
        properties[name] = schema
    schema = _object(properties, _summary(cls), required=_required(cls))
    return schema if _required(cls) else {**schema, "type": ["object", "null"]}


def _values(cls: type, name: str, told: str) -> Schema:
    """The values of a text argument, if its class knows them all; otherwise those in its docstring."""
    named = _QUOTED.findall(told.partition(". ")[0]) if told.startswith('"') else []
    refusal = _refusal(cls, name, _NO_VALUE)
    if _LISTS_VALUES.match(refusal) is None:
        return {"examples": named} if named else {}
    values = _QUOTED.findall(refusal)
    # The docstring may have other names for them.
    values += [other for other in named if other not in values and not _refusal(cls, name, other)]
    # Captures stand in braces, and some classes do not mind capital letters.
    minds_case = any(_LISTS_VALUES.match(_refusal(cls, name, value.swapcase())) for value in values)
    spellings = "" if minds_case else "".join(f"|^{_in_any_case(value)}$" for value in values)
    return {"anyOf": [{"enum": values}, {"pattern": rf"\{{{spellings}"}]}


def _in_any_case(word: str) -> str:
    """A regular expression for a word in small and capital letters, which JSON Schema has no flag for."""
    return "".join(f"[{sign.upper()}{sign.lower()}]" if sign.isalpha() else sign for sign in word)


def _refusal(cls: type, name: str, value: str) -> str:
    """What a class has against a value of an argument; nothing if it takes it."""
    try:
        cls(**{**dict.fromkeys(_required(cls), "zeros"), name: value})
    except InitkitError as error:
        return str(error)
    return ""


def _torch_dtypes() -> list[str]:
    """The names by which PyTorch prints its dtypes."""
    return [f"torch.{name}" for name in DTYPE_NAMES]


def _required(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.items()
    return [name for name, parameter in parameters if parameter.default is parameter.empty]


def _of_parameter(name: str, parameter: inspect.Parameter) -> Schema:
    """What may stand for an argument, by its annotation."""
    if name == "layout":
        return {"anyOf": [_ref("layout"), {"type": "null"}]}
    if name in ("initializer", "initializers"):
        # A list is of several, and one alone is repeated.
        several = {"type": "array", "minItems": 1, "items": _ref("initializer")}
        return _ref("initializer") if name == "initializer" else {"anyOf": [_ref("initializer"), several]}
    annotation = inspect.formatannotation(parameter.annotation).strip("'").replace("Axes", _AXES)
    kinds = [_of_type(kind, takes_numbers(parameter)) for kind in annotation.strip("()").split(" | ")]
    if {} in kinds:
        return {}
    return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}


def _of_type(kind: str, numeric: bool) -> Schema:
    """What may stand for a type; anything for one that is not known here."""
    if kind.startswith("Sequence["):
        return {"type": "array", "items": _of_type(kind.removeprefix("Sequence[").removesuffix("]"), numeric)}
    if kind in ("int", "float"):
        name = "integer" if kind == "int" else "number"
        return _ref(name) if numeric else {"type": name}
    types = {"str": "string", "bool": "boolean", "None": "null"}
    if kind.startswith("np.ndarray"):
        return {"type": "object", "required": ["class_name"]}
    return {"type": types[kind]} if kind in types else {}


def _summary(cls: type) -> str:
    return (inspect.getdoc(cls) or "").partition("\n")[0]


def _argument_texts(cls: type) -> dict[str, str]:
    """What the docstring says of each argument."""
    section = (inspect.getdoc(cls) or "").partition("\nArgs:\n")[2]
    section = re.split(r"\n(?=[A-Z]\w+:)", section)[0]
    return {
        name: " ".join(text.split()).replace("`", "")
        for names, text in _ARGUMENT.findall(section)
        for name in names.split(", ")
    }


def _object(properties: Schema, description: str = "", *, required: list[str] | None = None) -> Schema:
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if description:
        schema["description"] = description
    return {**schema, "required": required} if required else schema


def _ref(name: str, description: str = "") -> Schema:
    ref = {"$ref": f"#/$defs/{name}"}
    return {**ref, "description": description} if description else ref


def _text(description: str) -> Schema:
    return _ref("text", description)


def generated_text() -> str:
    """What `schema.json` has to be.

    Returns:
        JSON text, indented, with a newline at its end.
    """
    import json

    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text(generated_text(), encoding="utf-8")
