"""Patterns that match some name and look like one that matches none, for messages."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from itertools import islice

from initkit.errors import ArgumentError, nearest_names
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.pattern import parse_pattern

# What stands for many texts in a pattern; and a number that is a dotted part, as that of a layer.
_NUMBER = r"(?<![^./])[0-9]+(?![^./])"
_WILD = re.compile(rf"\{{[^{{}}\\]*\}}|\*+|\?|\[[^\[\]{{}}\\]+\]|{_NUMBER}")
_NUMBERS = re.compile(_NUMBER)
_ENDS = "*./"
# Comparing texts takes time; models have far fewer names that differ in more than numbers.
_MOST_TEXTS = 5000


def nearest_patterns(
    text: str, names: Collection[str], variables: Mapping[str, Number] | None = None
) -> tuple[str, ...]:
    """The patterns of names that there are which look most like one that matches none, best first.

    Args:
        text: The pattern that was given, as rules have them.
        names: The names that there are.
        variables: The values of variables, for the ends of ranges.

    Returns:
        At most three texts, each of which matches a name; empty where nothing is similar. Wildcards, captures
        and ranges are those of `text`, where a name matches with them.

    Example:
        >>> names = [f"h.{layer}.{part}" for layer in range(12) for part in ("ln_1.bias", "ln_1.weight")]
        >>> nearest_patterns("h.{layer}.ln1.weight", names)
        ('h.{layer}.ln_1.weight', 'h.{layer}.ln_1.bias')
    """
    wild = _WILD.findall(text)
    plain = _WILD.sub("*", text)
    core = plain.strip(_ENDS)
    lead, tail = plain[: plain.find(core)], plain[plain.find(core) + len(core) :]
    known = dict.fromkeys(islice(_parts(names, lead, tail), _MOST_TEXTS))
    found: dict[str, None] = {}
    for near in nearest_names(core, known):
        starred = f"{lead}{near}{tail}"
        for candidate in (_restored(starred, wild), starred):
            if candidate != text and _matches(candidate, names, variables or {}):
                found[candidate] = None
                break
    return tuple(found)


def _parts(names: Collection[str], lead: str, tail: str) -> Iterator[str]:
    """The names, a star for each number, and what is left of them where a pattern leaves out an end."""
    for form in dict.fromkeys(_NUMBERS.sub("*", name) for name in names):
        starts = [0, *_cuts(form, lead[-1:])] if "*" in lead else [0]
        ends = [*_cuts(form, tail[:1]), len(form)] if "*" in tail else [len(form)]
        for start in starts:
            yield from (form[start:end].strip(_ENDS) for end in ends if end > start)


def _cuts(form: str, beside: str) -> Iterator[int]:
    """Where a name can be cut: where a pattern has a dot beside its star, at dots alone."""
    for found in re.finditer(r"\." if beside == "." else "[._/]", form):
        yield from found.span()


def _restored(starred: str, wild: list[str]) -> str:
    """The text with the wildcards that were given in place of its stars, if there are as many."""
    if starred.count("*") != len(wild):
        return starred
    given = iter(wild)
    return re.sub(r"\*", lambda _: next(given), starred)


def _matches(text: str, names: Collection[str], variables: Mapping[str, Number]) -> bool:
    try:
        pattern = parse_pattern(text, variables)
    except ArgumentError:
        # A name's own braces or brackets have a meaning there.
        return False
    return any(pattern.match(name) is not None for name in names)
