r"""Regular expressions of names, for rules that globs cannot say.

They are Python's, match a whole name, and have named groups as captures: `h\.(?P<layer>\d+)\.mlp\..*`.
Those that can take time out of all proportion to a name's length are refused: a repeated group must not
hold a repetition or an alternative, no group may be referred to, and repetitions without a bound are few.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from initkit.errors import ArgumentError
from initkit.recipe.language.excerpt import fail_at
from initkit.recipe.language.pattern import captured_value

_LONGEST = 1000
# Time grows with the name's length to the power of their number, and names have some tens of characters.
_MOST_UNBOUNDED = 6
_TOKEN = re.compile(
    r"""(?P<escape>\\.)
      | (?P<set>\[\^?\]?(?:\\.|[^\]\\])*\])
      | (?P<open>\((?:\?(?:P<[^>]*>|P=[^)]*|P[^<=]|[^P]))?)
      | (?P<close>\))
      | (?P<repeat>[*+?]|\{[0-9]*,?[0-9]*\})
      | (?P<branch>\|)
      | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_GROUPS = re.compile(r"\(|\(\?:|\(\?P<[^>]*>")


@dataclass(frozen=True)
class Regex:
    """A regular expression that has been read. Made by `parse_regex`.

    Args:
        text: The expression as it was written.
        captures: The names of its groups.
        regex: The compiled expression.
        tells_digits: Whether it may take some digits, and others not.
    """

    text: str
    captures: tuple[str, ...] = field(compare=False)
    regex: re.Pattern[str] = field(compare=False)
    tells_digits: bool = field(compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def matcher(self) -> Callable[[str], object]:
        """What gives None for names that do not match, and something for others, as quickly as can be."""
        return self.regex.fullmatch

    def match(self, name: str) -> dict[str, int | str] | None:
        r"""Match a whole name.

        Args:
            name: The name of a tensor.

        Returns:
            What each named group stands for, an int if it is all digits; or None if the name does not match.

        Example:
            >>> parse_regex(r"h\.(?P<layer>[0-9]+)\.(?:q|k)").match("h.3.q")
            {'layer': 3}
        """
        found = self.regex.fullmatch(name)
        if found is None:
            return None
        groups = ((capture, found[capture]) for capture in self.captures)
        return {capture: captured_value(text) for capture, text in groups if text is not None}


def parse_regex(text: str) -> Regex:
    r"""Read a regular expression.

    Args:
        text: The expression, in Python's syntax.

    Returns:
        The expression, ready to match.

    Raises:
        ArgumentError: If it is empty, too long, or none; if its time would not be bounded; if it looks
            around or refers to groups.

    Example:
        >>> parse_regex(r".*\.bias").match("h.0.bias")
        {}
    """
    if not 0 < len(text) <= _LONGEST:
        message = f"A regular expression has {len(text)} characters. Allowed: 1 to {_LONGEST}."
        msg = f"{message} Use .* for every name."
        raise ArgumentError(msg)
    _check_time(text)
    try:
        regex = re.compile(text, re.DOTALL)
    except re.error as error:
        fail_at(f"This is no regular expression: {error.msg}.", text, error.pos or 0)
    # A digit that is written, or named by an escape, may be told from others; sets of all digits do not.
    digits = re.sub(r"\[0-9\]|\\d", "", text)
    return Regex(text, tuple(regex.groupindex), regex, bool(re.search(r"[0-9]|\\[NxuU]", digits)))


def _check_time(text: str) -> None:
    """Refuse what could take a power of the name's length, or worse."""
    # For every open group, whether it holds a repetition or an alternative; the first is the whole text.
    groups = [False]
    just_closed = False
    unbounded = 0
    for token in _TOKEN.finditer(text):
        kind, part = str(token.lastgroup), token[0]
        if kind == "open":
            if not _PLAIN_GROUPS.fullmatch(part):
                message = (
                    "Allowed groups: (…), (?:…) and (?P<name>…), without flags, references and looks around."
                )
                fail_at(message, text, token.start())
            groups.append(False)
        elif kind == "close" and len(groups) > 1:
            complex_inside = groups.pop()
            groups[-1] = groups[-1] or complex_inside
            just_closed = complex_inside
            continue
        elif kind == "escape" and part[1].isdigit():
            fail_at(
                "References to groups are not allowed. Write what is meant once more.", text, token.start()
            )
        elif kind == "repeat" and part != "?":
            if just_closed:
                message = (
                    "A group that is repeated cannot hold a repetition or an alternative: matching could take"
                )
                fail_at(f"{message} for ever. Write it without the repetition outside.", text, token.start())
            unbounded += 1
            if unbounded > _MOST_UNBOUNDED:
                message = (
                    f"There are more than {_MOST_UNBOUNDED} repetitions, and matching could take for ever."
                )
                fail_at(
                    f"{message} Use the globs of `match`, which may have any number.", text, token.start()
                )
            groups[-1] = True
        elif kind == "branch":
            groups[-1] = True
        just_closed = False
