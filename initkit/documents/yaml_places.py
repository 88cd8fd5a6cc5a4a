"""On which line each part of a YAML text stands; found when a line is asked for, as most never are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from initkit.documents.document import Place
from initkit.documents.yaml_composer import line_of, parsed


def places(text: str) -> Place:
    """The place of the root of a text that has been read before, with all places inside.

    Args:
        text: YAML text, which `compose` has accepted.

    Returns:
        The root's place.
    """
    with parsed(text) as next_event:
        return _Places(next_event).root()


class _Places:
    """Notes lines while it goes through the events of a text in which nothing is wrong."""

    def __init__(self, next_event: Callable[[], Any]) -> None:
        self._next = next_event
        self._anchors: dict[str, Place] = {}
        self._texts: dict[str, str] = {}

    def root(self) -> Place:
        """The place of the only document's value."""
        self._next()
        start = self._next()
        return Place(1) if isinstance(start, StreamEndEvent) else self._place(self._next())

    def _place(self, event: Any) -> Place:
        line = line_of(event)
        if isinstance(event, AliasEvent):
            return Place(line, self._anchors[str(event.anchor)].inside)
        inside: dict[str, Place] | list[Place] | None = None
        if isinstance(event, SequenceStartEvent):
            inside = []
            while not isinstance(item := self._next(), SequenceEndEvent):
                inside.append(self._place(item))
        elif isinstance(event, MappingStartEvent):
            inside = {}
            while not isinstance(key := self._next(), MappingEndEvent):
                # A value begins at its key.
                at, text = self._place(key).line, self._text(key)
                inside[text] = Place(at, self._place(self._next()).inside)
        place = Place(line, inside)
        if event.anchor:
            self._anchors[event.anchor] = place
            if isinstance(event, ScalarEvent):
                self._texts[event.anchor] = event.value
        return place

    def _text(self, key: Any) -> str:
        """The text of a key, which may be an alias of one."""
        return self._texts[str(key.anchor)] if isinstance(key, AliasEvent) else str(key.value)
