"""From parser events to plain data: PyYAML splits a YAML text, and everything after that is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import yaml
from yaml import (
    AliasEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from initkit.documents.core_schema import resolve_plain
from initkit.documents.document import PlainData, Source, shortened

_TAG_PREFIX = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}


def compose(source: Source) -> PlainData:
    """Build the plain data of a YAML text.

    Args:
        source: The text, its bounds and its error class.

    Returns:
        The data.

    Raises:
        ConfigError: As `read_yaml` lists.
    """
    try:
        with parsed(source.text) as next_event:
            return _Composer(source, next_event).document()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        reason = ", ".join(part for part in (problem.context, problem.problem) if part)
        hint = (
            " Text that begins with * or & needs quotes around it."
            if "alias" in reason or "anchor" in reason
            else ""
        )
        source.fail(f"this is not YAML: {reason}.{hint}", mark.line + 1 if mark else None)


@contextmanager
def parsed(text: str) -> Iterator[Callable[[], Any]]:
    """What gives the parser's events of a text, one at each call; inside a `with` block."""
    # The C parser is 25 times as fast. Where both accept a text they agree about it; they differ only in
    # which misuses of tabs and question marks they refuse.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    try:
        yield loader.get_event
    finally:
        loader.dispose()


def line_of(event: Any) -> int:
    """The line on which an event begins, counted from 1."""
    line: int = event.start_mark.line
    return line + 1


class _Composer:
    """Builds plain data from events, which the parser delivers one at a time and without recursion.

    Places are not kept: few are ever asked for, and making them would take as long as all the rest.
    """

    def __init__(self, source: Source, next_event: Callable[[], Any]) -> None:
        self._source = source
        self._next = next_event
        self._anchors: dict[str, PlainData] = {}
        self._count = 0
        self._most = source.limits.nodes

    def document(self) -> PlainData:
        """The only document of the stream."""
        self._next()
        start = self._next()
        if isinstance(start, StreamEndEvent):
            return None
        version = getattr(start, "version", None)
        if version not in (None, (1, 2)):
            self._source.fail(
                f"the text is YAML {version[0]}.{version[1]}. Only 1.2 is read: remove the %YAML line.", 1
            )
        root = self._node(self._next(), 0)
        self._next()
        end = self._next()
        if not isinstance(end, StreamEndEvent):
            self._source.fail(
                "a second document begins. One text holds one document: split it.", line_of(end)
            )
        return root

    def _node(self, event: Any, depth: int) -> PlainData:
        """The value that begins with `event`, inside `depth` lists and mappings."""
        kind = type(event)
        if kind is AliasEvent:
            return self._alias(event, depth)
        self._count += 1
        if self._count > self._most:
            self._source.fail_nodes(line_of(event))
        data: PlainData
        if kind is ScalarEvent:
            data = self._scalar(event)
        elif depth >= self._source.limits.depth:
            self._source.fail_depth(line_of(event))
        elif kind is SequenceStartEvent:
            data = self._sequence(event, depth + 1)
        else:
            data = self._mapping(event, depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = data
        return data

    def _alias(self, event: Any, depth: int) -> PlainData:
        """A copy of what was anchored, so that the data is a tree whose parts can be changed alone."""
        anchor, line = event.anchor, line_of(event)
        if anchor not in self._anchors:
            self._source.fail(f"the alias *{anchor} has no complete anchor &{anchor} before it.", line)
        data = self._anchors[anchor]
        count, height = _extent(data)
        if depth + height > self._source.limits.depth:
            self._source.fail_depth(line)
        self._count += count
        if self._count > self._most:
            self._source.fail_nodes(line)
        return _copied(data)

    def _sequence(self, start: Any, depth: int) -> list[PlainData]:
        """A list; `start` has been taken from the events already."""
        self._check_tag(start, "seq")
        data: list[PlainData] = []
        while type(event := self._next()) is not SequenceEndEvent:
            data.append(self._node(event, depth))
        return data

    def _mapping(self, start: Any, depth: int) -> dict[str, PlainData]:
        """A dict; `start` has been taken from the events already."""
        self._check_tag(start, "map")
        data: dict[str, PlainData] = {}
        lines: list[int] = []
        while type(event := self._next()) is not MappingEndEvent:
            key = self._key(event, depth)
            if key in data:
                self._source.fail_duplicate(key, line_of(event), lines[list(data).index(key)])
            lines.append(line_of(event))
            data[key] = self._node(self._next(), depth)
        return data

    def _key(self, event: Any, depth: int) -> str:
        """A key."""
        key = self._node(event, depth)
        if not isinstance(key, str):
            kind = "a mapping" if isinstance(key, dict) else "a list" if isinstance(key, list) else repr(key)
            self._source.fail(f"a key is {kind}. Keys are strings: put quotes around it.", line_of(event))
        if key == "<<" and type(event) is ScalarEvent and _is_plain(event):
            wrong = "the merge key << is not part of YAML 1.2. Write the merged keys out."
            self._source.fail(wrong, line_of(event))
        return key

    def _scalar(self, event: Any) -> PlainData:
        """The value of a scalar, by its tag or by its look."""
        tag, text = event.tag, event.value
        if tag is None:
            return self._plain(text, event) if event.implicit[0] else str(text)
        if tag in ("!", _TAG_PREFIX + "str"):
            return str(text)
        self._check_tag(event, *_SCALAR_TAGS, "str")
        value = self._plain(text, event)
        wanted = _SCALAR_TAGS[tag.removeprefix(_TAG_PREFIX)]
        if type(value) not in wanted:
            wrong = f"{shortened(text)} does not fit its tag {_short(tag)}. Remove the tag."
            self._source.fail(wrong, line_of(event))
        return float(value) if float in wanted and isinstance(value, int) else value

    def _plain(self, text: str, event: Any) -> PlainData:
        """The value of an unquoted scalar."""
        try:
            return resolve_plain(text)
        except (ValueError, OverflowError):
            self._source.fail_number(text, line_of(event))

    def _check_tag(self, event: Any, *allowed: str) -> None:
        """Refuse tags that would make anything but plain data, or another kind than the node is."""
        tag = event.tag
        if tag in (None, "!") or tag in [_TAG_PREFIX + name for name in allowed]:
            return
        listed = ", ".join(f"!!{name}" for name in allowed)
        wrong = f"the tag {_short(tag)} is not allowed here. Allowed: {listed}. Remove it."
        self._source.fail(wrong, line_of(event))


def _is_plain(event: Any) -> bool:
    """Whether a scalar has neither quotes nor a tag, so that its look decides."""
    return event.tag is None and bool(event.implicit[0])


def _short(tag: str) -> str:
    """A tag as people write it."""
    return tag.replace(_TAG_PREFIX, "!!", 1)[:80]


def _extent(data: PlainData) -> tuple[int, int]:
    """How many values plain data holds, keys among them, and how deep lists and mappings go in it."""
    if not isinstance(data, (dict, list)):
        return 1, 0
    inner = [_extent(value) for value in (data.values() if isinstance(data, dict) else data)]
    keys = len(data) if isinstance(data, dict) else 0
    return 1 + keys + sum(count for count, _ in inner), 1 + max((height for _, height in inner), default=0)


def _copied(data: PlainData) -> PlainData:
    """A deep copy of plain data."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_copied(item) for item in data]
    return data
