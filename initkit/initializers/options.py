"""Checks of arguments that name one of a few options."""

from __future__ import annotations

from collections.abc import Sequence

from initkit.errors import ArgumentError, ArgumentTypeError, did_you_mean, nearest_names


def option_argument(value: object, name: str, allowed: Sequence[str]) -> str:
    """Check an argument that names one of a few options.

    Args:
        value: What was given.
        name: The argument's name, for the message.
        allowed: The options, the default first.

    Returns:
        The option.

    Raises:
        ArgumentTypeError: It is no text.
        ArgumentError: There is no such option.

    Example:
        >>> option_argument("inv", "variant", ("lin", "inv", "real"))
        'inv'
    """
    options = ", ".join(map(repr, allowed))
    if not isinstance(value, str):
        message = f"Argument `{name}` must be a text. Received: {name}={value!r:.100} of type"
        message += f" {type(value).__name__}. Allowed: {options}. Write, for example, {name}={allowed[0]!r}."
        raise ArgumentTypeError(message)
    if value not in allowed:
        message = f"Argument `{name}` names no option. Received: {name}={value!r:.100}. Allowed: {options}."
        message += f" Choose one of these.{did_you_mean(nearest_names(value, allowed))}"
        raise ArgumentError(message)
    return value
