"""Checks of form, each of which complains at the line of whatever is wrong."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from initkit.documents import PlainData
from initkit.errors import did_you_mean, nearest_names
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.place import Place


def as_mapping(value: PlainData, place: Place, who: str, example: str) -> dict[str, PlainData]:
    """A mapping, as it is.

    Args:
        value: Plain data from a recipe.
        place: Where it stands.
        who: What it is, for the message.
        example: What to write, for the message.

    Returns:
        The mapping.

    Raises:
        RecipeError: It is none.
    """
    if not isinstance(value, dict):
        wrong = f"{who} must be a mapping. Received: {shown(value)}."
        raise place.error(wrong, f"Write, for example, {example}.")
    return value


def as_text(value: PlainData, place: Place, who: str, example: str) -> str:
    """A text that is not empty; arguments, result and error are like those of `as_mapping`."""
    if not isinstance(value, str) or not value:
        wrong = f"{who} must be text. Received: {shown(value)}."
        raise place.error(wrong, f"Write, for example, {example}.")
    return value


def as_texts(value: PlainData, place: Place, who: str, example: str) -> tuple[str, ...]:
    """A list of texts, or one of them alone; otherwise as `as_mapping`."""
    if isinstance(value, list) and value:
        return tuple(as_text(entry, place.inside(at), who, example) for at, entry in enumerate(value))
    return (as_text(value, place, who, example),)


def as_number(value: PlainData, place: Place, who: str) -> Number | str:
    """A number, or the text of an expression; otherwise as `as_mapping`."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or value == "":
        wrong = f"{who} must be a number or an expression. Received: {shown(value)}."
        raise place.error(wrong, "Write, for example, 12 or 3 * d.")
    return value


def as_flag(value: PlainData, place: Place, who: str) -> bool:
    """True or false; otherwise as `as_mapping`."""
    if not isinstance(value, bool):
        msg = f"{who} must be true or false. Received: {shown(value)}."
        raise place.error(msg, "Write true, or remove it.")
    return value


def as_shape(value: PlainData, place: Place, who: str) -> tuple[Number | str, ...]:
    """A list of numbers and expressions; otherwise as `as_mapping`."""
    if not isinstance(value, list):
        wrong = f"the shape of {who} must be a list. Received: {shown(value)}."
        raise place.error(wrong, "Write, for example, [3 * d, d].")
    what = f"every length in the shape of {who}"
    return tuple(
        length if type(length) is int else as_number(length, place.inside(at), what)
        for at, length in enumerate(value)
    )


def check_keys(mapping: Mapping[str, PlainData], place: Place, known: Collection[str], who: str) -> None:
    """Refuse keys that have no meaning.

    Args:
        mapping: A part of a recipe.
        place: Where it stands.
        known: The keys that have one.
        who: What it is, for the message.

    Raises:
        RecipeError: There is another key.
    """
    for key in mapping:
        if key not in known:
            hint = did_you_mean(nearest_keys(key, known))
            allowed = f"Allowed: {', '.join(known)}.{hint}"
            msg = f"unknown key {key!r} in {who}."
            raise place.inside(key).error(msg, allowed, "Remove it, or correct it.")


def nearest_keys(key: str, known: Collection[str]) -> tuple[str, ...]:
    """The known keys that are most like one, its beginnings among them, as `init` is of `initializer`."""
    beginnings = tuple(
        name for name in known if len(name) > 2 and (key.startswith(name) or name.startswith(key))
    )
    return tuple(dict.fromkeys((*beginnings, *nearest_names(key, known))))


def listed(names: Iterable[str]) -> str:
    """Names with commas, and `and` before the last."""
    *others, last = [f"`{name}`" for name in names]
    return f"{', '.join(others)} and {last}" if others else last


def shown(value: PlainData) -> str:
    """A value as a message shows it: as YAML has it where that is short, and with its type."""
    if value is None:
        return "nothing"
    if isinstance(value, (dict, list)):
        kind = "a mapping" if isinstance(value, dict) else "a list"
        return f"{kind} of {len(value)}" if value else f"an empty {kind.removeprefix('a ')}"
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
