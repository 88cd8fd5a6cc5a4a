"""From parser events to plain data: PyYAML splits a YAML text, and everything after that is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from initkit.documents.core_schema import resolve_plain
from initkit.documents.document import Place, PlainData, Source, shortened

_TAG_PREFIX = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
}


def compose(source: Source) -> tuple[PlainData, Place]:
    """Build the plain data of a YAML text.

    Args:
        source: The text, its bounds and its error class.

    Returns:
        The data, and the place of its root.

    Raises:
        ConfigError: As `read_yaml` lists.
    """
    # The C parser is 25 times as fast. Where both accept a text they agree about it; they differ only in
    # which misuses of tabs and question marks they refuse.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = _Composer(source, yaml.parse(source.text, Loader=loader)).document()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        reason = ", ".join(part for part in (problem.context, problem.problem) if part)
        hint = (
            " Text that begins with * or & needs quotes around it."
            if "alias" in reason or "anchor" in reason
            else ""
        )
        source.fail(f"this is not YAML: {reason}.{hint}", mark.line + 1 if mark else None)
    return root.data, root.place


@dataclass(frozen=True)
class _Node:
    """A value, where it is, how many values it holds, and how deep lists and mappings go in it."""

    data: PlainData
    place: Place
    count: int
    height: int


class _Composer:
    """Builds plain data from events, which the parser delivers one at a time and without recursion.

    The events are duck-typed: those of the two parsers share only their attributes.
    """

    def __init__(self, source: Source, events: Iterator[Any]) -> None:
        self._source = source
        self._events = events
        self._anchors: dict[str, _Node] = {}
        self._count = 0

    def document(self) -> _Node:
        """The only document of the stream."""
        next(self._events)
        start = next(self._events)
        if isinstance(start, yaml.StreamEndEvent):
            return _Node(None, Place(1), 1, 0)
        version = getattr(start, "version", None)
        if version not in (None, (1, 2)):
            self._source.fail(
                f"the text is YAML {version[0]}.{version[1]}. Only 1.2 is read: remove the %YAML line.", 1
            )
        root = self._node(next(self._events), 0)
        next(self._events)
        end = next(self._events)
        if not isinstance(end, yaml.StreamEndEvent):
            line = end.start_mark.line + 1
            self._source.fail("a second document begins. One text holds one document: split it.", line)
        return root

    def _node(self, event: Any, depth: int) -> _Node:
        """The value that begins with `event`, inside `depth` lists and mappings."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor, line, depth)
        self._add(1, line)
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(self._scalar(event, line), Place(line), 1, 0)
        elif depth >= self._source.limits.depth:
            self._source.fail_depth(line)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, line, depth + 1)
        else:
            node = self._mapping(event, line, depth + 1)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _add(self, count: int, line: int) -> None:
        """Count values before they are made."""
        self._count += count
        if self._count > self._source.limits.nodes:
            self._source.fail_nodes(line)

    def _alias(self, anchor: str | None, line: int, depth: int) -> _Node:
        """A copy of what was anchored, so that the data is a tree whose parts can be changed alone."""
        node = self._anchors.get(str(anchor))
        if node is None:
            self._source.fail(f"the alias *{anchor} has no complete anchor &{anchor} before it.", line)
        if depth + node.height > self._source.limits.depth:
            self._source.fail_depth(line)
        self._add(node.count, line)
        return _Node(_copied(node.data), Place(line, node.place.inside), node.count, node.height)

    def _sequence(self, start: Any, line: int, depth: int) -> _Node:
        """A list; `start` has been taken from the events already."""
        self._check_tag(start.tag, "seq", line)
        data: list[PlainData] = []
        places: list[Place] = []
        count, height = 1, 0
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            item = self._node(event, depth)
            data.append(item.data)
            places.append(item.place)
            count, height = count + item.count, max(height, item.height)
        return _Node(data, Place(line, places), count, height + 1)

    def _mapping(self, start: Any, line: int, depth: int) -> _Node:
        """A dict; `start` has been taken from the events already."""
        self._check_tag(start.tag, "map", line)
        data: dict[str, PlainData] = {}
        places: dict[str, Place] = {}
        count, height = 1, 0
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            key, key_line = self._key(event, depth)
            if key in data:
                self._source.fail_duplicate(key, key_line, places[key].line)
            value = self._node(next(self._events), depth)
            data[key] = value.data
            places[key] = Place(key_line, value.place.inside)
            count, height = count + 1 + value.count, max(height, value.height)
        return _Node(data, Place(line, places), count, height + 1)

    def _key(self, event: Any, depth: int) -> tuple[str, int]:
        """A key and its line."""
        line = event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent) and event.value == "<<" and _is_plain(event):
            self._source.fail("the merge key << is not part of YAML 1.2. Write the merged keys out.", line)
        key = self._node(event, depth).data
        if not isinstance(key, str):
            kind = "a mapping" if isinstance(key, dict) else "a list" if isinstance(key, list) else repr(key)
            self._source.fail(f"a key is {kind}. Keys are strings: put quotes around it.", line)
        return key, line

    def _scalar(self, event: Any, line: int) -> PlainData:
        """The value of a scalar, by its tag or by its look."""
        tag, text = event.tag, str(event.value)
        if _is_plain(event):
            return self._plain(text, line)
        if tag in (None, "!", _TAG_PREFIX + "str"):
            return text
        self._check_tag(tag, tuple(_SCALAR_TAGS), line)
        value = self._plain(text, line)
        wanted = _SCALAR_TAGS[tag.removeprefix(_TAG_PREFIX)]
        if type(value) not in wanted:
            self._source.fail(f"{shortened(text)} does not fit its tag {_short(tag)}. Remove the tag.", line)
        return float(value) if float in wanted and isinstance(value, int) else value

    def _plain(self, text: str, line: int) -> PlainData:
        """The value of an unquoted scalar."""
        try:
            return resolve_plain(text)
        except (ValueError, OverflowError):
            self._source.fail_number(text, line)

    def _check_tag(self, tag: str | None, allowed: str | tuple[str, ...], line: int) -> None:
        """Refuse tags that would make anything but plain data, or another kind than the node is."""
        names = (allowed,) if isinstance(allowed, str) else (*allowed, "str")
        if tag in (None, "!") or tag in [_TAG_PREFIX + name for name in names]:
            return
        listed = ", ".join(f"!!{name}" for name in names)
        self._source.fail(
            f"the tag {_short(str(tag))} is not allowed here. Allowed: {listed}. Remove it.", line
        )


def _is_plain(event: Any) -> bool:
    """Whether a scalar has neither quotes nor a tag, so that its look decides."""
    return event.tag is None and bool(event.implicit[0])


def _short(tag: str) -> str:
    """A tag as people write it."""
    return tag.replace(_TAG_PREFIX, "!!", 1)[:80]


def _copied(data: PlainData) -> PlainData:
    """A deep copy of plain data."""
    if isinstance(data, dict):
        return {key: _copied(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_copied(item) for item in data]
    return data
