r"""Names of tensors in recipes: many at once by braces, and patterns that rules match them with.

In the names of `tensors`, braces hold what is written out:

| | |
|---|---|
| `{q,k,v}` | each item of a list |
| `{0..11}` | each integer of a range, both ends included |
| `{0..n_layer-1}` | the same; ends may be expressions over variables, and `{0..-1}` is empty |
| `{0..11..2}` | every second one |
| `{00..11}` | each with as many digits as the longest end that begins with 0 |

In the `match` of rules, a pattern matches a whole name:

| | |
|---|---|
| `*` | any characters, dots too, as few as the rest allows |
| `?` | any one character |
| `[abc]`, `[0-9]`, `[!0-9]` | one character that is listed, or is not |
| `{layer}` | the rest of the current dotted part, captured: an int if it is all digits, else text |
| `{q,k,v}`, `{0..3}` | any item of a list or a range; the items of a list may hold `*`, `?` and `[…]` |

A backslash takes its meaning from any of ``* ? [ ] { } , \``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, groupby, product, zip_longest
from math import prod
from typing import NamedTuple

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.captures import captured_value
from initkit.recipe.language.excerpt import fail_at
from initkit.recipe.language.expression import parse_expression

# More tensors than any model has; each name is a string in memory.
_MOST_NAMES = 1_000_000
# Every combination of alternatives becomes a branch of one regular expression.
_MOST_BRANCHES = 1000
_LONGEST_PATTERN = 1000

_ESCAPE = r"\\(?P<escape>[*?\[\]{},\\])"
_BRACES = r"\{(?P<braces>[^{}\\]*)\}"
_NAME_PARTS = re.compile(rf"{_ESCAPE}|{_BRACES}|(?P<literal>[^{{}}\\]+)|(?P<bad>.)", re.DOTALL)
_PATTERN_PARTS = re.compile(
    rf"{_ESCAPE}|{_BRACES}|(?P<star>\*+)|(?P<any>\?)|\[(?P<set>!?[^\[\]{{}}\\]+)\]"
    r"|(?P<literal>[^*?\[\]{}\\]+)|(?P<bad>.)",
    re.DOTALL,
)
_DIGITS = "0123456789"
_ZEROS = bytes.maketrans(_DIGITS.encode(), b"0" * len(_DIGITS))
_NO_DIGIT = re.compile("[^0-9]*")
# What a pattern with an empty range matches.
_NOTHING = re.compile(r"(?!)")
_SPECIAL = re.compile(r"[{}\\]")
_CAPTURE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SET_MEMBERS = re.compile(r"(.)(?:-(.))?", re.DOTALL)
_PADDED = re.compile(r"\s*0[0-9]+\s*", re.ASCII)


_BAD = {
    "{": "This '{' has no '}'. Braces cannot be nested, nor hold a backslash. Write \\{ for the character.",
    "}": "This '}' has no '{'. Write \\} for the character.",
    "[": "This '[' begins no set of characters. Allowed: [abc], [0-9], [!0-9]. Write \\[ for the character.",
    "]": "This ']' has no '['. Write \\] for the character.",
    "\\": "This backslash protects nothing. Allowed after it: * ? [ ] { } , and another backslash.",
}


class _Part(NamedTuple):
    """A piece of a name or a pattern: its kind, its text, and where it stands."""

    kind: str
    text: str
    column: int


def expand_braces(text: str, names: Mapping[str, Number] | None = None) -> list[str]:
    r"""Write out the lists and ranges in a name.

    Args:
        text: A name with braces, as this module describes them.
        names: The values of variables, for the ends of ranges.

    Returns:
        All names, at most a million; the last braces vary fastest.

    Raises:
        ArgumentError: If braces are unbalanced or nested, or hold neither list nor range; if an item is
            empty or a range descends; if an end of a range has no value or is no integer; if there are too
            many names.
        ArgumentTypeError: If `text` is not a string.

    Example:
        >>> expand_braces("h.{0..n-1}.attn.{q,k}", {"n": 2})
        ['h.0.attn.q', 'h.0.attn.k', 'h.1.attn.q', 'h.1.attn.k']
        >>> expand_braces(r"odd\{name\}")
        ['odd{name}']
    """
    if type(text) is str and _SPECIAL.search(text) is None:
        # Most names are just themselves, and there may be many.
        return [text]
    choices = [
        _written_out(text, part, names or {}) if part.kind == "braces" else [part.text]
        for part in _split(text, _NAME_PARTS)
    ]
    _check_count(text, choices, _MOST_NAMES, "names")
    return ["".join(chosen) for chosen in product(*choices)]


def escape_braces(name: str) -> str:
    r"""A name as `expand_braces` reads it, which makes just that name of it.

    Args:
        name: Any name.

    Returns:
        The name with a backslash before every brace and backslash.

    Example:
        >>> escape_braces("odd{1}")
        'odd\\{1\\}'
    """
    return _SPECIAL.sub(r"\\\g<0>", name)


@dataclass(frozen=True)
class Pattern:
    """A pattern of names that has been read. Made by `parse_pattern`.

    Args:
        text: The pattern as it was written.
        captures: The names of its captures, in their order.
        regex: What matches the same names; of each capture there is a group per branch.
        groups: The capture and the group's number, for all these groups.
        outline: What matches the outlines of these names, in which every digit is 0; and of more, unless
            the pattern tells no digit from another.
        tells_digits: Whether it does.
        literals: Texts that stand in each of these names.
    """

    text: str
    captures: tuple[str, ...] = field(compare=False)
    regex: re.Pattern[str]
    groups: tuple[tuple[str, int], ...] = field(compare=False)
    outline: re.Pattern[str] = field(compare=False)
    tells_digits: bool = field(compare=False)
    literals: tuple[str, ...] = field(compare=False)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"parse_pattern({self.text!r})"

    @property
    def matcher(self) -> Callable[[str], re.Match[str] | None]:
        """What gives None for names that do not match, and a match for others, as quickly as can be."""
        return self.regex.match

    def match(self, name: str) -> dict[str, int | str] | None:
        """Match a whole name.

        Args:
            name: The name of a tensor.

        Returns:
            What each capture stands for, or None if the name does not match.

        Example:
            >>> parse_pattern("h.{layer}.*.{kind}").match("h.11.attn.c_proj.bias")
            {'layer': 11, 'kind': 'bias'}
            >>> parse_pattern("*.ln_*.weight").match("ln_f.weight") is None
            True
        """
        found = self.regex.match(name)
        return None if found is None else self.captured(found)

    def captured(self, found: re.Match[str]) -> dict[str, int | str]:
        """What each capture stands for, in a match that `matcher` has found."""
        return {
            capture: captured_value(found[group])
            for capture, group in self.groups
            if found[group] is not None
        }


def outline_of(name: str) -> str:
    """A name with 0 in place of every digit, as names of many layers have few outlines.

    Example:
        >>> outline_of("h.11.ln_2.weight")
        'h.00.ln_0.weight'
    """
    # In UTF-8 nothing but digits has their bytes; and bytes are translated ten times as fast as text.
    return name.encode("utf-8", "surrogatepass").translate(_ZEROS).decode("utf-8", "surrogatepass")


def parse_pattern(text: str, names: Mapping[str, Number] | None = None) -> Pattern:
    """Read a pattern.

    Matching takes time in proportion to the length of the name, whatever the pattern.

    Args:
        text: The pattern, as this module describes it.
        names: The values of variables, for the ends of ranges.

    Returns:
        The pattern, ready to match.

    Raises:
        ArgumentError: If it is empty or too long; if brackets or braces are unbalanced, nested or empty; if a
            capture has a name that is no identifier, comes twice, or does not end its dotted part; if there
            are more than 1000 combinations of alternatives.
        ArgumentTypeError: If `text` is not a string.

    Example:
        >>> parse_pattern("{wte,wpe}.weight").match("wpe.weight")
        {}
    """
    parts = list(_split(text, _PATTERN_PARTS))
    if not 0 < len(text) <= _LONGEST_PATTERN:
        message = (
            f"A pattern has {len(text)} characters. Allowed: 1 to {_LONGEST_PATTERN}. Use * for every name."
        )
        raise ArgumentError(message)
    captures = _find_captures(text, parts)
    choices = [_alternatives(text, part, names or {}) for part in parts]
    _check_count(text, choices, _MOST_BRANCHES, "combinations of alternatives")
    branches = [list(chain(*chosen)) for chosen in product(*choices)]
    regex = _regex(text, branches)
    groups = tuple(
        (name.partition("_")[2], number) for name, number in regex.groupindex.items() if name[0] == "c"
    )
    # A dict keeps the order, and one of each.
    outlines = {tuple(map(_outlined, branch)): None for branch in branches}
    tells_digits = any(_tells_digits(part) for part in chain(*branches))
    outline = _regex(text, [list(branch) for branch in outlines]) if tells_digits else regex
    return Pattern(text, captures, regex, groups, outline, tells_digits, _literals(parts))


def _regex(text: str, branches: list[list[_Part]]) -> re.Pattern[str]:
    """What matches a whole name by any of the branches."""
    if not branches:
        return _NOTHING
    tags = count()
    return re.compile(f"(?:{'|'.join(_branch(text, branch, tags) for branch in branches)})\\Z", re.DOTALL)


def _literals(parts: list[_Part]) -> tuple[str, ...]:
    """The texts outside of braces, each as long as can be: a backslash does not end one."""
    runs = groupby(parts, lambda part: part.kind)
    return tuple("".join(part.text for part in run) for kind, run in runs if kind == "literal")


def _tells_digits(part: _Part) -> bool:
    """Whether a part takes some digits, and others not."""
    if part.kind == "literal":
        return not _NO_DIGIT.fullmatch(part.text)
    return part.kind == "set" and 0 < len(_digits_in(part)) < len(_DIGITS)


def _digits_in(part: _Part) -> str:
    """The digits that a set takes."""
    members = re.compile(_one_character(part.text, part))
    return "".join(digit for digit in _DIGITS if members.match(digit))


def _outlined(part: _Part) -> _Part:
    """A part that takes the outline of whatever the given one takes."""
    if part.kind == "literal":
        # Where it stands is of no use any more, and would keep equal branches apart.
        return _Part("literal", outline_of(part.text), 0)
    if part.kind == "set" and _tells_digits(part):
        # Of what is listed, all digits; of what is excluded, everything: more may be taken, but not less.
        return _Part("any", "?", 0) if part.text.startswith("!") else _Part("set", f"0-9{part.text}", 0)
    return part


def _split(text: str, kinds: re.Pattern[str], start: int = 0, end: int | None = None) -> Iterator[_Part]:
    """The parts of a text or of a stretch of it; fails at what is no part."""
    if not isinstance(text, str):
        message = (
            f"A name or pattern must be text. Received: {text!r}, a {type(text).__name__}. Allowed: str."
        )
        raise ArgumentTypeError(message)
    for found in kinds.finditer(text, start, len(text) if end is None else end):
        kind = str(found.lastgroup)
        part = _Part("literal" if kind == "escape" else kind, found[kind], found.start())
        if kind == "bad":
            fail_at(_BAD[part.text], text, part.column)
        yield part


def _written_out(text: str, part: _Part, names: Mapping[str, Number]) -> list[str]:
    """What braces in a name stand for."""
    if ".." in part.text:
        return _range(text, part, names)
    if "," not in part.text:
        message = f"Braces hold {part.text!r}. Allowed in a name: a list {{q,k,v}} or a range {{0..11}}."
        fail_at(f"{message} Write \\{{ and \\}} for the characters.", text, part.column)
    return [text[start:end] for start, end in _list_spans(text, part)]


def _list_spans(text: str, part: _Part) -> list[tuple[int, int]]:
    """Where the items of a list begin and end in the text."""
    spans = []
    start = part.column + 1
    for item in part.text.split(","):
        if not item:
            fail_at("An item of the list is empty. Remove a comma.", text, start)
        spans.append((start, start + len(item)))
        start += len(item) + 1
    return spans


def _range(text: str, part: _Part, names: Mapping[str, Number]) -> list[str]:
    """The integers of a range as text."""
    ends = part.text.split("..")
    if len(ends) > 3:
        fail_at(
            "A range has too many parts. Allowed: {first..last} and {first..last..step}.", text, part.column
        )
    first, last, step = (_integer(text, part, end, names) for end in (*ends, "1")[:3])
    # A range that ends just before it begins is that of no layers.
    if not (0 <= first <= last + 1 and step >= 1):
        message = f"The range from {first} to {last} by {step} is not ascending."
        fail_at(f"{message} Allowed: 0 <= first <= last + 1, step >= 1.", text, part.column)
    if (last - first) // step >= _MOST_NAMES:
        fail_at(f"The range is too long. Allowed: {_MOST_NAMES:,} numbers.", text, part.column)
    digits = max((len(end.strip()) for end in ends[:2] if _PADDED.fullmatch(end)), default=1)
    return [f"{number:0{digits}d}" for number in range(first, last + 1, step)]


def _integer(text: str, part: _Part, end: str, names: Mapping[str, Number]) -> int:
    """The value of one end of a range."""
    try:
        value = parse_expression(end).evaluate(names)
    except ArgumentError as error:
        reason = str(error).partition("\n")[0]
        fail_at(f"The range {{{part.text}}} has an end that cannot be computed. {reason}", text, part.column)
    if not isinstance(value, int):
        message = f"A range goes from integer to integer. Received: {value!r} from {end!r}. Use // or floor."
        fail_at(message, text, part.column)
    return value


def _check_count(text: str, choices: Sequence[Sequence[object]], most: int, what: str) -> None:
    """Refuse what would take too much memory, before it takes any."""
    number = prod(map(len, choices))
    if number > most:
        message = (
            f"{text!r:.100} stands for {number:,} {what}. Allowed: {most:,}. Write shorter lists or ranges."
        )
        raise ArgumentError(message)


def _find_captures(text: str, parts: list[_Part]) -> tuple[str, ...]:
    """The names of all captures, after a check that none comes twice."""
    captures: list[str] = []
    for part in parts:
        if part.kind == "braces" and _CAPTURE.fullmatch(part.text):
            if part.text in captures:
                message = (
                    f"The capture {{{part.text}}} comes twice. Each needs a name of its own: rename one."
                )
                fail_at(message, text, part.column)
            captures.append(part.text)
    return tuple(captures)


def _alternatives(text: str, part: _Part, names: Mapping[str, Number]) -> list[list[_Part]]:
    """What a part of a pattern may be replaced by."""
    if part.kind != "braces":
        return [[part]]
    if _CAPTURE.fullmatch(part.text):
        return [[_Part("capture", part.text, part.column)]]
    if ".." in part.text:
        return [[_Part("literal", number, part.column)] for number in _range(text, part, names)]
    if "," not in part.text:
        message = f"Braces hold {part.text!r}. Allowed in a pattern: a list {{q,k,v}}, a range {{0..11}}"
        message += " or the name of a capture {layer}. Write \\{ and \\} for the characters."
        fail_at(message, text, part.column)
    return [list(_split(text, _PATTERN_PARTS, *span)) for span in _list_spans(text, part)]


def _branch(text: str, parts: list[_Part], tags: Iterator[int]) -> str:
    """The regular expression of a pattern without alternatives; `tags` make names of groups unique."""
    stretches = [""]
    for part, following in zip_longest(parts, parts[1:]):
        if part.kind == "star":
            stretches.append("")
        elif part.kind == "literal":
            stretches[-1] += re.escape(part.text)
        elif part.kind == "capture":
            if not _may_follow_a_capture(following):
                message = (
                    f"The capture {{{part.text}}} has to end its dotted part. Put a dot or a * after it."
                )
                fail_at(message, text, part.column)
            stretches[-1] += f"(?P<c{next(tags)}_{part.text}>[^.]+)(?![^.])"
        else:
            stretches[-1] += _one_character(text, part)
    if len(stretches) == 1:
        return stretches[0]
    first, *middle, last = stretches
    taken = (_taken_at_once(stretch, next(tags)) for stretch in middle if stretch)
    return f"{first}{''.join(taken)}.*{last and '?' + last}"


def _may_follow_a_capture(part: _Part | None) -> bool:
    """Whether a part can match what comes after a capture, which runs to the end of its dotted part."""
    return part is None or part.kind == "star" or (part.kind == "literal" and part.text.startswith("."))


def _taken_at_once(stretch: str, tag: int) -> str:
    """The regular expression of a stretch between two stars, taken where it first fits, for good.

    A stretch has but one way to fit at a place, and one that begins later never ends earlier, so that no
    later place could do better. The lookahead, repeated by its group, keeps the regular expression from
    trying them all: its time would grow with a power of the name's length, as high as the number of stars.
    """
    return f"(?=(?P<s{tag}>.*?{stretch}))(?P=s{tag})"


def _one_character(text: str, part: _Part) -> str:
    """The regular expression of `?` or of a set in brackets."""
    if part.kind == "any":
        return "."
    negated = part.text.startswith("!") and part.text != "!"
    members = []
    for found in _SET_MEMBERS.finditer(part.text, negated):
        low, high = found[1], found[2] or found[1]
        if low > high:
            message = f"The set [{part.text}] has an empty range from {low!r} to {high!r}. Exchange the two."
            fail_at(message, text, part.column)
        members.append(f"{re.escape(low)}-{re.escape(high)}")
    return f"[{'^' * negated}{''.join(members)}]"
