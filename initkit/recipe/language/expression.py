"""Expressions in recipes: a small language of arithmetic, read and computed here, never by Python.

| | |
|---|---|
| numbers | `12`, `0.02`, `.5`, `1e-3` |
| constants | `pi`, `inf` |
| names | variables and captures: letters, digits and `_`, not a digit first |
| the tensor | `ndim`, `size`, `shape[0]`, `shape[-1]`, `fan_in`, `fan_out`, in the arguments of a rule |
| operators | weakest first: `+ -`, then `* / // %`, then the minus sign, then `**` (from the right) |
| functions | `sqrt log exp abs floor ceil` of one value, `min max` of two or more |

It means what Python means by it, with these differences. Integers have at most 512 bits. `//` and `%` take
integers only. What would not be a finite number is an error, unless `inf` itself went in. Powers, logarithms
and exponentials are not the platform's, so that a recipe gives the same numbers on every machine; a power
with a whole exponent is computed from integers and rounded once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple, NoReturn, TypeAlias

from initkit.errors import ArgumentError, ArgumentTypeError, UnknownNameError, did_you_mean, nearest_names
from initkit.recipe.language.arithmetic import CONSTANTS, FUNCTIONS, Number, apply, checked
from initkit.recipe.language.excerpt import excerpt, fail_at

# Bounds on hostile text. What is within them has a canonical text that is within them, too.
_LONGEST_TEXT = 65_536
_LONGEST_TOKEN = 160
_MOST_TOKENS = 200

TENSOR_NAMES = ("ndim", "size", "shape", "fan_in", "fan_out")
"""What expressions in a rule know of the tensor; a length is named by its axis, as in `shape[0]`."""

RESERVED_NAMES = frozenset(FUNCTIONS) | frozenset(CONSTANTS) | frozenset(TENSOR_NAMES)
"""Names that have a meaning of their own, and so cannot be given to a variable or a capture."""

_TOKEN = re.compile(
    r"""\s*+(?:
        (?P<number>(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][-+]?[0-9]++)?(?![0-9A-Za-z_.]))
      | (?P<call>[A-Za-z_][A-Za-z0-9_]*+)\s*+\(
      | (?P<name>shape\[\s*-?[0-9]{1,3}\s*\]|[A-Za-z_][A-Za-z0-9_]*+)
      | (?P<symbol>\*\*|//|[-+*/%(),])
      | (?P<end>\Z)
      | (?P<bad>[0-9.][0-9A-Za-z_.]*+|.)
    )""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "negate": 3, "**": 4}
_ATOM = 5


class _Token(NamedTuple):
    """A number, a name or a symbol, and where it stands."""

    kind: str
    text: str
    column: int


class _Load(NamedTuple):
    """A step that pushes the value of a name."""

    name: str
    column: int


class _Apply(NamedTuple):
    """A step that replaces the topmost values by the result of an operator or a function."""

    name: str
    arity: int
    column: int


_Step: TypeAlias = Number | _Load | _Apply


@dataclass(frozen=True)
class Expression:
    """Arithmetic that has been read and waits for the values of its names. Made by `parse_expression`.

    Two expressions are equal if they differ only in spaces, needless parentheses and spellings of numbers.

    Args:
        text: The canonical text; `parse_expression` makes an equal expression of it.
        names: The names whose values `evaluate` needs.
        source: The text as it was written, for messages.
        steps: The computation, in the order of a stack machine.
    """

    text: str
    names: frozenset[str] = field(compare=False)
    source: str = field(compare=False)
    steps: tuple[_Step, ...] = field(compare=False)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"parse_expression({self.text!r})"

    def evaluate(self, names: Mapping[str, Number]) -> Number:
        """Compute the value.

        Args:
            names: The values of variables and captures; more than are needed are allowed.

        Returns:
            An int where operations that keep integers (all but `/`, `sqrt`, `log`, `exp`, negative powers)
            met only integers, else a float; never NaN, infinite only if `inf` or an infinite value went in.

        Raises:
            UnknownNameError: If `names` lacks a name.
            ArgumentError: If the value of a name is not a number, or a part of the expression has no value.

        Example:
            >>> parse_expression("0.02 / sqrt(2 * n_layer)").evaluate({"n_layer": 8})
            0.005
        """
        stack: list[Number] = []
        for step in self.steps:
            if isinstance(step, _Load):
                stack.append(self._value_of(step, names))
            elif isinstance(step, _Apply):
                first = len(stack) - step.arity
                try:
                    stack[first:] = [apply(step.name, stack[first:])]
                except ArgumentError as error:
                    fail_at(str(error), self.source, step.column)
            else:
                stack.append(step)
        return stack[0]

    def _value_of(self, load: _Load, names: Mapping[str, Number]) -> Number:
        """The value of a constant, a variable or a capture."""
        if load.name in CONSTANTS:
            return CONSTANTS[load.name]
        if load.name not in names:
            suggestions = nearest_names(load.name, [*names, *RESERVED_NAMES])
            known = ", ".join(sorted(names)[:20]) or "none"
            message = f"The name {load.name!r} is not known here. Variables and captures: {known}."
            message += f"{did_you_mean(suggestions)}\n{excerpt(self.source, load.column)}"
            raise UnknownNameError(message, load.name, suggestions)
        value = names[load.name]
        if type(value) not in (int, float) or value != value:
            message = f"{load.name!r} is not a number. Received: {value!r}. Allowed: int and float."
            fail_at(message, self.source, load.column)
        return value


def parse_expression(text: str) -> Expression:
    """Read an expression.

    Args:
        text: As the language of this module describes; at most 200 numbers, names and symbols.

    Returns:
        The expression, ready to be evaluated.

    Raises:
        UnknownNameError: If a function is not known.
        ArgumentError: On anything else that is not an expression; the message points at the place.
        ArgumentTypeError: If `text` is not a string.

    Example:
        >>> expression = parse_expression("d//n_head*(n_head)")
        >>> print(expression, sorted(expression.names))
        d // n_head * n_head ['d', 'n_head']
        >>> expression.evaluate({"d": 768, "n_head": 12})
        768
    """
    if not isinstance(text, str):
        message = f"An expression must be text. Received: {text!r}, a {type(text).__name__}. Allowed: str."
        raise ArgumentTypeError(message)
    if len(text) > _LONGEST_TEXT:
        message = f"The expression is too long: {len(text)} characters. Allowed: {_LONGEST_TEXT}."
        raise ArgumentError(message)
    return _parsed(text)


@lru_cache(maxsize=1024)
def _parsed(text: str) -> Expression:
    # A recipe that lists its tensors one by one has the same few expressions many times.
    steps = _Compiler(text).steps()
    names = frozenset(step.name for step in steps if isinstance(step, _Load)) - CONSTANTS.keys()
    return Expression(_canonical(steps), names, text, steps)


class _Pending(NamedTuple):
    """An operator that waits for its right operand, or an open parenthesis, of a function or alone."""

    name: str
    precedence: int
    column: int
    commas: int = 0


class _Compiler:
    """Orders the steps by precedence, without recursion: operators wait on a stack for their operands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps: list[_Step] = []
        self._pending: list[_Pending] = []

    def steps(self) -> tuple[_Step, ...]:
        """The steps of the whole text."""
        wants_operand = True
        for token in self._tokens():
            wants_operand = self._operand(token) if wants_operand else self._operator(token)
        return tuple(self._steps)

    def _tokens(self) -> Iterator[_Token]:
        """The tokens, ending with one of kind `end`."""
        for count, match in enumerate(_TOKEN.finditer(self._text)):
            kind = str(match.lastgroup)
            token = _Token(kind, match[kind], match.start(kind))
            if (count == _MOST_TOKENS and kind != "end") or len(token.text) > _LONGEST_TOKEN:
                message = f"The expression is too long. Allowed: {_MOST_TOKENS} numbers, names and symbols,"
                self._fail(f"{message} each of at most {_LONGEST_TOKEN} characters.", token)
            yield token
            if kind == "end":
                return

    def _operand(self, token: _Token) -> bool:
        """Take a token where an operand has to begin; returns whether it still has to."""
        if token.kind == "number":
            self._steps.append(self._number(token))
            return False
        if token.kind == "name":
            if token.text in FUNCTIONS:
                self._fail(f"The function {token.text} has no argument. Write {token.text}(…).", token)
            self._steps.append(_Load("".join(token.text.split()), token.column))
            return False
        if token.kind == "call":
            if token.text not in FUNCTIONS:
                self._fail_function(token)
            self._pending.append(_Pending(token.text, 0, token.column))
        elif token.text == "(":
            self._pending.append(_Pending("(", 0, token.column))
        elif token.text == "-":
            self._pending.append(_Pending("negate", _PRECEDENCE["negate"], token.column))
        else:
            self._fail_misplaced("A number, a name or an opening parenthesis is missing", token)
        return True

    def _operator(self, token: _Token) -> bool:
        """Take a token where an operand has just ended; returns whether another has to follow."""
        if token.text in _PRECEDENCE:
            precedence = _PRECEDENCE[token.text]
            # Equal operators are taken from the left, but powers from the right.
            self._reduce(precedence + (token.text == "**"))
            self._pending.append(_Pending(token.text, precedence, token.column))
            return True
        if token.text not in (")", ",") and token.kind != "end":
            self._fail_misplaced("An operator is missing", token)
        self._reduce(1)
        opened = self._pending.pop() if self._pending else None
        if token.kind == "end":
            if opened:
                self._fail(
                    "A parenthesis is not closed. Add a ')'. Where a comma follows in braces of YAML, put the"
                    " whole expression in quotes.",
                    opened,
                )
        elif opened is None or (token.text == "," and opened.name == "("):
            self._fail(f"There is no function or parenthesis for this {token.text!r}. Remove it.", token)
        elif token.text == ",":
            self._pending.append(opened._replace(commas=opened.commas + 1))
            return True
        elif opened.name != "(":
            self._call(opened)
        return False

    def _reduce(self, precedence: int) -> None:
        """Apply the waiting operators that bind at least so strongly; parentheses bind with 0."""
        while self._pending and self._pending[-1].precedence >= precedence:
            name, _, column, _ = self._pending.pop()
            self._steps.append(_Apply(name, 1 if name == "negate" else 2, column))

    def _call(self, opened: _Pending) -> None:
        """Apply a function whose parenthesis has been closed."""
        _, fewest, most = FUNCTIONS[opened.name]
        count = opened.commas + 1
        if count < fewest or (most is not None and count > most):
            allowed = f"{fewest}" if most == fewest else f"{fewest} or more"
            self._fail(f"{opened.name} has {count} argument(s). Allowed: {allowed}.", opened)
        self._steps.append(_Apply(opened.name, count, opened.column))

    def _number(self, token: _Token) -> Number:
        """The value of a literal."""
        try:
            value = int(token.text) if token.text.isdigit() else float(token.text)
            return checked(value, may_be_infinite=False)
        except ArgumentError as error:
            self._fail(str(error).replace("result", "number"), token)

    def _fail_function(self, token: _Token) -> NoReturn:
        suggestions = nearest_names(token.text, FUNCTIONS)
        message = f"There is no function {token.text!r}. Allowed: {', '.join(FUNCTIONS)}."
        message += f"{did_you_mean(suggestions)}\n{excerpt(self._text, token.column)}"
        raise UnknownNameError(message, token.text, suggestions)

    def _fail_misplaced(self, missing: str, token: _Token) -> NoReturn:
        """Complain about a token that cannot stand here, or nowhere."""
        if token.kind == "bad":
            kind = "number" if len(token.text) > 1 or token.text in "0123456789" else "character"
            advice = {"^": " Powers are written with **."}.get(token.text, "")
            if kind == "number":
                advice = " Numbers look like 12, 0.5 or 1e-3; between a number and a name stands an operator."
            self._fail(f"The {kind} {token.text!r} is not part of the language.{advice}", token)
        here = f"before {token.text!r}" if token.text else "at the end"
        self._fail(f"{missing} {here}.", token)

    def _fail(self, message: str, place: _Token | _Pending) -> NoReturn:
        fail_at(message, self._text, place.column)


def _canonical(steps: tuple[_Step, ...]) -> str:
    """The text with single spaces, and with those parentheses that are needed."""
    stack: list[tuple[str, int]] = []
    for step in steps:
        if isinstance(step, _Load):
            stack.append((step.name, _ATOM))
        elif not isinstance(step, _Apply):
            stack.append((repr(step), _ATOM))
        else:
            first = len(stack) - step.arity
            stack[first:] = [_canonical_part(step.name, stack[first:])]
    return stack[0][0]


def _canonical_part(name: str, operands: list[tuple[str, int]]) -> tuple[str, int]:
    """The text of one operation, and how strongly it binds."""
    if name in FUNCTIONS:
        return f"{name}({', '.join(text for text, _ in operands)})", _ATOM
    precedence = _PRECEDENCE[name]
    if name == "negate":
        return f"-{_enclosed(*operands[0], precedence)}", precedence
    # After ** a minus needs no parentheses, before it any operator does.
    needs = (_ATOM, _PRECEDENCE["negate"]) if name == "**" else (precedence, precedence + 1)
    left, right = (_enclosed(*operand, need) for operand, need in zip(operands, needs, strict=True))
    return f"{left} {name} {right}", precedence


def _enclosed(text: str, precedence: int, needed: int) -> str:
    """An operand, in parentheses if it binds too weakly to stand alone."""
    return text if precedence >= needed else f"({text})"
