"""Writing plain data as YAML that a person could have written, and as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from initkit.documents.document import DEFAULT_LIMITS, PlainData
from initkit.errors import ArgumentError, ArgumentTypeError

_WIDTH = 80
# Inline lists and mappings hold at most this many levels of others.
_INLINE_DEPTH = 2
# Parsers look at most 1024 characters ahead for the colon that makes a key.
_LONGEST_SIMPLE_KEY = 1000

# Deliberately narrow: what may stand without quotes in block and flow context, in YAML 1.1 and in 1.2.
_UNQUOTED = re.compile(r"[\w(/](?:[\w ./()*+<>=^$;~%@\\-]*[\w./()*+<>=^$;~%@\\-])?")
# Words and numbers of YAML 1.1 or 1.2, and all that looks enough like a number or a date to be mistaken.
_MISTAKABLE = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n)|[0-9][0-9a-fA-FoOxX_.+-]*")
# What JSON's escapes leave as it is, but YAML cannot show.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Strings are matched, too, so that the word inside one is passed over.
_INFINITY_IN_JSON = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|Infinity')


def write_yaml(data: PlainData, *, width: int = _WIDTH, inline_depth: int = _INLINE_DEPTH) -> str:
    """Write plain data as YAML text.

    Lists and mappings stand one entry per line, small ones inline; keys keep their order. Strings that any
    version of YAML could take for something else are quoted.

    Args:
        data: The plain data.
        width: The longest line that has a list or mapping inline.
        inline_depth: How many levels of lists and mappings such a one may have inside each other.

    Returns:
        Text, with a newline at its end, from which `read_yaml` makes equal data of equal types.

    Raises:
        ArgumentTypeError: If anything in `data` is not plain data, or a key is not a string.
        ArgumentError: If `data` is too deep or too large to be read again, or holds a lone surrogate.

    Example:
        >>> print(write_yaml({"class_name": "HeNormal", "config": {"seed": 7, "path": []}}), end="")
        class_name: HeNormal
        config: {seed: 7, path: []}
    """
    _check(data)
    fits = _Fits(width, inline_depth)
    lines = _block(data, 0, fits) if isinstance(data, (dict, list)) and data else iter([_inline(data)])
    return _checked_length("".join(f"{line}\n" for line in lines))


def write_inline(data: PlainData) -> str:
    """Write plain data as YAML text on one line, however long that is.

    Args:
        data: The plain data.

    Returns:
        Text without a newline, from which `read_yaml` makes equal data of equal types, unless a key is longer
        than parsers look ahead.

    Raises:
        ArgumentTypeError: If anything in `data` is not plain data, or a key is not a string.
        ArgumentError: If `data` is too deep or too large to be read again, or holds a lone surrogate.

    Example:
        >>> write_inline({"match": "*.bias", "init": "zeros"})
        '{match: "*.bias", init: zeros}'
    """
    _check(data)
    return _checked_length(_inline(data))


def write_json(data: PlainData) -> str:
    """Write plain data as one line of JSON text.

    Infinities are `1e999` and `-1e999`: numbers of RFC 8259, which Python, JavaScript and `read_json` read as
    infinite. It has nothing for NaN, which is `NaN`, as Python's own `json` writes it.

    Args:
        data: The plain data.

    Returns:
        Text without a newline, from which `read_json` makes equal data of equal types; valid by RFC 8259
        unless `data` holds a NaN.

    Raises:
        ArgumentTypeError: If anything in `data` is not plain data, or a key is not a string.
        ArgumentError: If `data` is too deep or too large to be read again, or holds a lone surrogate.

    Example:
        >>> write_json({"seed": 7, "bounds": [float("-inf"), 2.0]})
        '{"seed": 7, "bounds": [-1e999, 2.0]}'
    """
    _check(data)
    return _checked_length(json_text(data))


def json_text(data: PlainData, *, compact: bool = False) -> str:
    """The text of `write_json`, without its checks.

    Args:
        data: The plain data; whether it is such, and not too large, is the caller's to know.
        compact: Whether to leave out the spaces behind commas and colons.

    Returns:
        Text without a newline.

    Example:
        >>> json_text([float("inf"), "Infinity"], compact=True)
        '[1e999,"Infinity"]'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":") if compact else None)
    if "Infinity" not in text:
        return text
    return _INFINITY_IN_JSON.sub(lambda found: "1e999" if found[0] == "Infinity" else found[0], text)


def _check(data: object) -> None:
    """Refuse what could not be read again."""
    nodes = 0
    level = [data]
    depth = -1
    # Level by level and not by recursion: a list that contains itself ends here, too.
    while level:
        depth += 1
        nodes += len(level)
        if depth > DEFAULT_LIMITS.depth:
            message = f"the data is nested too deeply. At most {DEFAULT_LIMITS.depth} levels are written."
            raise ArgumentError(message)
        if nodes > DEFAULT_LIMITS.nodes:
            message = f"the data holds too many values. At most {DEFAULT_LIMITS.nodes:,} are written."
            raise ArgumentError(message)
        level = list(chain.from_iterable(map(_checked_children, level)))


def _checked_children(node: object) -> list[object]:
    """The keys and values directly inside a node, after a check of its own type."""
    if type(node) is dict:
        for key in node:
            if type(key) is not str:
                message = (
                    f"a key has the wrong type. Received: {key!r}, a {type(key).__name__}. Allowed: str."
                )
                raise ArgumentTypeError(message)
        return [*node, *node.values()]
    if type(node) is list:
        return node
    if type(node) is str and (found := _SURROGATE.search(node)):
        message = (
            f"a string holds the lone surrogate U+{ord(found.group()):04X}, which is not UTF-8. Remove it."
        )
        raise ArgumentError(message)
    if node is not None and type(node) not in (str, int, float, bool):
        message = (
            f"a {type(node).__name__} is not plain data. Received: {node!r:.80}. "
            "Allowed: dict, list, str, int, float, bool, None. Convert it first."
        )
        raise ArgumentTypeError(message)
    return []


def _checked_length(text: str) -> str:
    """Refuse a text that would be too long to be read again."""
    if len(text) > DEFAULT_LIMITS.text:
        message = f"the text would be too long: {len(text):,} characters. Allowed: {DEFAULT_LIMITS.text:,}."
        raise ArgumentError(message)
    return text


class _Fits(NamedTuple):
    """What may stand inline."""

    width: int
    depth: int


def _block(data: PlainData, indent: int, fits: _Fits) -> Iterator[str]:
    """The lines of a list or mapping that is not empty, one entry after the other."""
    margin = " " * indent
    entries = data.items() if isinstance(data, dict) else ((None, item) for item in data)  # type: ignore[union-attr]  # the caller's promise
    for key, value in entries:
        head = "-" if key is None else _key(key, margin)
        inline = _inline_where_it_fits(value, fits.width - indent - len(head) - 1, fits.depth)
        if inline is not None:
            yield f"{margin}{head} {inline}"
        elif key is None:
            # The first line of the nested block stands right after the dash.
            first, *others = _block(value, indent + 2, fits)
            yield f"{margin}- {first.lstrip(' ')}"
            yield from others
        else:
            yield margin + head
            yield from _block(value, indent + 2, fits)


def _key(key: str, margin: str) -> str:
    """A key with its colon; in the explicit form where parsers would not find the colon."""
    text = _string(key)
    return f"{text}:" if len(text) <= _LONGEST_SIMPLE_KEY else f"? {text}\n{margin}:"


def _inline_where_it_fits(value: PlainData, room: int, depth: int) -> str | None:
    """The inline form of a value, or None where its entries should stand on lines of their own."""
    if not isinstance(value, (dict, list)) or not value:
        return _inline(value)
    if not _is_shallow(value, depth):
        return None
    text = _inline(value)
    return text if len(text) <= room else None


def _is_shallow(value: PlainData, levels: int) -> bool:
    """Whether a value has at most so many levels and few entries in each."""
    if not isinstance(value, (dict, list)):
        return True
    inside = value.values() if isinstance(value, dict) else value
    return levels > 0 and len(value) <= _WIDTH and all(_is_shallow(item, levels - 1) for item in inside)


def _inline(value: PlainData) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_string(key)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return "null" if value is None else str(value)


def _float(value: float) -> str:
    """The shortest text that is this float in YAML 1.2 and in 1.1, which wants a point before an exponent."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _string(text: str) -> str:
    """A string, in double quotes unless it cannot be mistaken."""
    if _UNQUOTED.fullmatch(text) and not _MISTAKABLE.fullmatch(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)
