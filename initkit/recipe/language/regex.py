r"""Regular expressions of names, for rules that globs cannot say.

They are Python's, match a whole name, and have named groups as captures: `h\.(?P<layer>\d+)\.mlp\..*`.
Those that could take time out of all proportion to a name's length are refused. A group that is repeated
must not hold a repetition, an option or an alternative; no group may be referred to, and none may look
around; and all the ways in which the rest could match a name must not be too many.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import comb

from initkit.errors import ArgumentError
from initkit.recipe.language.captures import captured_value
from initkit.recipe.language.excerpt import fail_at

_LONGEST = 1000
LONGEST_NAME = 250
"""The longest name that a regular expression is matched with."""

# Ways to match that may have to be tried. Places to end are tried in a tight loop; with options and
# alternatives each way takes some tens of nanoseconds.
_MOST_PLACES = 200_000_000
_MOST_WAYS = 30_000_000
_TOKEN = re.compile(
    r"""(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|[0-7]{1,3}|.))
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
        outline: What matches the outlines of the names that it matches, in which every digit is 0; and maybe
            of more. None where that is not known.
        tells_digits: Whether it may take some digits, and others not.
        literals: Texts that stand in each of these names.
    """

    text: str
    captures: tuple[str, ...] = field(compare=False)
    regex: re.Pattern[str] = field(compare=False)
    outline: re.Pattern[str] | None = field(compare=False)
    tells_digits: bool = field(compare=False)
    literals: tuple[str, ...] = field(compare=False)

    def __str__(self) -> str:
        return self.text

    @property
    def matcher(self) -> Callable[[str], re.Match[str] | None]:
        """What gives None for names that do not match, and a match for others, as quickly as can be."""
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
        return None if found is None else self.captured(found)

    def captured(self, found: re.Match[str]) -> dict[str, int | str]:
        """What each named group stands for, in a match that `matcher` has found."""
        groups = ((capture, found[capture]) for capture in self.captures)
        return {capture: captured_value(text) for capture, text in groups if text is not None}


def parse_regex(text: str) -> Regex:
    r"""Read a regular expression.

    Args:
        text: The expression, in Python's syntax.

    Returns:
        The expression, ready to match.

    Raises:
        ArgumentError: If it is empty, too long, or none; if it could match in too many ways; if it looks
            around or refers to groups.

    Example:
        >>> parse_regex(r".*\.bias").match("h.0.bias")
        {}
    """
    if not 0 < len(text) <= _LONGEST:
        message = f"A regular expression has {len(text)} characters. Allowed: 1 to {_LONGEST}."
        msg = f"{message} Use .* for every name."
        raise ArgumentError(msg)
    # Python warns of sets that some later version may read in another way; nothing here depends on it.
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        return _parsed(text)


def _parsed(text: str) -> Regex:
    _check_time(text)
    try:
        regex = re.compile(text, re.DOTALL)
    except re.error as error:
        fail_at(f"This is no regular expression: {error.msg}.", text, error.pos or 0)
    tells_digits = _tells_digits(text)
    outline = _outline(text) if tells_digits else regex
    return Regex(text, tuple(regex.groupindex), regex, outline, tells_digits, _literals(text))


def _check_time(text: str) -> None:
    """Refuse what could have to be tried in too many ways.

    A repetition without a bound can end anywhere in the name, an option or an alternative is taken or not;
    and what is repeated has but one way to match, or all of these would multiply at every repetition.
    """
    open_groups = [_Group()]
    previous: _Group | None = None
    repeated = False
    tokens = list(_TOKEN.finditer(text))
    for number, token in enumerate(tokens):
        kind, part, at = str(token.lastgroup), token[0], token.start()
        if kind == "repeat" and repeated and part in "?+":
            # It only says how much is taken at first, or that nothing is given back.
            repeated = False
            continue
        repeated = kind == "repeat"
        if kind == "open":
            if not _PLAIN_GROUPS.fullmatch(part):
                message = "Allowed groups: (…), (?:…) and (?P<name>…); no flags, references or looks around."
                fail_at(message, text, at)
            open_groups.append(_Group())
        elif kind == "escape" and part[1].isdigit():
            fail_at("References to groups are not allowed. Write what is meant once more.", text, at)
        elif kind == "branch":
            open_groups[-1].branches += 1
        elif kind == "repeat" and not _ends_for_certain(tokens, number):
            _repeat(part, previous, open_groups[-1], text, at)
        closes = kind == "close" and len(open_groups) > 1
        previous = open_groups.pop() if closes else None
        if previous is not None:
            open_groups[-1].take(previous)
    whole = open_groups[0]
    places, choices = comb(LONGEST_NAME, whole.unbounded), whole.ways * whole.branches
    if places * choices > (_MOST_PLACES if choices == 1 else _MOST_WAYS):
        message = (
            f"It could match in too many ways: {whole.unbounded} repetitions without a bound, and options and"
        )
        message += " alternatives beside them. Use fewer, or the globs of `match`, which may have any number."
        fail_at(message, text, 0)


class _Group:
    """What stands between two parentheses: how many ways there are to match it."""

    def __init__(self) -> None:
        self.unbounded = 0
        self.ways = 1
        self.branches = 1

    @property
    def has_choice(self) -> bool:
        """Whether it can match one text in several ways, or texts of several lengths."""
        return self.unbounded > 0 or self.ways > 1 or self.branches > 1

    def take(self, inner: _Group) -> None:
        """Count what an inner group brings."""
        self.unbounded += inner.unbounded
        self.ways *= inner.ways * inner.branches


def _ends_for_certain(tokens: Sequence[re.Match[str]], number: int) -> bool:
    """Whether a repeated character is followed by one that it cannot be, so that it has one end."""
    atom = tokens[number - 1] if number else None
    if atom is None or atom.lastgroup not in ("escape", "set", "other"):
        return False
    following = number + 1
    while following < len(tokens) and tokens[following].lastgroup == "close":
        following += 1
    if following == len(tokens):
        # Another character may not be the name's last, and all ends are tried then.
        return atom[0] == "."
    token = tokens[following]
    optional = following + 1 < len(tokens) and tokens[following + 1].lastgroup == "repeat"
    if optional or not _is_character(token):
        return False
    return re.fullmatch(atom[0], token[0][-1], re.DOTALL) is None


def _is_character(token: re.Match[str]) -> bool:
    """Whether a token stands for one certain character."""
    if token.lastgroup == "other":
        return token[0] not in ".^$"
    return token.lastgroup == "escape" and not token[0][1].isalnum()


def _repeat(part: str, repeated: _Group | None, around: _Group, text: str, at: int) -> None:
    """Count a repetition, of a group or of one character."""
    if part == "?":
        around.ways *= 2
        return
    bounds = part.strip("{}").split(",") if part[0] == "{" else None
    if part == "{}":
        # These are characters.
        return
    least = int(bounds[0] or 0) if bounds else 0
    most = None if bounds is None else int(bounds[-1]) if bounds[-1] else None
    if repeated is not None and repeated.has_choice and most != 1:
        message = (
            "A group that is repeated cannot hold a repetition, an option or an alternative: matching could"
        )
        fail_at(f"{message} take for ever. Write it without the repetition outside.", text, at)
    if most is None:
        around.unbounded += 1
    else:
        around.ways *= max(most - least + 1, 1)


def _literals(text: str) -> tuple[str, ...]:
    """Stretches of certain characters, neither in groups nor repeated, so that no match lacks them."""
    stretches = [""]
    depth = 0
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        depth += (kind == "open") - (kind == "close")
        if kind == "branch" and depth == 0:
            return ()
        if depth == 0 and _is_character(token):
            stretches[-1] += token[0][-1]
            continue
        if kind == "repeat":
            # It may be that of the last character, which need not be there then.
            stretches[-1] = stretches[-1][:-1]
        stretches.append("")
    return tuple(filter(None, stretches))


_DIGIT = re.compile("[0-9]")
_UNCERTAIN = re.compile(r"\\[NxuU0-7]")


def _outline(text: str) -> re.Pattern[str] | None:
    """What matches the outlines of all names that an expression matches; None where not known."""
    if _UNCERTAIN.search(text):
        return None
    parts = []
    for token in _TOKEN.finditer(text):
        kind, part = str(token.lastgroup), token[0]
        if kind == "other":
            part = "0" if part.isdigit() and part.isascii() else part
        elif kind == "set":
            # A set that takes a digit, or all but some, is taken to take anything.
            part = "." if part.startswith("[^") or _takes_a_digit(part) else part
        parts.append(part)
    return re.compile("".join(parts), re.DOTALL)


def _takes_a_digit(part: str) -> bool:
    regex = re.compile(part)
    return any(regex.match(digit) for digit in "0123456789")


def _tells_digits(text: str) -> bool:
    """Whether an expression may take some digits, and others not."""
    if _UNCERTAIN.search(text):
        return True
    for token in _TOKEN.finditer(text):
        kind, part = str(token.lastgroup), token[0]
        if kind == "other" and _DIGIT.fullmatch(part):
            return True
        if kind == "set":
            regex = re.compile(part)
            if 0 < sum(regex.match(digit) is not None for digit in "0123456789") < 10:
                return True
    return False
