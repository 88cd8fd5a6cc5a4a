"""Rules made ready: which tensors each takes, and what it does with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from initkit.dtypes import DType, resolve_dtype
from initkit.errors import ArgumentError, DTypeError
from initkit.io.safetensors import DTYPE_NAMES
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.expression import RESERVED_NAMES
from initkit.recipe.language.pattern import Pattern, parse_pattern
from initkit.recipe.language.place import Place
from initkit.recipe.language.regex import Regex, parse_regex
from initkit.recipe.planning.arguments import Captures, Template, read_text
from initkit.recipe.planning.inheritance import checked_layout
from initkit.recipe.planning.making import InitializerMaker
from initkit.recipe.planning.named import NamedTensor
from initkit.recipe.planning.predicate import Predicate, read_predicate
from initkit.recipe.text.specs import Rule

NamePattern: TypeAlias = Pattern | Regex


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule that has been read. Made by `compile_rule`.

    Attributes:
        rule: The rule as it was written.
        pattern: Which names it takes.
        predicate: Which shapes, dtypes and so on, or None for all.
        maker: What makes the initializers, or None.
        dtype: The dtype that its tensors get, or None for their own.
        tie: The tensor that its tensors are the same as, or None.
        fans_of: The tensor whose fans its expressions ask about, or None for the tensor's own.
        seed_path: The names by which values are drawn, or None for the tensor's own.
        copy_file: The file that values come from, or None.
        copy_name: Their name in it, or None for the tensor's own.
    """

    rule: Rule
    pattern: NamePattern
    predicate: Predicate | None
    maker: InitializerMaker | None
    dtype: DType | None
    tie: Template | None
    fans_of: Template | None
    seed_path: tuple[Template, ...] | None
    copy_file: Template | None
    copy_name: Template | None

    @property
    def who(self) -> str:
        """The rule, as messages name it."""
        rule = self.rule
        pattern = f"regex {rule.match!r}" if rule.is_regex else repr(rule.match)
        return f"rule {rule.number}, {pattern}{' with `where`' if rule.where else ''},"

    def match(self, tensor: NamedTensor) -> Captures | None:
        """What the captures stand for, or None if the tensor is not meant.

        Args:
            tensor: The tensor, before a rule gives it another dtype.

        Returns:
            A value for every capture.
        """
        captures = self.pattern.match(tensor.name)
        if captures is None or self.predicate is None or self.predicate.holds(tensor):
            return captures
        return None

    def why_not(self, tensor: NamedTensor) -> str | None:
        """Why a tensor is not meant, in words; None where it is.

        Args:
            tensor: The tensor, before a rule gives it another dtype.

        Returns:
            Words such as `"the name does not match"`.
        """
        if self.pattern.match(tensor.name) is None:
            return "the name does not match"
        return None if self.predicate is None else self.predicate.why_not(tensor)

    def nearest_words(self, tensors: Sequence[NamedTensor]) -> tuple[str, ...]:
        """The types of layers and the tags of tensors that are most like those that none of them has.

        Args:
            tensors: Tensors whose names match.

        Returns:
            At most three; none where all that is asked for is there.
        """
        return () if self.predicate is None else self.predicate.nearest_words(tensors)


def compile_rule(rule: Rule, variables: Mapping[str, Number], layout: str | None) -> CompiledRule:
    """Read a rule's pattern, find its class, and read its arguments' expressions.

    Args:
        rule: One of a recipe's rules.
        variables: The value of every variable.
        layout: How initializers read shapes if the rule does not say so, or None.

    Returns:
        The rule, ready to take tensors.

    Raises:
        RecipeError: The pattern is none, no initializer has the name, an argument is unknown, an expression
            is none, or a capture has the name of a variable.
    """
    pattern = _read_pattern(rule, variables)
    captures = tuple(pattern.captures)
    who = f"rule {rule.number}"

    def text(value: str | None, what: str) -> Template | None:
        return None if value is None else read_text(value, rule.place, f"`{what}` of {who}", captures)

    if rule.layout is not None:
        checked_layout(rule.layout, rule.place.inside("layout"), f"`layout` of {who}")
    seed_path = None
    if rule.seed_path is not None:
        at = rule.place.inside("seed_path")
        seed_path = tuple(read_text(name, at, f"`seed_path` of {who}", captures) for name in rule.seed_path)
    maker = None
    if rule.init is not None:
        maker = InitializerMaker.read(rule, rule.init, captures, variables, layout)
    return CompiledRule(
        rule=rule,
        pattern=pattern,
        predicate=read_predicate(rule.where, variables, rule.place.inside("where"), who),
        maker=maker,
        dtype=None if rule.dtype is None else stored_dtype(rule.dtype, rule.place.inside("dtype"), who),
        tie=text(rule.tie, "tie"),
        fans_of=text(rule.fans_of, "fans_of"),
        seed_path=seed_path,
        copy_file=None if rule.copy is None else text(rule.copy.file, "copy"),
        copy_name=None if rule.copy is None else text(rule.copy.name, "copy"),
    )


def stored_dtype(name: str, place: Place, who: str) -> DType:
    """The dtype of a name that a safetensors file can hold.

    Args:
        name: A dtype's name.
        place: Where it stands.
        who: Whose dtype it is, for messages.

    Returns:
        Its row in the table.

    Raises:
        RecipeError: There is none, or it cannot be stored.
    """
    try:
        dtype = resolve_dtype(name)
    except DTypeError as error:
        msg = f"{who}: {error}"
        raise place.error(msg) from error
    if dtype.name not in DTYPE_NAMES:
        wrong = f"{who} cannot be stored in a safetensors file. Received: {name!r}."
        raise place.error(wrong, f"Allowed: {', '.join(DTYPE_NAMES)}. Choose one of these.")
    return dtype


def _read_pattern(rule: Rule, variables: Mapping[str, Number]) -> NamePattern:
    try:
        pattern = parse_regex(rule.match) if rule.is_regex else parse_pattern(rule.match, variables)
    except ArgumentError as error:
        msg = f"the pattern of rule {rule.number}: {error}"
        raise rule.place.error(msg) from error
    for name in pattern.captures:
        if name in variables or name in RESERVED_NAMES:
            kind = "a variable" if name in variables else "something else in expressions"
            wrong = f"the capture {{{name}}} of rule {rule.number} has the name of {kind}."
            raise rule.place.error(wrong, "Expressions could mean either; rename the capture.")
    return pattern
