"""What a rule's `where` asks of a tensor: its shape and dtype, the layer that holds it, its tags."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from initkit.documents import PlainData
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentError, DTypeError, nearest_names
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.pattern import parse_pattern
from initkit.recipe.language.place import Place
from initkit.recipe.language.variables import evaluate, evaluate_length, read_expression
from initkit.recipe.planning.named import NamedTensor
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
    """One thing that is asked: what is wanted, in words; whether a tensor has it; what it has instead.

    Of layers and tags also the words that a tensor has.
    """

    wanted: str
    holds: Callable[[NamedTensor], bool]
    received: Callable[[NamedTensor], str]
    words: Callable[[NamedTensor], tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Predicate:
    """All that a rule's `where` asks. Made by `read_predicate`.

    Attributes:
        tests: What is asked.
    """

    tests: tuple[_Test, ...]

    def holds(self, tensor: NamedTensor) -> bool:
        """Whether a tensor is meant; its name is not asked for."""
        return all(test.holds(tensor) for test in self.tests)

    def why_not(self, tensor: NamedTensor) -> str | None:
        """What a tensor lacks, in words; None where it is meant."""
        for test in self.tests:
            if not test.holds(tensor):
                return f"{test.received(tensor)}, not {test.wanted}"
        return None

    def nearest_words(self, tensors: Sequence[NamedTensor]) -> tuple[str, ...]:
        """Words that tensors have, and that look like those that are asked for and that none of them has."""
        for test in self.tests:
            if test.words is not None and not any(map(test.holds, tensors)):
                known = {word for tensor in tensors for word in test.words(tensor)}
                return nearest_names(test.wanted, known)
        return ()


def read_predicate(
    where: Mapping[str, PlainData], variables: Mapping[str, Number], place: Place, who: str
) -> Predicate | None:
    """Read what a rule's `where` says.

    Args:
        where: Its entries, by the keys of `WHERE_KEYS`.
        variables: The value of every variable.
        place: Where it stands.
        who: The rule, for messages.

    Returns:
        The predicate; None where nothing is asked.

    Raises:
        RecipeError: An entry is of the wrong kind, or an expression in it has no value.

    Example:
        >>> from initkit.documents import read_yaml
        >>> from initkit.dtypes import resolve_dtype
        >>> place = Place(read_yaml("{}"), ())
        >>> predicate = read_predicate({"ndim": ">= 2", "shape": ["*", "d"]}, {"d": 8}, place, "rule 1")
        >>> predicate.holds(NamedTensor("w", (3, 8), resolve_dtype("float32"), place))
        True
        >>> predicate.why_not(NamedTensor("b", (8,), resolve_dtype("float32"), place))
        'its ndim is 1, not >= 2'
    """
    tests = [
        _READERS[key](key, value, variables, place.inside(key), f"`{key}` in `where` of {who}")
        for key, value in where.items()
    ]
    return Predicate(tuple(tests)) if tests else None


def _number_test(
    subject: str, value: PlainData, variables: Mapping[str, Number], place: Place, who: str
) -> _Test:
    """A number, several of them, or a comparison."""
    measure: Callable[[tuple[int, ...]], int] = len if subject == "ndim" else prod

    def received(tensor: NamedTensor) -> str:
        return f"its {subject} is {measure(tensor.shape)}"

    if isinstance(value, str) and (found := _COMPARISON.fullmatch(value)):
        compare = _COMPARISONS[found[1]]
        bound = evaluate(read_expression(found[2], place, who, variables), variables, place, who)
        return _Test(value, lambda tensor: compare(measure(tensor.shape), bound), received)
    entries = value if isinstance(value, list) and value else [value]
    numbers = [evaluate_length(as_number(entry, place, who), variables, place, who) for entry in entries]
    return _Test(" or ".join(map(str, numbers)), lambda tensor: measure(tensor.shape) in numbers, received)


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
    wanted = f"[{', '.join(map(str, entries))}]"
    return _Test(
        wanted, lambda tensor: _fits(tensor.shape, entries), lambda tensor: f"its shape is {tensor.shape}"
    )


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
    return _Test(
        " or ".join(names),
        lambda tensor: tensor.dtype.name in names,
        lambda tensor: f"its dtype is {tensor.dtype.name}",
    )


def _words_test(
    subject: str, value: PlainData, variables: Mapping[str, Number], place: Place, who: str
) -> _Test:
    """A pattern of words, or several, of which any will do: of layers' types, or of tags."""
    patterns = []
    for text in as_texts(value, place, who, _WORDS[subject].example):
        try:
            pattern = parse_pattern(text, variables)
        except ArgumentError as error:
            msg = f"{who}: {error}"
            raise place.error(msg) from error
        if pattern.captures:
            wrong = (
                f"{who} cannot capture anything. Received: {text!r}. Allowed: `*`, `?`, [...] and {{a,b}}."
            )
            raise place.error(wrong, "Write `*` for what may stand there.")
        patterns.append(pattern)
    words_of, called = _WORDS[subject].of, _WORDS[subject].called

    def received(tensor: NamedTensor) -> str:
        return f"{called} {', '.join(words_of(tensor)) or 'not given'}"

    def holds(tensor: NamedTensor) -> bool:
        return any(pattern.match(word) is not None for word in words_of(tensor) for pattern in patterns)

    return _Test(" or ".join(pattern.text for pattern in patterns), holds, received, words_of)


class _Words(NamedTuple):
    """Words that a tensor may have: which, what they are called in messages, and an example of one."""

    of: Callable[[NamedTensor], tuple[str, ...]]
    called: str
    example: str


_WORDS = {
    "layer": _Words(lambda tensor: tensor.layers[-1:], "its layer is", "LayerNorm"),
    "inside": _Words(lambda tensor: tensor.layers[:-1], "the layers around its own are", "Attention"),
    "tag": _Words(lambda tensor: tensor.tags, "its tags are", "no_decay"),
}
_READERS = {
    "ndim": _number_test,
    "shape": _shape_test,
    "dtype": _dtype_test,
    "size": _number_test,
    **dict.fromkeys(_WORDS, _words_test),
}
