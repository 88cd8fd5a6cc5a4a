"""Which rule takes which tensor, and what is wrong where rules and tensors do not fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from initkit.errors import RecipeError, did_you_mean
from initkit.recipe.language.nearest import nearest_patterns
from initkit.recipe.language.place import Place
from initkit.recipe.language.regex import LONGEST_NAME
from initkit.recipe.planning.inheritance import MergedRecipe
from initkit.recipe.planning.named import NamedTensor, NamedTie
from initkit.recipe.planning.rule_index import Assignment, RuleIndex
from initkit.recipe.planning.rules import CompiledRule

_MOST_NAMES = 5
# Looking for what was meant takes a while where there are many names.
_MOST_SUGGESTIONS = 3


class UnusedRule(NamedTuple):
    """A rule that takes no tensor.

    Attributes:
        rule: The rule.
        reason: Why, as a sentence.
    """

    rule: CompiledRule
    reason: str


def assign_rules(
    merged: MergedRecipe, rules: Sequence[CompiledRule], named: Sequence[NamedTensor | NamedTie]
) -> list[Assignment]:
    """Give every tensor to the first rule that matches it.

    Args:
        merged: The recipe.
        rules: In the order of precedence.
        named: The tensors, and ties, which take no rule.

    Returns:
        One assignment per tensor, in their order.

    Raises:
        RecipeError: No rule matches a tensor, or a rule takes none that is neither inherited nor marked as
            optional: it matches nothing, or earlier rules take everything that it matches. The message names
            all of them.
    """
    _check_lengths(rules, named)
    index = RuleIndex(rules)
    assigned: list[Assignment] = []
    unmatched: dict[Place, list[str]] = {}
    for tensor in named:
        if isinstance(tensor, NamedTensor):
            found = index.first(tensor)
            if found is None:
                unmatched.setdefault(tensor.place, []).append(tensor.name)
            else:
                assigned.append(found)
    problems = [(place, _no_rule(names)) for place, names in unmatched.items()]
    if not merged.recipe.only:
        takers = {assignment.rule.rule.number for assignment in assigned}
        idle = [
            rule
            for rule in rules
            if not (rule.rule.number in takers or rule.rule.optional or rule.rule.inherited)
        ]
        for at, rule in enumerate(idle):
            problem = _no_tensor(rule, rules, named, index, suggest=at < _MOST_SUGGESTIONS)
            problems.append((rule.rule.place, problem))
    if problems:
        raise _error(problems)
    return assigned


def _check_lengths(rules: Sequence[CompiledRule], named: Sequence[NamedTensor | NamedTie]) -> None:
    """Refuse names that are too long for regular expressions, whose time grows with them."""
    longest = max((tensor.name for tensor in named), key=len)
    for rule in rules:
        if rule.rule.is_regex and len(longest) > LONGEST_NAME:
            wrong = f"a name is too long for {rule.who} a regular expression. Received: {len(longest)}"
            allowed = f"characters, {longest[:80]!r} and so on. Allowed: {LONGEST_NAME}. Use a glob."
            raise rule.rule.place.error(wrong, allowed)


def unused_rules(
    rules: Sequence[CompiledRule], named: Sequence[NamedTensor | NamedTie], used: frozenset[int]
) -> list[UnusedRule]:
    """The rules that take no tensor, and may: inherited and optional ones.

    Args:
        rules: In the order of precedence.
        named: The tensors and ties.
        used: The numbers of the rules that take one.

    Returns:
        These rules, each with the reason.
    """
    index = RuleIndex(rules)
    idle = [rule for rule in rules if rule.rule.number not in used]
    return [UnusedRule(rule, _no_tensor(rule, rules, named, index)) for rule in idle]


def _no_rule(names: list[str]) -> str:
    which = f"tensor {names[0]!r}" if len(names) == 1 else f"{len(names)} tensors: {_listed(names)}"
    remedy = 'Add a rule, or a last one that matches "*"; `skip: true` leaves tensors out.'
    return f"no rule matches {which}. {remedy}"


def _no_tensor(
    rule: CompiledRule,
    rules: Sequence[CompiledRule],
    named: Sequence[NamedTensor | NamedTie],
    index: RuleIndex,
    suggest: bool = False,
) -> str:
    """Why a rule takes no tensor: it matches none, or others are faster."""
    matches = rule.pattern.matcher
    # Many idle rules with many tensors are usual, and looking for a text is ten times as fast as matching.
    literal = max(rule.pattern.literals, key=len, default="")
    by_name = [tensor for tensor in named if literal in tensor.name and matches(tensor.name) is not None]
    tensors = [tensor for tensor in by_name if isinstance(tensor, NamedTensor)]
    matched = [tensor for tensor in tensors if rule.why_not(tensor) is None]
    if matched:
        taken = Counter(found.rule.rule.number for tensor in matched if (found := index.first(tensor)))
        takers = ", ".join(
            f"{other.who} takes {taken[other.rule.number]}" for other in rules if other.rule.number in taken
        )
        which = "the tensor" if len(matched) == 1 else f"all {len(matched)} tensors"
        message = f"{rule.who} is never used: earlier rules take {which} that it matches ({takers})."
        if rule.rule.optional or rule.rule.inherited:
            return message
        return f"{message} The first match wins; move it up, or remove it."
    message = f"{rule.who} matches no tensor."
    if tensors:
        reason = rule.why_not(tensors[0])
        message += f" {len(tensors)} have such names, but of {tensors[0].name!r} {reason}."
        message += did_you_mean(rule.nearest_words(tensors))
    elif by_name:
        message += " It matches tied ones, which take no rule."
    if rule.rule.optional or rule.rule.inherited:
        return message
    hint = ""
    if suggest and not by_name and not rule.rule.is_regex:
        hint = did_you_mean(nearest_patterns(rule.rule.match, [tensor.name for tensor in named]))
    return f"{message}{hint} Correct the pattern, remove the rule, or mark it `optional: true`."


def _error(problems: Sequence[tuple[Place, str]]) -> RecipeError:
    ordered = sorted(problems, key=lambda problem: (problem[0].line, problem[1]))
    place, message = ordered[0]
    if len(ordered) == 1:
        return place.error(message)
    lines = [f"{len(ordered)} tensors and rules do not fit together."]
    lines += [f"  {place.file}:{place.line}: {message}" for place, message in ordered]
    return place.error("\n".join(lines))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMES])
    return shown if len(names) <= _MOST_NAMES else f"{shown} and {len(names) - _MOST_NAMES} more"
