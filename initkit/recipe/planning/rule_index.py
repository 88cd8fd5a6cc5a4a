"""Which rule takes which tensor, found without asking every rule about every tensor."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

from initkit.recipe.language.pattern import outline_of
from initkit.recipe.planning.arguments import Captures
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.rules import CompiledRule

# A text that every name has that the rule takes, what matches names, and the rule.
_Candidate: TypeAlias = tuple[str, Callable[[str], re.Match[str] | None], CompiledRule]


class Assignment(NamedTuple):
    """A tensor, the rule that takes it, and what the rule's captures stand for."""

    tensor: NamedTensor
    rule: CompiledRule
    captures: Captures


class _Possible(NamedTuple):
    """Where the rules stand that can take a name, and which of them can take which kinds of tensors."""

    positions: tuple[int, ...]
    candidates: dict[Any, list[_Candidate]]


class RuleIndex:
    """Finds the first rule that takes a tensor, without asking every rule about every tensor.

    Names of the same outline, which differ in digits alone, are taken by the same rules, but for rules that
    tell digits from one another; and predicates ask for nothing of the name. So every outline, shape, dtype
    and so on has a short list of rules that can come into question. Rules whose patterns differ in digits
    alone are asked about an outline together; and no regular expression is asked about a name or an outline
    that lacks a text of the pattern, which is found out many times as fast.

    Args:
        rules: In the order of precedence.
    """

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = rules
        self._telling = _telling_literals(rules)
        # By a text of the outlines that a rule takes, and by what matches these: where such rules stand.
        self._asked: dict[str, dict[re.Pattern[str] | None, list[int]]] = {}
        for position, (rule, literal) in enumerate(zip(rules, self._telling, strict=True)):
            same_text = self._asked.setdefault(outline_of(literal), {})
            same_text.setdefault(rule.pattern.outline, []).append(position)
        self._by_outline: dict[str, _Possible] = {}
        self._by_positions: dict[tuple[int, ...], _Possible] = {}

    def first(self, tensor: NamedTensor) -> Assignment | None:
        """The first rule that takes a tensor, or None."""
        name = tensor.name
        outline = outline_of(name)
        possible = self._by_outline.get(outline)
        if possible is None:
            # Many outlines have the same rules, and so share the candidates.
            positions = self._positions(outline)
            possible = self._by_positions.setdefault(positions, _Possible(positions, {}))
            self._by_outline[outline] = possible
        key = (tensor.shape, tensor.dtype.name, tensor.layers, tensor.tags)
        candidates = possible.candidates.get(key)
        if candidates is None:
            candidates = list(self._candidates(possible.positions, tensor))
            possible.candidates[key] = candidates
        for literal, matches, rule in candidates:
            if literal in name and (found := matches(name)) is not None:
                return Assignment(tensor, rule, rule.pattern.captured(found))
        return None

    def _positions(self, outline: str) -> tuple[int, ...]:
        """Where the rules stand that can take some name of an outline, whatever else its tensor has."""
        positions: list[int] = []
        for text in [text for text in self._asked if text in outline]:
            for regex, same in self._asked[text].items():
                if regex is None or regex.fullmatch(outline) is not None:
                    positions += same
        return tuple(sorted(positions))

    def _candidates(self, positions: Sequence[int], tensor: NamedTensor) -> Iterator[_Candidate]:
        """Those rules that can be the first in a tensor that has all but its name from this."""
        for position in positions:
            rule = self._rules[position]
            if rule.predicate is None or rule.predicate.holds(tensor):
                yield self._telling[position], rule.pattern.matcher, rule
                if not rule.pattern.tells_digits:
                    return


def _telling_literals(rules: Sequence[CompiledRule]) -> list[str]:
    """For every rule a text that all names have that it takes, and that, it seems, few others have.

    Long ones are rarer, and those that other rules have as well, like `model.layers.`, tell little.
    """
    counts = Counter(chain.from_iterable(set(rule.pattern.literals) for rule in rules))
    return [
        max(rule.pattern.literals, key=lambda literal: len(literal) / counts[literal], default="")
        for rule in rules
    ]
