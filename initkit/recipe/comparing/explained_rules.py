"""What a recipe's rules make of the tensors that a pattern matches, one of each rule explained."""

from __future__ import annotations

from dataclasses import dataclass

from initkit.errors import RecipeError, did_you_mean
from initkit.recipe.comparing.explanation import Explanation, explain
from initkit.recipe.language.nearest import nearest_patterns
from initkit.recipe.language.pattern import parse_pattern
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.plan import Plan
from initkit.recipe.planning.rule_index import RuleIndex
from initkit.recipe.writing.folding import fold_names

_MOST_TEXTS = 5


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """The tensors that a pattern matches and one rule takes.

    Attributes:
        explanation: What there is to say of the first of them.
        names: All of them; ties that `tensors` says, which no rule takes, are together.
    """

    explanation: Explanation
    names: tuple[str, ...]

    def facts(self) -> list[tuple[str, str]]:
        """Those of the explanation, and for how many tensors it stands, where these are several."""
        first, *others = self.explanation.facts()
        if len(self.names) == 1:
            return [first, *others]
        texts = [text for text, _ in fold_names([(name, None) for name in self.names])]
        rule = self.explanation.rule
        what = "ties that `tensors` says" if rule is None else f"tensors that rule {rule.number} takes"
        listed = ", ".join(texts[:_MOST_TEXTS]) + (", .." if len(texts) > _MOST_TEXTS else "")
        return [first, ("stands for", f"{len(self.names):,} {what}: {listed}"), *others]


def explain_rules(plan: Plan, pattern: str) -> list[ExplainedRule]:
    """Explain, of the tensors that a pattern matches, the first that each rule takes.

    Args:
        plan: What a recipe comes to.
        pattern: A pattern of names, as rules have them.

    Returns:
        An explanation for each rule, in the order of their first tensors.

    Raises:
        ArgumentError: The pattern is none.
        RecipeError: It matches no tensor; the nearest patterns that do are suggested.

    Example:
        >>> import initkit as ik
        >>> plan = ik.Recipe.preset("gpt2@1", seed=42).plan()
        >>> for one in explain_rules(plan, "h.{layer}.attn.*"):
        ...     print(one.explanation.name, len(one.names), one.explanation.rule.number)
        h.0.attn.c_attn.weight 12 5
        h.0.attn.c_attn.bias 24 1
        h.0.attn.c_proj.weight 12 4
    """
    parsed = parse_pattern(pattern, plan.variables)
    index = RuleIndex(plan.rules)
    names: dict[int | None, list[str]] = {}
    for named in plan.named:
        if parsed.match(named.name) is not None:
            taken = index.first(named) if isinstance(named, NamedTensor) else None
            names.setdefault(None if taken is None else taken.rule.rule.number, []).append(named.name)
    if not names:
        known = [named.name for named in plan.named]
        hint = did_you_mean(nearest_patterns(pattern, known, plan.variables))
        message = f"the pattern matches no tensor. Received: {pattern!r:.100}. Allowed: one that matches some"
        message += f" of the {len(known):,} names that `initkit plan` lists.{hint or ' Correct it.'}"
        raise RecipeError(message, file=plan.recipe.file)
    return [ExplainedRule(explain(plan, taken[0]), tuple(taken)) for taken in names.values()]
