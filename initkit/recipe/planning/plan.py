"""What a recipe comes to: for every tensor its shape, dtype, rule and initializer. Pure: nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import ml_dtypes

from initkit.dtypes import DType
from initkit.errors import InitkitError, RecipeError, did_you_mean, nearest_names
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.variables import evaluate_variables
from initkit.recipe.planning.assignment import UnusedRule, assign_rules, unused_rules
from initkit.recipe.planning.copying import Checkpoints
from initkit.recipe.planning.inheritance import MergedRecipe, merge, unused_variables
from initkit.recipe.planning.named import NamedTensor, NamedTie
from initkit.recipe.planning.planned import PlannedTensor, PlannedTie
from initkit.recipe.planning.rule_index import Assignment
from initkit.recipe.planning.rules import CompiledRule, compile_rule
from initkit.recipe.planning.tensors import name_tensors, select_tensors
from initkit.recipe.text.specs import ParsedRecipe
from initkit.seed import SeedGenerator


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """Everything that a recipe comes to.

    Attributes:
        recipe: The recipe.
        seed: The seed of all tensors.
        variables: The value of every variable.
        tensors: What will be stored: inherited tensors, those of other files, those of the text.
        ties: The tensors that are others under a second name.
        skipped: The names that rules leave out.
        merged: The recipe together with those that it extends.
        rules: All rules, in the order of precedence.
        named: All tensors and ties, before any rule.
        used: The numbers of the rules that take a tensor.
    """

    recipe: ParsedRecipe
    seed: int
    variables: Mapping[str, Number]
    tensors: tuple[PlannedTensor, ...]
    ties: tuple[PlannedTie, ...]
    skipped: tuple[str, ...]
    merged: MergedRecipe = field(compare=False, repr=False)
    rules: tuple[CompiledRule, ...] = field(compare=False, repr=False)
    named: tuple[NamedTensor | NamedTie, ...] = field(compare=False, repr=False)
    used: frozenset[int] = field(compare=False, repr=False)

    @property
    def text(self) -> str:
        """A recipe's text that says all of this by itself, which a built file carries."""
        if self.recipe.stands_alone:
            return self.recipe.text
        from initkit.recipe.planning.resolved import resolved_text

        return resolved_text(self)

    @property
    def parameters(self) -> int:
        """The number of elements of all stored tensors."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def nbytes(self) -> int:
        """The bytes of all stored tensors."""
        return sum(tensor.nbytes for tensor in self.tensors)

    def remarks(self) -> list[str]:
        """What its reader ought to know: idle rules and variables, and values that will round to 0.

        Returns:
            Sentences; none where there is nothing to be said.
        """
        # Of a selection, rules for the other tensors are idle as a matter of course.
        unused = [] if self.recipe.only else self.unused()
        sentences = [f"{reason[0].upper()}{reason[1:]}" for _, reason in unused]
        if self.recipe.base is None:
            sentences += [
                f"Variable {variable.name!r} is used by nothing."
                for variable in unused_variables(self.recipe)
            ]
        lost: dict[str, list[str]] = {}
        for tensor in self.tensors:
            if tensor.std and tensor.dtype.kind == "float" and tensor.std < _least(tensor.dtype) / 2:
                lost.setdefault(tensor.dtype.name, []).append(tensor.name)
        for dtype, names in lost.items():
            others = f" and of {len(names) - 1} others" if len(names) > 1 else ""
            sentences.append(f"Most values of {names[0]!r}{others} are too small for {dtype}, and become 0.")
        return sentences

    def __repr__(self) -> str:
        """Say whose plan it is, and how much is in it."""
        amount = f"{len(self.tensors):,} tensors, {self.parameters:,} parameters, {self.nbytes:,} bytes"
        return f"<Plan of {self.recipe.file!r}: seed {self.seed}, {amount}>"

    def __reduce__(self) -> tuple[Callable[..., Plan], tuple[ParsedRecipe]]:
        """Pickle the recipe, which gives the plan again."""
        return make_plan, (self.recipe,)

    def unused(self) -> list[UnusedRule]:
        """The rules that take no tensor, each with the reason: inherited ones, and those marked optional."""
        return unused_rules(self.rules, self.named, self.used)


def _least(dtype: DType) -> float:
    """The smallest number above 0 of a floating-point dtype."""
    return float(ml_dtypes.finfo(dtype.numpy).smallest_subnormal)  # type: ignore[no-untyped-call]  # as it is typed


def make_plan(recipe: ParsedRecipe, *, find_copies: bool = True) -> Plan:
    """Work a recipe out.

    Args:
        recipe: The parsed recipe.
        find_copies: Whether to look for what rules copy; where not, those tensors cannot be built.

    Returns:
        The plan. Nothing has been drawn yet, and the same recipe always gives an equal plan.

    Raises:
        RecipeError: Something in the recipe has no meaning, a tensor is matched by no rule, or a rule takes
            no tensor; the message names file and line, and all such tensors and rules at once.

    Example:
        >>> from initkit.recipe.text.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2, 3]}, rules: [{match: w, init: he_normal}]}"
        >>> plan = make_plan(parse_recipe(text))
        >>> plan.tensors[0].shape, plan.tensors[0].std, plan.parameters
        ((2, 3), 1.0, 6)
    """
    merged = merge(recipe)
    variables = evaluate_variables(merged.variables)
    rules = tuple(compile_rule(rule, variables, merged.layout) for rule in merged.rules)
    named = name_tensors(merged, variables)
    return _Planning(merged, variables, rules, named, find_copies).plan()


class _Planning:
    """Turns assignments into planned tensors and ties."""

    def __init__(
        self,
        merged: MergedRecipe,
        variables: Mapping[str, Number],
        rules: tuple[CompiledRule, ...],
        named: list[NamedTensor | NamedTie],
        find_copies: bool,
    ) -> None:
        self._merged, self._variables, self._rules = merged, variables, rules
        self._named = tuple(select_tensors(merged, named, variables))
        # Also what is not selected tells others their fans.
        self._all = {one.name: one for one in named}
        self._root = SeedGenerator(merged.seed)
        self._checkpoints = Checkpoints() if find_copies else None

    def plan(self) -> Plan:
        """The whole plan."""
        ties = {tie.name: tie for tie in self._named if isinstance(tie, NamedTie)}
        self._check_ties(ties)
        assigned = assign_rules(self._merged, self._rules, self._named)
        tensors: dict[str, PlannedTensor] = {}
        shapes = {}
        skipped = [one.name for one in self._all.values() if isinstance(one, NamedTensor) and one.skip]
        for tensor, rule, captures in assigned:
            if rule.rule.skip:
                skipped.append(tensor.name)
            elif rule.tie is not None:
                ties[tensor.name] = NamedTie(tensor.name, rule.tie.of(captures), rule.rule.place)
                shapes[tensor.name] = tensor.shape
            else:
                tensors[tensor.name] = self._tensor(Assignment(tensor, rule, captures))
        if not tensors:
            wrong = f"the recipe stores no tensor: {len(skipped)} are skipped, and {len(ties)} tied."
            raise self._merged.recipe.place.error(wrong, "Leave one at least, with its shape and an `init`.")
        _check_seed_paths(list(tensors.values()))
        return Plan(
            recipe=self._merged.recipe,
            seed=self._merged.seed,
            variables=self._variables,
            tensors=tuple(tensors.values()),
            ties=tuple(self._ties(ties, tensors, shapes)),
            skipped=tuple(skipped),
            merged=self._merged,
            rules=self._rules,
            named=self._named,
            used=frozenset(found.rule.rule.number for found in assigned),
        )

    def _check_ties(self, ties: Mapping[str, NamedTie]) -> None:
        """Refuse ties to names that there are not, before rules are blamed for them."""
        named = {tensor.name: tensor for tensor in self._named if isinstance(tensor, NamedTensor)}
        for tie in ties.values():
            if tie.target not in named and not self._merged.recipe.only:
                raise _no_target(tie, ties, named)

    def _tensor(self, assignment: Assignment) -> PlannedTensor:
        """Make one tensor's initializer, and have it refuse what it cannot make."""
        tensor, rule, captures = assignment
        dtype = rule.dtype or tensor.dtype
        made = copied = None
        fans_of = self._fans_of(assignment)
        if rule.maker is not None:
            try:
                of_fans = None if fans_of is None else fans_of[1]
                made = rule.maker.make(tensor.name, captures, tensor.shape, dtype, of_fans)
            except RecipeError:
                raise
            except InitkitError as error:
                taker = f"{rule.who} on line {rule.rule.line}"
                wrong = f"tensor {tensor.name!r} cannot be made by {taker}: {error}"
                raise tensor.place.error(wrong) from error
        elif rule.copy_file is not None and self._checkpoints is not None:
            name = tensor.name if rule.copy_name is None else rule.copy_name.of(captures)
            copied = self._checkpoints.find(
                rule.copy_file.of(captures),
                name,
                tensor.shape,
                dtype,
                rule.rule.place,
                f"tensor {tensor.name!r}",
            )
        path = (tensor.name,) if rule.seed_path is None else tuple(one.of(captures) for one in rule.seed_path)
        return PlannedTensor(
            tensor.name,
            tensor.shape,
            dtype,
            tensor.place,
            rule.rule,
            captures,
            self._root,
            path,
            made,
            copied,
            fans_of,
        )

    def _fans_of(self, assignment: Assignment) -> tuple[str, tuple[int, ...]] | None:
        """The tensor whose fans a rule's expressions ask about, and its shape."""
        tensor, rule, captures = assignment
        if rule.fans_of is None:
            return None
        name = rule.fans_of.of(captures)
        found = self._all.get(name)
        if isinstance(found, NamedTie):
            found = self._all.get(found.target)
        if isinstance(found, NamedTensor):
            return name, found.shape
        wrong = (
            f"`fans_of` of rule {rule.rule.number} names no tensor. Received: {name!r}, for {tensor.name!r}."
        )
        remedy = f"Correct it, or narrow the rule.{did_you_mean(nearest_names(name, self._all))}"
        raise rule.rule.place.inside("fans_of").error(wrong, remedy)

    def _ties(
        self,
        ties: Mapping[str, NamedTie],
        tensors: Mapping[str, PlannedTensor],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> list[PlannedTie]:
        """The ties, each to a tensor that is stored itself."""
        planned = []
        for tie in ties.values():
            target = tensors.get(tie.target)
            if target is None:
                if self._merged.recipe.only:
                    # The selection has the name, and not what it stands for.
                    continue
                raise _no_target(tie, ties, tensors)
            if shapes.get(tie.name, target.shape) != target.shape:
                wrong = f"tensor {tie.name!r} of shape {shapes[tie.name]} is tied to {tie.target!r} of shape"
                msg = f"{wrong} {target.shape}. Only equal shapes can be tied."
                raise tie.place.error(msg)
            planned.append(PlannedTie(tie.name, tie.target, target.shape, target.dtype, tie.place))
        return planned


def _no_target(tie: NamedTie, ties: Mapping[str, NamedTie], tensors: Collection[str]) -> RecipeError:
    """The error for a tie that leads to no tensor that is stored."""
    if tie.target == tie.name:
        return tie.place.error(
            f"tensor {tie.name!r} is tied to itself.", "Tie it to a tensor that has a shape."
        )
    if tie.target in ties:
        other = ties[tie.target]
        chain = f"which is itself tied to {other.target!r}, on line {other.place.line}."
        wrong = f"tensor {tie.name!r} is tied to {tie.target!r}, {chain}"
        return tie.place.error(wrong, "Tie both to the one tensor that has a shape.")
    wrong = f"tensor {tie.name!r} is tied to {tie.target!r}, and no tensor of that name is stored."
    hint = did_you_mean(nearest_names(tie.target, tensors))
    return tie.place.error(wrong, f"Correct it, or name that tensor.{hint}")


def _check_seed_paths(tensors: Sequence[PlannedTensor]) -> None:
    """Refuse two tensors that draw under one name, or whose parts do, and so would have the same values."""
    drawers: dict[tuple[str, ...], PlannedTensor] = {}
    owners: dict[str, PlannedTensor] = {}
    for tensor in tensors:
        if tensor.made is None:
            continue
        other = drawers.setdefault(tensor.seed_path, tensor)
        if other is not tensor:
            wrong = (
                f"tensors {other.name!r} and {tensor.name!r} draw under one name, so their values would be"
            )
            wrong += " equal."
            remedy = "Write captures of the pattern into `seed_path`, or tie one to the other."
            raise tensor.rule.place.error(wrong, f"Received: {list(tensor.seed_path)}.", remedy)
        for name in tensor.made.parts:
            owner = owners.setdefault(name, tensor)
            if owner is not tensor:
                wrong = (
                    f"the name {name!r} is given to parts of {owner.name!r} and of {tensor.name!r}, so their"
                )
                received = f" values would be equal. Received: names={[*tensor.made.parts]}."
                remedy = "Write captures of the pattern into the names, as in 'h.{layer}.attn.q.weight'."
                raise tensor.rule.place.error(wrong + received, remedy)
