"""What a recipe comes to: for every tensor its shape, dtype, rule and initializer. Pure: nothing is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

from initkit.dtypes import DType
from initkit.errors import InitkitError
from initkit.initializer import Initializer
from initkit.initializers.composite import names_of_parts
from initkit.lazy import LazyArray
from initkit.recipe.arithmetic import Number
from initkit.recipe.assignment import Assignment, assign_rules
from initkit.recipe.parse import ParsedRecipe, Rule
from initkit.recipe.rules import Captures, compile_rule
from initkit.recipe.tensors import NamedTensor, name_tensors
from initkit.recipe.variables import evaluate_variables
from initkit.seed import SeedGenerator, seed_scope


@dataclass(frozen=True, slots=True)
class PlannedTensor:
    """One tensor that will be drawn and stored.

    Attributes:
        name: Its name.
        shape: Its shape.
        dtype: Its dtype's row in the table.
        line: Where the recipe names it.
        rule: The rule that takes it.
        captures: What the captures of the rule's pattern stand for in its name.
        generator: `SeedGenerator(seed).child(name)`, at its first draw.
        initializer: What makes its values; its seed is the generator, where it has one.
        mean: The expected mean; None where the initializer does not say.
        std: The expected standard deviation; None where the initializer does not say.
    """

    name: str
    shape: tuple[int, ...]
    dtype: DType
    line: int
    rule: Rule
    captures: Captures
    generator: SeedGenerator
    initializer: Initializer
    mean: float | None
    std: float | None

    @property
    def size(self) -> int:
        """The number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The bytes that the tensor takes."""
        return self.size * self.dtype.numpy.itemsize

    @property
    def tolerance(self) -> float:
        """How far values may lie from those of another machine or of a slice; 0 for equal to the bit."""
        return self.initializer.tolerance(self.dtype)

    @contextmanager
    def drawing(self) -> Iterator[LazyArray]:
        """The tensor's values, to be taken inside a `with` block; always the same ones.

        Initializers that are drawn from without a seed, inside a class of the user's own for example, draw
        from the stream of the tensor's name, too.

        Yields:
            A `LazyArray` of the tensor's shape and dtype.

        Example:
            >>> from initkit.recipe import Recipe
            >>> text = "{initkit: 1, seed: 7, tensors: {w: [2]}, rules: [{match: w, init: ones}]}"
            >>> with Recipe.from_text(text).plan().tensors[0].drawing() as values:
            ...     values[:].tolist()
            [1.0, 1.0]
        """
        # The plan's own object keeps its generator at the first draw, so that a second build is equal.
        initializer = self.initializer.clone()
        with seed_scope(self.generator.child("unseeded")):
            yield initializer.lazy(self.shape, self.dtype)

    def fill(self, array: Any) -> None:
        """Write the tensor's values into an array that exists, in the array's own dtype.

        Args:
            array: What `Initializer.fill` takes, of the tensor's shape.
        """
        with seed_scope(self.generator.child("unseeded")):
            self.initializer.clone().fill(array)


@dataclass(frozen=True, slots=True)
class PlannedTie:
    """A name under which another tensor is used once more; nothing is stored for it.

    Attributes:
        name: The name.
        target: The tensor that it is the same as.
        shape: The target's shape.
        dtype: The target's dtype.
        line: Where the recipe says so.
    """

    name: str
    target: str
    shape: tuple[int, ...]
    dtype: DType
    line: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a recipe comes to.

    Attributes:
        recipe: The recipe.
        variables: The value of every variable.
        tensors: What will be stored, in the order of the text.
        ties: The tensors that are others under a second name, in the order of the text.
    """

    recipe: ParsedRecipe
    variables: Mapping[str, Number]
    tensors: tuple[PlannedTensor, ...]
    ties: tuple[PlannedTie, ...]

    @property
    def text(self) -> str:
        """A recipe's text that says all of this by itself, which a built file carries."""
        return self.recipe.text

    @property
    def parameters(self) -> int:
        """The number of elements of all stored tensors."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def nbytes(self) -> int:
        """The bytes of all stored tensors."""
        return sum(tensor.nbytes for tensor in self.tensors)


def make_plan(recipe: ParsedRecipe) -> Plan:
    """Work a recipe out.

    Args:
        recipe: The parsed recipe.

    Returns:
        The plan. Nothing has been drawn yet, and the same recipe always gives an equal plan.

    Raises:
        RecipeError: Something in the recipe has no meaning, a tensor is matched by no rule, or a rule takes
            no tensor; the message names file and line, and all such tensors and rules at once.

    Example:
        >>> from initkit.recipe.parse import parse_recipe
        >>> text = "{initkit: 1, seed: 7, tensors: {w: [2, 3]}, rules: [{match: w, init: he_normal}]}"
        >>> plan = make_plan(parse_recipe(text))
        >>> plan.tensors[0].shape, plan.tensors[0].std, plan.parameters
        ((2, 3), 1.0, 6)
    """
    variables = evaluate_variables(recipe)
    rules = [compile_rule(recipe, rule, variables) for rule in recipe.rules]
    named, ties = name_tensors(recipe, variables)
    assigned = assign_rules(recipe, rules, named, ties)
    generator = SeedGenerator(recipe.seed)
    tensors = [_plan_tensor(tensor, found, generator) for tensor, found in zip(named, assigned, strict=True)]
    _check_names_of_parts(recipe, tensors)
    tied = [
        PlannedTie(tie.name, tie.target.name, tie.target.shape, tie.target.dtype, tie.entry.line)
        for tie in ties
    ]
    return Plan(recipe, variables, tuple(tensors), tuple(tied))


def _check_names_of_parts(recipe: ParsedRecipe, tensors: Sequence[PlannedTensor]) -> None:
    """Refuse two tensors whose parts have the same name, and so would have the same values."""
    owners: dict[str, PlannedTensor] = {}
    for tensor in tensors:
        for name in names_of_parts(tensor.initializer):
            owner = owners.setdefault(name, tensor)
            if owner is not tensor:
                wrong = (
                    f"the name {name!r} is given to parts of {owner.name!r} and of {tensor.name!r}, so their"
                )
                received = f" values would be equal. Received: names={names_of_parts(tensor.initializer)}."
                remedy = "Write captures of the pattern into the names, as in 'h.{layer}.attn.q.weight'."
                raise recipe.error_at(tensor.rule.init.line, wrong + received, remedy)


def _plan_tensor(tensor: NamedTensor, found: Assignment, generator: SeedGenerator) -> PlannedTensor:
    """Make one tensor's initializer, and have it refuse what it cannot make."""
    rule, captures = found
    own = generator.child(tensor.name)
    initializer = rule.make(tensor.name, captures, own)
    try:
        initializer.check(tensor.shape, tensor.dtype)
        moments = initializer.moments(tensor.shape, tensor.dtype)
    except InitkitError as error:
        taker = f"rule {rule.rule.number}, {rule.rule.match!r}, on line {rule.rule.line}"
        wrong = f"tensor {tensor.name!r} cannot be made by {taker}: {error}"
        raise rule.recipe.error_at(tensor.entry.line, wrong) from error
    mean, std = moments or (None, None)
    return PlannedTensor(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        line=tensor.entry.line,
        rule=rule.rule,
        captures=captures,
        generator=own,
        initializer=initializer,
        mean=mean,
        std=std,
    )
