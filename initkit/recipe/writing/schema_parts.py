"""The few forms of JSON Schema that the schema of recipes is made of."""

from __future__ import annotations

from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]


def object_of(properties: Schema, description: str = "", *, required: list[str] | None = None) -> Schema:
    """A mapping of these keys and no others.

    Args:
        properties: The schema of every key's value.
        description: What editors show of it; nothing by default.
        required: The keys that have to be there; none by default.

    Returns:
        The schema.

    Example:
        >>> object_of({"name": text("Its name.")}, required=["name"])["required"]
        ['name']
    """
    schema: Schema = {"type": "object", "additionalProperties": False, "properties": properties}
    if description:
        schema["description"] = description
    return {**schema, "required": required} if required else schema


def ref(name: str, description: str = "") -> Schema:
    """What is defined under a name, with a description of its own where there is one.

    Args:
        name: A key of the schema's `$defs`.
        description: What editors show of it; nothing by default.

    Returns:
        The schema.

    Example:
        >>> ref("shape")
        {'$ref': '#/$defs/shape'}
    """
    schema = {"$ref": f"#/$defs/{name}"}
    return {**schema, "description": description} if description else schema


def text(description: str) -> Schema:
    """A text that is not empty; argument and result are like those of `ref`."""
    return ref("text", description)
