"""What a YAML or JSON text said, on which line it said so, and how much a text may ask for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from initkit.errors import ArgumentError, ArgumentTypeError, ConfigError

PlainData: TypeAlias = "dict[str, PlainData] | list[PlainData] | str | int | float | bool | None"

# What `write_json` writes, and what other programs make of it.
_INFINITY = re.compile(r"[-+]?1(?:\.0*)?[eE]\+?999")


@dataclass(frozen=True)
class Limits:
    """How much one document may ask for.

    Args:
        text: Characters of text.
        depth: Lists and mappings inside each other; 200 at most, so that reading never exhausts the stack.
        nodes: Scalars, lists and mappings, counted after aliases are replaced by what they stand for.

    Raises:
        ArgumentError: If `depth` is not between 0 and 200.
    """

    text: int = 1 << 25
    depth: int = 100
    nodes: int = 2_000_000

    def __post_init__(self) -> None:
        """Refuse a depth that Python's stack could not serve."""
        if not 0 <= self.depth <= 200:
            msg = f"depth is not possible: {self.depth}. Allowed are 0 to 200."
            raise ArgumentError(msg)


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Place:
    """The line of a node, counted from 1, and the places of the nodes inside it."""

    line: int
    inside: dict[str, Place] | list[Place] | None = None

    def step(self, step: str | int) -> Place | None:
        """The place one key or list position further in, if there is one."""
        if isinstance(self.inside, dict) and isinstance(step, str):
            return self.inside.get(step)
        if isinstance(self.inside, list) and isinstance(step, int) and 0 <= step < len(self.inside):
            return self.inside[step]
        return None


@dataclass(frozen=True)
class Document:
    """The plain data of a text, and the line of each part of it.

    Args:
        data: The plain data.
        file: Where the text came from, for messages.
        error: The class of the exceptions made by `error_at`.
        find_places: Finds the place of the root; called only when a line is asked for.
    """

    data: PlainData
    file: str
    error: type[ConfigError]
    find_places: Callable[[], Place]

    def line(self, path: Sequence[str | int] = ()) -> int:
        r"""The line on which the node at `path` begins, counted from 1.

        A value in a mapping begins at its key.

        Args:
            path: Keys and list positions from the root, as in `("rules", 3, "init")`.

        Returns:
            The line of that node, or of its nearest ancestor that exists.

        Example:
            >>> from initkit.documents import read_yaml
            >>> read_yaml("a: 1\nb: [2,\n  3]\n").line(("b", 1))
            3
        """
        place = self.find_places()
        for step in path:
            found = place.step(step)
            if found is None:
                break
            place = found
        return place.line

    def error_at(self, path: Sequence[str | int], message: str) -> ConfigError:
        r"""An exception that names this file and the line of a node, to be raised by the caller.

        Args:
            path: Keys and list positions from the root.
            message: What is wrong with the node.

        Returns:
            An exception of the class that the document was read with.

        Example:
            >>> from initkit.documents import read_yaml
            >>> read_yaml("seed: 1\nseeed: 2\n", file="x.yaml").error_at(["seeed"], "unknown key")
            ConfigError('x.yaml:2: unknown key')
        """
        return self.error(message, file=self.file, line=self.line(path))


@dataclass(frozen=True)
class Source:
    """A text while it is read: its bounds, and how to complain about it."""

    text: str
    file: str
    limits: Limits
    error: type[ConfigError]

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Raise the caller's exception for a line of this text."""
        raise self.error(message, file=self.file, line=line)

    def line_at(self, index: int) -> int:
        """The line of the character at `index`."""
        return self.text.count("\n", 0, index) + 1

    def fail_duplicate(self, key: str, line: int, first: int) -> NoReturn:
        """Raise for a key that a mapping has already."""
        self.fail(
            f"the key {shortened(key)} stands twice in one mapping, first on line {first}. Remove one.",
            line,
        )

    def fail_number(self, literal: str, line: int) -> NoReturn:
        """Raise for a number that would silently become infinite, or that Python refuses to convert."""
        self.fail(
            f"the number {shortened(literal)} is too large. Floats end at 1.8e308, integers at 4300 digits;"
            " infinity is 1e999, or .inf in YAML.",
            line,
        )

    def fail_depth(self, line: int | None = None) -> NoReturn:
        """Raise for lists and mappings that are too deep."""
        self.fail(
            f"lists and mappings are nested too deeply. At most {self.limits.depth} levels are read.", line
        )

    def fail_nodes(self, line: int | None = None) -> NoReturn:
        """Raise for too many values."""
        self.fail(
            f"there are too many values. At most {self.limits.nodes:,} are read, aliases written out.", line
        )


def open_source(text: str, file: str, limits: Limits, error: type[ConfigError]) -> Source:
    """Check what can be checked before any parsing, and drop a byte order mark in front."""
    if not isinstance(text, str):
        msg = (
            f"the text has the wrong type. Received: {type(text).__name__}. Allowed: str. Decode it as UTF-8."
        )
        raise ArgumentTypeError(msg)
    source = Source(text.removeprefix("\ufeff"), file, limits, error)
    if len(text) > limits.text:
        source.fail(f"the text is too long: {len(text):,} characters. At most {limits.text:,} are read.")
    return source


def decimal_float(literal: str) -> float:
    """The float of a decimal literal; OverflowError where one other than 1e999 would become infinite."""
    value = float(literal)
    if value in (float("inf"), float("-inf")) and not _INFINITY.fullmatch(literal):
        raise OverflowError(literal)
    return value


def shortened(text: str) -> str:
    """The repr of a text, cut where it is long."""
    return repr(text if len(text) <= 60 else text[:57] + "...")
