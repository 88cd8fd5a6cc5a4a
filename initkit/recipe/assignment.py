"""Which rule takes which tensor, and what is wrong where rules and tensors do not fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from initkit.errors import RecipeError
from initkit.recipe.parse import ParsedRecipe, TensorSpec
from initkit.recipe.rules import Captures, CompiledRule
from initkit.recipe.tensors import NamedTensor, NamedTie

_MOST_NAMES = 5


class Assignment(NamedTuple):
    """The rule that takes a tensor, and what its captures stand for."""

    rule: CompiledRule
    captures: Captures


class _Problem(NamedTuple):
    line: int
    message: str


def assign_rules(
    recipe: ParsedRecipe,
    rules: Sequence[CompiledRule],
    tensors: Sequence[NamedTensor],
    ties: Sequence[NamedTie],
) -> list[Assignment]:
    """Give every tensor to the first rule that matches its name.

    Args:
        recipe: The recipe, for messages.
        rules: In the order of precedence.
        tensors: Whose names are matched.
        ties: Whose names are not; a rule that only they match is told so.

    Returns:
        One assignment per tensor, in their order.

    Raises:
        RecipeError: No rule matches a tensor, or a rule takes none: it matches nothing, or earlier rules take
            everything that it matches. The message names all of them.
    """
    assigned: list[Assignment] = []
    unmatched: dict[TensorSpec, list[str]] = {}
    for tensor in tensors:
        found = _first_match(rules, tensor.name)
        if found is None:
            unmatched.setdefault(tensor.entry, []).append(tensor.name)
        else:
            assigned.append(found)
    takers = {assignment.rule.rule.number for assignment in assigned}
    problems = [_no_rule(entry, names) for entry, names in unmatched.items()]
    for rule in rules:
        if rule.rule.number not in takers:
            problems.append(_no_tensor(rule, rules, tensors, ties))
    if problems:
        raise _error(recipe, sorted(problems))
    return assigned


def _first_match(rules: Sequence[CompiledRule], name: str) -> Assignment | None:
    for rule in rules:
        captures = rule.pattern.match(name)
        if captures is not None:
            return Assignment(rule, captures)
    return None


def _no_rule(entry: TensorSpec, names: list[str]) -> _Problem:
    which = f"tensor {names[0]!r}" if len(names) == 1 else f"{len(names)} tensors: {_listed(names)}"
    return _Problem(entry.line, f'no rule matches {which}. Add a rule, or a last one that matches "*".')


def _no_tensor(
    rule: CompiledRule,
    rules: Sequence[CompiledRule],
    tensors: Sequence[NamedTensor],
    ties: Sequence[NamedTie],
) -> _Problem:
    """Why a rule takes no tensor: it matches none, or others are faster."""
    who = f"rule {rule.rule.number}, {rule.rule.match!r},"
    matched = [tensor.name for tensor in tensors if rule.pattern.match(tensor.name) is not None]
    if matched:
        winners = [found.rule for name in matched if (found := _first_match(rules, name)) is not None]
        taken = Counter(winner.rule.number for winner in winners)
        takers = ", ".join(
            f"rule {other.rule.number}, {other.rule.match!r}, takes {taken[other.rule.number]}"
            for other in rules
            if other.rule.number in taken
        )
        which = "the tensor" if len(matched) == 1 else f"all {len(matched)} tensors"
        message = f"{who} is never used: earlier rules take {which} that it matches ({takers})."
        return _Problem(rule.rule.line, f"{message} The first match wins; move it up, or remove it.")
    message = f"{who} matches no tensor."
    if any(rule.pattern.match(tie.name) is not None for tie in ties):
        message += " It matches tied ones, which take no rule."
    return _Problem(rule.rule.line, f"{message} Correct the pattern, or remove the rule.")


def _error(recipe: ParsedRecipe, problems: Sequence[_Problem]) -> RecipeError:
    first = problems[0]
    if len(problems) == 1:
        return recipe.error_at(first.line, first.message)
    lines = [f"{len(problems)} tensors and rules do not fit together."]
    lines += [f"  {recipe.file}:{problem.line}: {problem.message}" for problem in problems]
    return recipe.error_at(first.line, "\n".join(lines))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
