"""Which rule takes which tensor, found without asking every rule about every tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from initkit.recipe.language.pattern import outline_of
from initkit.recipe.planning.arguments import Captures
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.rules import CompiledRule, NamePattern


class Assignment(NamedTuple):
    """A tensor, the rule that takes it, and what the rule's captures stand for."""

    tensor: NamedTensor
    rule: CompiledRule
    captures: Captures


class RuleIndex:
    """Finds the first rule that takes a tensor, without asking every rule about every tensor.

    Names of the same outline, which differ in digits alone, are taken by the same rules, but for rules that
    tell digits from one another; and predicates ask for nothing of the name. So every outline, shape, dtype
    and so on has a short list of rules that can come into question.

    Args:
        rules: In the order of precedence.
    """

    def __init__(self, rules: Sequence[CompiledRule]) -> None:
        self._rules = rules
        self._by_outline: dict[str, list[CompiledRule]] = {}
        self._candidates: dict[Any, list[tuple[Callable[[str], object], CompiledRule]]] = {}

    def first(self, tensor: NamedTensor) -> Assignment | None:
        """The first rule that takes a tensor, or None."""
        name = tensor.name
        outline = outline_of(name)
        key = (outline, tensor.shape, tensor.dtype.name, tensor.layers, tensor.tags)
        candidates = self._candidates.get(key)
        if candidates is None:
            possible = self._possible(outline, tensor)
            candidates = self._candidates[key] = [(rule.pattern.matcher, rule) for rule in possible]
        for matches, rule in candidates:
            # Most do not match, and asking the regular expression itself is the fastest way to learn it.
            if matches(name) is not None:
                captures = rule.pattern.match(name)
                assert captures is not None
                return Assignment(tensor, rule, captures)
        return None

    def _possible(self, outline: str, tensor: NamedTensor) -> Iterator[CompiledRule]:
        """The rules that can be the first for some name of an outline, in a tensor that is otherwise as this."""
        if outline not in self._by_outline:
            self._by_outline[outline] = [rule for rule in self._rules if _may_match(rule.pattern, outline)]
        for rule in self._by_outline[outline]:
            if rule.predicate is None or rule.predicate.holds(tensor):
                yield rule
                if not rule.pattern.tells_digits:
                    return


def _may_match(pattern: NamePattern, outline: str) -> bool:
    """Whether some name of an outline can match."""
    if pattern.outline is None:
        return True
    return pattern.outline.fullmatch(outline) is not None
