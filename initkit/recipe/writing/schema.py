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

from importlib.resources import files
from pathlib import Path

from initkit.initializer import Initializer
from initkit.io import DTYPE_NAMES
from initkit.layout import PRESETS
from initkit.recipe.language.expression import RESERVED_NAMES
from initkit.recipe.text.parse import RECIPE_FORMAT
from initkit.recipe.writing.argument_schema import arguments_schema, initializer_schema
from initkit.recipe.writing.schema_parts import Schema, object_of, ref, text
from initkit.registry import BUILT_IN, registry

_FILE = "schema.json"
# What NumPy calls dtypes besides their names, and means by it on every platform.
_SHORT_DTYPES = (
    *("half", "single", "float", "double", "int"),
    *("f2", "f4", "f8", "c8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"),
)


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
    definitions = {**_definitions(), "initializer": initializer_schema(classes)}
    definitions |= {name: arguments_schema(cls) for name, cls in classes.items()}
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
        "preset": object_of(
            {
                "name": text("Its name."),
                "version": {"type": "integer", "minimum": 1, "description": "Its version; never changed."},
                "source": text("Whose scheme it is."),
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
        "dtype": ref("dtype", "The dtype of tensors that have none of their own; float32 if it is left out."),
        "layout": ref("layout", "How initializers read shapes that do not say so themselves."),
        "variables": {
            "type": "object",
            "description": "Numbers, and expressions over the others, in any order, for use in expressions.",
            "propertyNames": {
                "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                "not": {"enum": sorted(RESERVED_NAMES)},
            },
            "additionalProperties": ref("number"),
        },
        "from": {
            "description": "Files whose tensors' names, shapes and dtypes are taken over.",
            "anyOf": [ref("source"), {"type": "array", "minItems": 1, "items": ref("source")}],
        },
        "tensors": {
            "type": "object",
            "description": "Names, which may have {q,k,v} and {0..11} in them, with their shapes.",
            "propertyNames": {"minLength": 1},
            "additionalProperties": ref("tensor"),
        },
        "rules": {
            "type": "array",
            "minItems": 1,
            "description": "What fills the tensors. The first rule that matches a tensor takes it.",
            "items": ref("rule"),
        },
    }


def _extends() -> Schema:
    drop = ref("texts", "Patterns of names of its tensors that are left out.")
    return {
        "description": "A preset or a recipe that this one adds to; own rules stand before inherited ones.",
        "anyOf": [
            text("A preset with its version, as gpt2@1, or the path of a recipe."),
            object_of({"preset": text("A preset, as gpt2@1."), "drop": drop}, required=["preset"]),
            object_of({"file": text("The path of a recipe."), "drop": drop}, required=["file"]),
        ],
    }


def _definitions() -> Schema:
    """What several keys share."""
    number_test = [ref("length"), {"type": "string", "pattern": r"^\s*(<=|>=|==|!=|<|>)"}]
    return {
        "expression": {
            "type": "string",
            "pattern": r"^[A-Za-z0-9_.\s+*/%(),\[\]-]+$",
            "description": "Arithmetic over variables and captures, as in 0.02 / sqrt(2 * n_layer).",
        },
        "number": {"anyOf": [{"type": "number"}, ref("expression")]},
        "integer": {"anyOf": [{"type": "integer"}, ref("expression")]},
        "length": {"anyOf": [{"type": "integer", "minimum": 0}, ref("expression")]},
        "shape": {"type": "array", "items": ref("length")},
        "text": {"type": "string", "minLength": 1},
        "texts": {"anyOf": [ref("text"), {"type": "array", "minItems": 1, "items": ref("text")}]},
        "dtype": {"anyOf": [{"enum": list(DTYPE_NAMES)}, {"enum": [*_SHORT_DTYPES, *_torch_dtypes()]}]},
        "layout": {
            "anyOf": [
                {"enum": list(PRESETS)},
                {"type": "string", "pattern": r"^(?=.)[IOBDHWKLT]*(\.\.\.)?[IOBDHWKLT]*$"},
            ]
        },
        "source": {"anyOf": [text("The path of a file."), _source()]},
        "tensor": {
            "anyOf": [
                ref("shape"),
                object_of(
                    {
                        "shape": ref("shape"),
                        "dtype": ref("dtype"),
                        "layers": ref("texts", "Types of the layers that hold it, its own last."),
                        "tags": ref("texts", "Words about it, for rules to ask for."),
                        "skip": {"type": "boolean", "description": "Whether it is only named, for fans_of."},
                    },
                    required=["shape"],
                ),
                object_of({"tie": text("The tensor that this one is the same as.")}, required=["tie"]),
            ]
        },
        "number_test": {"anyOf": [*number_test, {"type": "array", "minItems": 1, "items": ref("length")}]},
        "rule": _rule(),
    }


def _source() -> Schema:
    return object_of(
        {
            "file": text("A safetensors file, the index of a sharded one, or JSON or YAML of shapes."),
            "only": ref("texts", "Patterns; a name that matches none of them is left out."),
            "drop": ref("texts", "Patterns of names that are left out."),
            "rename": {
                "type": "object",
                "description": 'Patterns, and what names that match become, as in {"model.*": "*"}.',
                "additionalProperties": ref("text"),
            },
            "prefix": text("What is put before every name."),
            "dtype": ref("dtype", "The dtype that all of them get; their own if it is left out."),
        },
        required=["file"],
    )


def _rule() -> Schema:
    """A rule: one pattern, one thing to do, and what goes with it."""
    lengths = {"type": "array", "items": {"anyOf": [{"enum": ["*", "..."]}, ref("length")]}}
    where = {
        "ndim": ref("number_test", 'The number of axes: 2, [1, 2] or ">= 2".'),
        "shape": {**lengths, "description": 'Lengths; "*" is any one, "..." any number of them.'},
        "dtype": {
            "description": "A dtype, or several.",
            "anyOf": [ref("dtype"), {"type": "array", "minItems": 1, "items": ref("dtype")}],
        },
        "size": ref("number_test", 'The number of elements, as in "> 100".'),
        "layer": ref("texts", "Patterns of the type of the layer that holds it, as *Norm."),
        "inside": ref("texts", "Patterns of the type of any layer around that one."),
        "tag": ref("texts", "Patterns of its tags."),
    }
    copy = {"file": text("A safetensors file or a sharded one."), "name": text("The tensor in it.")}
    properties = {
        "match": text("A pattern of whole names: * and ? are any characters, {layer} captures a part."),
        "regex": text("A regular expression of whole names; named groups are captures."),
        "where": object_of(where, "What tensors have to be like, besides their names."),
        "init": ref("initializer", "What fills the tensors: a name, or a name with arguments."),
        "skip": {"const": True, "description": "Leave the tensors out."},
        "tie": text("The tensor that these are the same as; may hold captures."),
        "copy": {
            "description": "Where the values come from.",
            "anyOf": [text("The path of a file."), object_of(copy, required=["file"])],
        },
        "dtype": ref("dtype", "The dtype that the tensors get."),
        "layout": ref("layout", "How the initializer reads shapes."),
        "fans_of": text("The tensor whose fan_in and fan_out expressions ask about; may hold captures."),
        "seed_path": ref("texts", "The names by which values are drawn instead of the tensor's own."),
        "optional": {"type": "boolean", "description": "Whether the rule may take no tensor."},
    }
    not_drawn = {"layout": False, "fans_of": False, "seed_path": False}
    return {
        **object_of(properties),
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


def _torch_dtypes() -> list[str]:
    """The names by which PyTorch prints its dtypes."""
    return [f"torch.{name}" for name in DTYPE_NAMES]


def generated_text() -> str:
    """What `schema.json` has to be.

    Returns:
        JSON text, indented, with a newline at its end.
    """
    import json

    return json.dumps(recipe_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(__file__).with_name(_FILE).write_text(generated_text(), encoding="utf-8")
