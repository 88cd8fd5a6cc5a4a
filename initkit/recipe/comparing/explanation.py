"""Why a tensor of a recipe gets the values that it gets, and which these are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isinf, prod
from pathlib import PurePath
from typing import Any, Literal, TypeAlias

import numpy as np

from initkit.documents import write_inline
from initkit.errors import RecipeError, did_you_mean, nearest_names
from initkit.lazy import first_values
from initkit.recipe.comparing.law import Bounds, Law, law_of, shown_value
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.expression import Expression
from initkit.recipe.language.facts import tensor_facts
from initkit.recipe.language.place import Place
from initkit.recipe.planning.arguments import Template
from initkit.recipe.planning.named import NamedTensor, NamedTie
from initkit.recipe.planning.plan import Plan
from initkit.recipe.planning.planned import PlannedTensor
from initkit.recipe.planning.rules import CompiledRule

Kind: TypeAlias = Literal["drawn", "copied", "tied", "skipped"]

_FIRST_VALUES = 6
# What cannot be drawn in parts takes long beyond it.
_MOST_DRAWN_WHOLE = 1 << 22
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class RuleText:
    """A rule, as it was written.

    Attributes:
        number: Its place among all rules, inherited ones included, counted from 1.
        place: The file and the line.
        text: The rule on one line.
        why_not: Why it does not take the tensor; None for the rule that does.
    """

    number: int
    place: str
    text: str
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An expression that a recipe gives for an argument, with its numbers.

    Attributes:
        text: The expression, as it was written.
        value: What it comes to.
        names: The value of every variable, capture and fact of the tensor that it names.
    """

    text: str
    value: Number
    names: Mapping[str, Number]

    def __str__(self) -> str:
        """Write the expression, what it comes to, and of which numbers."""
        names = ", ".join(f"{name} = {shown_value(value)}" for name, value in self.names.items())
        result = f"{self.text} = {shown_value(self.value)}"
        return f"{result}, where {names}" if names else result


@dataclass(frozen=True, slots=True)
class Explanation:
    """All that there is to say of one tensor of a recipe. `str` of it is a text of some lines.

    Attributes:
        name: The tensor.
        kind: What becomes of it: `"drawn"`, `"copied"` from a file, `"tied"` to another tensor, or
            `"skipped"`.
        place: The file and line that name it.
        shape: Its shape.
        dtype: Its dtype's name.
        layers: The types of the layers that hold it, its own last; empty if the recipe does not say.
        tags: Words that the recipe says about it.
        rule: The rule that takes it; None for a tie that `tensors` says.
        passed: The rules before that one, each with the reason why it does not take the tensor.
        captures: What the captures of the rule's pattern stand for.
        fans_of: The tensor whose fans the expressions ask about, or None for its own.
        target: The tensor that it is tied to, or None.
        copied: The file that it is copied from and its name there, or None.
        law: What makes its values, or None where they are not drawn.
        sources: The expressions that the recipe gives for arguments: by the argument's name, as `stddev`; of
            initializers inside others by what leads there, as `initializer.random_normal.stddev`.
        tolerance: How far values may lie from those of another machine; 0 for equal to the bit.
        seed: The seed.
        seed_path: The names that lead from the seed to the tensor's draw; empty where nothing is drawn.
        values: The first values in row-major order; none where they are not drawn, or would take long.
        ties: The tensors that are tied to it.
    """

    name: str
    kind: Kind
    place: str
    shape: tuple[int, ...]
    dtype: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]
    rule: RuleText | None
    passed: tuple[RuleText, ...]
    captures: Mapping[str, Number | str]
    fans_of: str | None
    target: str | None
    copied: tuple[str, str] | None
    law: Law | None
    sources: Mapping[str, Source]
    tolerance: float
    seed: int
    seed_path: tuple[str, ...]
    values: tuple[Any, ...]
    ties: tuple[str, ...]

    def facts(self) -> list[tuple[str, str]]:
        """Everything as pairs of a word and a text of one line or more, in the order of `str`."""
        return list(self._facts())

    def _facts(self) -> Iterator[tuple[str, str]]:
        shape = " x ".join(map(str, self.shape)) or "scalar"
        yield "tensor", self.name
        yield "shape", f"{shape} {self.dtype}, {prod(self.shape):,} values"
        yield "named", self.place
        if self.layers:
            yield "layers", " / ".join(self.layers)
        if self.tags:
            yield "tags", ", ".join(self.tags)
        if self.rule is not None:
            yield "rule", f"{self.rule.number}, {self.rule.place}: {self.rule.text}"
        for rule in self.passed:
            yield "", f"not {rule.number}, {rule.text}: {rule.why_not}"
        if self.captures:
            yield "captures", ", ".join(f"{name} = {value}" for name, value in self.captures.items())
        if self.fans_of is not None:
            yield "fans of", self.fans_of
        if self.kind == "skipped":
            yield "skipped", "it is left out"
        if self.target is not None:
            yield "tied to", f"{self.target}, whose values it has"
        if self.copied is not None:
            yield "copy of", f"{self.copied[1]} in {self.copied[0]}"
        if self.law is not None:
            yield from _law_facts(self.law, self.sources)
        if self.kind == "drawn":
            certain = "equal to the bit everywhere"
            yield "tolerance", f"{self.tolerance:.3g}" if self.tolerance else certain
            yield "seed", f"{self.seed}, path {' / '.join(self.seed_path)}"
        if self.values:
            yield "first values", ", ".join(map(_shown, self.values))
        if self.ties:
            yield "ties to it", ", ".join(self.ties)

    def __str__(self) -> str:
        """Write the facts, one per line."""
        margin = "\n" + " " * 14
        return "\n".join(f"{word:<13} {text.replace(chr(10), margin)}" for word, text in self._facts())


def _law_facts(law: Law, sources: Mapping[str, Source], indent: str = "") -> Iterator[tuple[str, str]]:
    """What there is to say of a law, and then of its parts."""
    yield f"{indent}law", law.text
    if not law.parts:
        yield f"{indent}", law.summary
    if law.formula:
        yield f"{indent}formula", law.formula
    if law.arguments:
        given = (f"{name} = {shown_value(value)}" for name, value in law.arguments)
        yield f"{indent}arguments", ", ".join(given)
    for name, source in sources.items():
        yield f"{indent}expression", f"{name} = {source}"
    if law.fans is not None:
        yield f"{indent}fans", str(law.fans)
    known = law.mean is not None and law.std is not None
    yield f"{indent}expected", f"mean {law.mean:.6g}, std {law.std:.6g}" if known else "not known"
    if law.bounds is not None:
        yield f"{indent}bounds", _shown_bounds(law.bounds)
    for label, part in law.parts:
        lengths = f" of shape {list(part.shape)}" if part.shape != law.shape else ""
        yield f"{indent}part", f"{label}{lengths}"
        yield from _law_facts(part, {}, indent + _INDENT)


def _shown_bounds(bounds: Bounds) -> str:
    if bounds.low == bounds.high:
        return f"all are {bounds.low:.6g}"
    if isinf(bounds.low) or isinf(bounds.high):
        return f"up to {bounds.high:.6g}" if bounds.low == -inf else f"from {bounds.low:.6g} up"
    return f"from {bounds.low:.6g} to {bounds.high:.6g}"


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (float, complex)) else str(value)


def explain(plan: Plan, name: str) -> Explanation:
    """Say why a tensor gets the values that it gets, and which these are.

    Args:
        plan: What a recipe comes to.
        name: A tensor of it, a tie, or one that a rule skips.

    Returns:
        The explanation. Only the first values of the tensor are drawn.

    Raises:
        RecipeError: There is no such tensor; the nearest names are suggested.

    Example:
        >>> from initkit.recipe import Recipe
        >>> text = '''
        ... initkit: 1
        ... seed: 7
        ... tensors: {"h.{0..1}.{w,b}": [4]}
        ... rules:
        ...   - {match: "*.b", init: zeros}
        ...   - {match: "h.{layer}.w", init: {constant: {value: 1 / (layer + 3)}}}
        ... '''
        >>> explanation = explain(Recipe.from_text(text, "r.yaml").plan(), "h.1.w")
        >>> facts = explanation.facts()
        >>> for word, text in facts[2:7]:
        ...     print(f"{word:<9} {text}")
        named     r.yaml:4
        rule      2, r.yaml:7: {match: "h.{layer}.w", init: {constant: {value: 1 / (layer + 3)}}}
                  not 1, {match: "*.b", init: zeros}: the name does not match
        captures  layer = 1
        law       {constant: {value: 0.25}}
        >>> dict(facts)["expression"]
        'value = 1 / (layer + 3) = 0.25, where layer = 1'
    """
    named = {tensor.name: tensor for tensor in plan.named}
    if name not in named:
        hint = did_you_mean(nearest_names(name, named))
        message = f"the recipe has no such tensor. Received: {name!r:.100}. Allowed: the {len(named):,} names"
        message += f" that `initkit plan` lists.{hint or ' Take one of these.'}"
        raise RecipeError(message, file=plan.recipe.file)
    return _Explaining(plan, named[name]).explanation()


class _Explaining:
    """Collects what there is to say of one tensor."""

    def __init__(self, plan: Plan, named: NamedTensor | NamedTie) -> None:
        self._plan = plan
        self._named = named
        self._tensors = {tensor.name: tensor for tensor in plan.tensors}
        self._targets = {tie.name: tie.target for tie in plan.ties}

    def explanation(self) -> Explanation:
        """All of it."""
        name = self._named.name
        tensor = self._tensors.get(name)
        rule, passed = self._rules()
        shape, dtype = self._form()
        named = self._named if isinstance(self._named, NamedTensor) else None
        captures = None if rule is None or named is None else rule.match(named)
        drawn = tensor is not None and tensor.template is not None
        return Explanation(
            name=name,
            kind=self._kind(),
            place=_where(self._named.place),
            shape=shape,
            dtype=dtype,
            layers=() if named is None else named.layers,
            tags=() if named is None else named.tags,
            rule=None if rule is None else _rule_text(rule),
            passed=tuple(passed),
            captures=captures or {},
            fans_of=None if tensor is None or tensor.fans_of is None else tensor.fans_of[0],
            target=self._targets.get(name),
            copied=_copied(tensor),
            law=None
            if tensor is None or tensor.template is None
            else law_of(tensor.template, shape, tensor.dtype),
            sources={} if tensor is None or rule is None else dict(_sources(tensor, rule)),
            tolerance=0.0 if tensor is None else tensor.tolerance,
            seed=self._plan.seed,
            seed_path=tensor.seed_path if tensor is not None and drawn else (),
            values=() if tensor is None else _first_values(tensor),
            ties=tuple(tie for tie, target in self._targets.items() if target == name),
        )

    def _kind(self) -> Kind:
        tensor = self._tensors.get(self._named.name)
        if tensor is not None:
            return "drawn" if tensor.copied is None else "copied"
        return "tied" if self._named.name in self._targets else "skipped"

    def _form(self) -> tuple[tuple[int, ...], str]:
        """Shape and dtype; those of the target, of a tie."""
        name = self._named.name
        tensor = self._tensors.get(self._targets.get(name, name))
        if tensor is not None:
            return tensor.shape, tensor.dtype.name
        assert isinstance(self._named, NamedTensor)
        return self._named.shape, self._named.dtype.name

    def _rules(self) -> tuple[CompiledRule | None, list[RuleText]]:
        """The rule that takes the tensor, and those before it."""
        passed: list[RuleText] = []
        if isinstance(self._named, NamedTie):
            return None, passed
        for rule in self._plan.rules:
            why_not = rule.why_not(self._named)
            if why_not is None:
                return rule, passed
            passed.append(_rule_text(rule, why_not))
        return None, passed


def _where(place: Place) -> str:
    return f"{PurePath(place.file)}:{place.line}"


def _rule_text(rule: CompiledRule, why_not: str | None = None) -> RuleText:
    return RuleText(rule.rule.number, _where(rule.rule.place), write_inline(dict(rule.rule.data)), why_not)


def _copied(tensor: PlannedTensor | None) -> tuple[str, str] | None:
    if tensor is None or tensor.copied is None:
        return None
    return str(tensor.copied.path), tensor.copied.name


def _sources(tensor: PlannedTensor, rule: CompiledRule) -> Iterator[tuple[str, Source]]:
    """The expressions that the recipe gives for arguments, each with what leads to it."""
    if rule.maker is None:
        return
    maker = rule.maker
    for path, expression in _expressions("", dict(maker.arguments)):
        known = {**maker.variables, **tensor.captures}
        shape_of_fans = None if tensor.fans_of is None else tensor.fans_of[1]
        known |= tensor_facts(expression.names - known.keys(), tensor.shape, maker.reading, shape_of_fans)
        # In the order in which the expression has them.
        ordered = dict.fromkeys(str(getattr(step, "name", "")) for step in expression.steps)
        names = {
            name: value
            for name in ordered
            if name in expression.names and not isinstance(value := known[name], str)
        }
        yield path, Source(expression.source, expression.evaluate(names), names)


def _expressions(path: str, value: Any) -> Iterator[tuple[str, Expression]]:
    """The expressions in what a rule's arguments were read as, each with the keys that lead to it."""
    if isinstance(value, Expression):
        yield path, value
    elif isinstance(value, Template):
        for text, expression in value.expressions.items():
            yield f"{path} {{{text}}}", expression
    elif isinstance(value, dict):
        for key, entry in value.items():
            yield from _expressions(f"{path}.{key}" if path else str(key), entry)
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _expressions(f"{path}[{number}]", entry)


def _first_values(tensor: PlannedTensor) -> tuple[Any, ...]:
    """The first values in row-major order, as Python has them, without drawing the rest."""
    whole = tensor.template is not None and not (tensor.template.makes_regions and tensor.tolerance == 0)
    if whole and tensor.size > _MOST_DRAWN_WHOLE:
        return ()
    with tensor.drawing() as values:
        found = first_values(values, _FIRST_VALUES)
    wide = found.astype(np.complex128 if found.dtype.kind == "c" else np.float64)
    return tuple(wide.tolist() if found.dtype.kind not in "iub" else found.tolist())
