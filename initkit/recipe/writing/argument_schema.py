"""What the JSON Schema of recipes says of initializers: their names, and the arguments of each."""

from __future__ import annotations

import inspect
import re

from initkit.errors import InitkitError
from initkit.recipe.planning.arguments import takes_numbers
from initkit.recipe.writing.schema_parts import Schema, object_of, ref
from initkit.registry import registry
from initkit.serialization import encode

# A name of a class that is not initkit's own.
_FULL_NAME = "^[^>]+>[^>]+$"
_AXES = "(int | Sequence[int] | None)"
# A name that no argument has as a value: classes that know all values say then which these are.
_NO_VALUE = "-"
_LISTS_VALUES = re.compile(r"Argument `\w+` has no such value\.|Invalid `\w+` argument:")
_QUOTED = re.compile("""["']([A-Za-z_0-9]+)["']""")
_ARGUMENT = re.compile(r"^    (\w+(?:, \w+)*): (.*(?:\n     +.*|\n(?=\n     ))*)", re.MULTILINE)


def initializer_schema(classes: dict[str, type]) -> Schema:
    """An initializer: a name alone, a name with arguments, or the long form of `initkit.serialize`.

    Args:
        classes: initkit's own, by name; each has a definition of its own under that name.

    Returns:
        The schema.
    """
    alone: list[Schema] = []
    others: list[str] = []
    with_arguments: Schema = {}
    for name, cls in classes.items():
        primary = registry.short_name(cls)
        names = [primary, *(other for other in registry.names(cls) if other != primary)]
        with_arguments |= {one: ref(name) for one in names}
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
            object_of(
                {
                    "class_name": ref("text"),
                    "config": foreign,
                    "module": {"type": ["string", "null"]},
                    "registered_name": {"type": ["string", "null"]},
                },
                required=["class_name"],
            ),
        ]
    }


def arguments_schema(cls: type) -> Schema:
    """The arguments of an initializer; no seed, since every tensor has its own.

    Args:
        cls: Its class.

    Returns:
        The schema.
    """
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
    schema = object_of(properties, _summary(cls), required=_required(cls))
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


def _required(cls: type) -> list[str]:
    parameters = inspect.signature(cls).parameters.items()
    return [name for name, parameter in parameters if parameter.default is parameter.empty]


def _of_parameter(name: str, parameter: inspect.Parameter) -> Schema:
    """What may stand for an argument, by its annotation."""
    if name == "layout":
        return {"anyOf": [ref("layout"), {"type": "null"}]}
    if name in ("initializer", "initializers"):
        # A list is of several, and one alone is repeated.
        several = {"type": "array", "minItems": 1, "items": ref("initializer")}
        return ref("initializer") if name == "initializer" else {"anyOf": [ref("initializer"), several]}
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
        return ref(name) if numeric else {"type": name}
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
