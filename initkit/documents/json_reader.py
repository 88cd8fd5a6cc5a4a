"""Reading JSON text: the standard parser behind bounds and checks, and a scan for lines when needed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from itertools import accumulate
from typing import Any

from initkit.documents.document import (
    DEFAULT_LIMITS,
    Document,
    Limits,
    Place,
    PlainData,
    Source,
    decimal_float,
    open_source,
)
from initkit.errors import ConfigError

# The closing quote is optional: an unterminated string takes the rest of the text, so matching stays linear.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?'
_STRINGS = re.compile(_STRING, re.DOTALL)
_TOKENS = re.compile(_STRING + r"|[\[\]{}:,]|[^\s\[\]{}:,\"]++", re.DOTALL)
_NOT_BRACKETS = re.compile(r"[^\[\]{}]+")


def read_json(
    text: str,
    *,
    file: str = "<string>",
    limits: Limits = DEFAULT_LIMITS,
    error: type[ConfigError] = ConfigError,
) -> Document:
    """Read one JSON text into plain data.

    Infinity is `1e999`, which is how JSON can say it. As Python's own `json`, and unlike RFC 8259, it also
    reads `NaN`, `Infinity` and `-Infinity`, since Python and Keras write configs so.

    Args:
        text: The text; a byte order mark in front is ignored.
        file: Its name in messages.
        limits: Bounds on length, depth and number of values.
        error: The class of exception to raise.

    Returns:
        The data and its lines.

    Raises:
        ConfigError: On a syntax error, a key that comes twice, a number that no float64 can hold, or a bound
            exceeded.
        ArgumentTypeError: If `text` is not a string.

    Example:
        >>> read_json('{"scale": 1e-3, "bounds": [-1e999, 2]}').data
        {'scale': 0.001, 'bounds': [-inf, 2]}
    """
    source = open_source(text, file, limits, error)
    _check_bounds(source)
    try:
        data: PlainData = json.loads(source.text, object_pairs_hook=_distinct, parse_float=decimal_float)
    except json.JSONDecodeError as problem:
        source.fail(f"this is not JSON: {problem.msg} (column {problem.colno}).", problem.lineno)
    except (ValueError, OverflowError):
        # The parser does not say where it was; the scan comes upon the same thing and knows its line.
        _Scan(source).place()
        raise
    return Document(data, file, error, cache(_Scan(source).place))


def _check_bounds(source: Source) -> None:
    """Refuse too much depth or too many values before the parser, which recurses, sees them."""
    bare = _STRINGS.sub("", source.text)
    brackets = _NOT_BRACKETS.sub("", bare)
    depths = accumulate(1 if bracket in "[{" else -1 for bracket in brackets)
    if max(depths, default=0) > source.limits.depth:
        _Scan(source).fail_where_too_deep()
    if 1 + len(brackets) // 2 + bare.count(",") > source.limits.nodes:
        source.fail_nodes()


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The dict of key-value pairs; ValueError where a key comes twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError
    return made


class _Scan:
    """Walks over the tokens of a valid JSON text and notes lines."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def place(self) -> Place:
        """The place of the root, with all places inside.

        Raises:
            ConfigError: At the first duplicate key or impossible number.
        """
        tokens = self._tokens()
        return self._value(*next(tokens), tokens)

    def fail_where_too_deep(self) -> None:
        """Raise at the first bracket beyond the bound; the text need not be valid."""
        depth = 0
        for token, line in self._tokens():
            depth += (token in ("[", "{")) - (token in ("]", "}"))
            if depth > self._source.limits.depth:
                self._source.fail_depth(line)

    def _tokens(self) -> Iterator[tuple[str, int]]:
        """Each token with its line; colons and commas carry nothing here and are left out."""
        line, end = 1, 0
        for match in _TOKENS.finditer(self._source.text):
            line += self._source.text.count("\n", end, match.start())
            end = match.start()
            if match.group() not in (":", ","):
                yield match.group(), line

    def _value(self, token: str, line: int, tokens: Iterator[tuple[str, int]]) -> Place:
        if token == "{":
            return Place(line, self._members(tokens))
        if token == "[":
            items = []
            while (item := next(tokens))[0] != "]":
                items.append(self._value(*item, tokens))
            return Place(line, items)
        if token[0] in "-0123456789" and token != "-Infinity":
            self._check_number(token, line)
        return Place(line)

    def _members(self, tokens: Iterator[tuple[str, int]]) -> dict[str, Place]:
        members: dict[str, Place] = {}
        while (member := next(tokens))[0] != "}":
            key, line = json.loads(member[0]), member[1]
            if key in members:
                self._source.fail_duplicate(key, line, members[key].line)
            members[key] = Place(line, self._value(*next(tokens), tokens).inside)
        return members

    def _check_number(self, literal: str, line: int) -> None:
        try:
            json.loads(literal, parse_float=decimal_float)
        except (ValueError, OverflowError):
            self._source.fail_number(literal, line)
