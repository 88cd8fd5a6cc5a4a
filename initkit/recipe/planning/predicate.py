"""What a rule's `where` asks of a tensor: its number of axes, shape, dtype and size."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from initkit.documents import PlainData
from initkit.dtypes import resolve_dtype
from initkit.errors import DTypeError
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import evaluate, evaluate_length, read_expression
from initkit.recipe.text.reading import as_number, as_texts, shown

_COMPARISONS: dict[str, Callable[[Number, Number], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(rf"\s*({'|'.join(_COMPARISONS)})(.*)", re.DOTALL)
_ANY_LENGTH, _ANY_LENGTHS = "*", "..."


@dataclass(frozen=True, slots=True)
class _Test:
    """One thing that is asked: of what, in which words, and the answer for a shape and a dtype's name."""

    subject: str
    words: str
    holds: Callable[[tuple[int, ...], str], bool]


@dataclass(frozen=True, slots=True)
class Predicate:
    """All that a rule's `where` asks. Made by `read_predicate`.

    Attributes:
        tests: What is asked.
    """

    tests: tuple[_Test, ...]

    def holds(self, shape: tuple[int, ...], dtype: str) -> bool:
        """Whether a tensor of that shape and dtype is meant."""
        return all(test.holds(shape, dtype) for test in self.tests)

    def why_not(self, shape: tuple[int, ...], dtype: str) -> str | None:
        """What a tensor of that shape and dtype lacks, in words; None where it is meant."""
        received = {"ndim": len(shape), "shape": shape, "dtype": dtype, "size": prod(shape)}
        for test in self.tests:
            if not test.holds(shape, dtype):
                return f"its {test.subject} is {received[test.subject]}, not {test.words}"
        return None


def read_predicate(
    where: Mapping[str, PlainData], variables: Mapping[str, Number], place: Place, who: str
) -> Predicate | None:
    """Read what a rule's `where` says.

    Args:
        where: Its entries, by `ndim`, `shape`, `dtype` and `size`.
        variables: The value of every variable.
        place: Where it stands.
        who: The rule, for messages.

    Returns:
        The predicate; None where nothing is asked.

    Raises:
        RecipeError: An entry is of the wrong kind, or an expression in it has no value.

    Example:
        >>> from initkit.documents import read_yaml
        >>> place = Place(read_yaml("{}"), ())
        >>> predicate = read_predicate({"ndim": ">= 2", "shape": ["*", "d"]}, {"d": 8}, place, "rule 1")
        >>> predicate.holds((3, 8), "float32"), predicate.why_not((8,), "float32")
        (True, 'its ndim is 1, not >= 2')
    """
    readers = {"ndim": _number_test, "size": _number_test, "shape": _shape_test, "dtype": _dtype_test}
    tests = [
        readers[key](key, value, variables, place.inside(key), f"`{key}` in `where` of {who}")
        for key, value in where.items()
    ]
    return Predicate(tuple(tests)) if tests else None


def _number_test(
    subject: str, value: PlainData, variables: Mapping[str, Number], place: Place, who: str
) -> _Test:
    """A number, several of them, or a comparison."""
    measure: Callable[[tuple[int, ...]], int] = len if subject == "ndim" else prod
    if isinstance(value, str) and (found := _COMPARISON.fullmatch(value)):
        compare = _COMPARISONS[found[1]]
        bound = evaluate(read_expression(found[2], place, who, variables), variables, place, who)
        return _Test(subject, value, lambda shape, dtype: compare(measure(shape), bound))
    entries = value if isinstance(value, list) and value else [value]
    numbers = [evaluate_length(as_number(entry, place, who), variables, place, who) for entry in entries]
    words = " or ".join(map(str, numbers))
    return _Test(subject, words, lambda shape, dtype: measure(shape) in numbers)


def _shape_test(
    subject: str, value: PlainData, variables: Mapping[str, Number], place: Place, who: str
) -> _Test:
    """A list of lengths, in which `*` stands for any one, and `...` for any number of them."""
    if not isinstance(value, list):
        wrong = f"{who} must be a list. Received: {shown(value)}."
        raise place.error(wrong, 'Write, for example, ["*", d], or ["...", d] for any number of axes before.')
    if value.count(_ANY_LENGTHS) > 1:
        msg = f'{who} has "..." more than once. Allowed: once. Remove the others.'
        raise place.error(msg)
    entries: list[int | str] = []
    for at, entry in enumerate(value):
        if entry in (_ANY_LENGTH, _ANY_LENGTHS):
            entries.append(str(entry))
        else:
            number = as_number(entry, place.inside(at), f"every length in {who}")
            entries.append(evaluate_length(number, variables, place, who))
    return _Test(subject, f"[{', '.join(map(str, entries))}]", lambda shape, dtype: _fits(shape, entries))


def _fits(shape: tuple[int, ...], entries: list[int | str]) -> bool:
    if _ANY_LENGTHS in entries:
        at = entries.index(_ANY_LENGTHS)
        last = len(entries) - at - 1
        if len(shape) < at + last:
            return False
        shape = (*shape[:at], *shape[len(shape) - last :])
        entries = [*entries[:at], *entries[at + 1 :]]
    return len(shape) == len(entries) and all(
        entry in (_ANY_LENGTH, length) for entry, length in zip(entries, shape, strict=True)
    )


def _dtype_test(
    subject: str, value: PlainData, variables: Mapping[str, Number], place: Place, who: str
) -> _Test:
    """A dtype, or several of them."""
    names = []
    for name in as_texts(value, place, who, "float32"):
        try:
            names.append(resolve_dtype(name).name)
        except DTypeError as error:
            msg = f"{who}: {error}"
            raise place.error(msg) from error
    return _Test(subject, " or ".join(names), lambda shape, dtype: dtype in names)
