"""Messages about expressions and patterns end with the text itself and a caret below the place."""

from __future__ import annotations

import re
from typing import NoReturn

from initkit.errors import ArgumentError


def excerpt(source: str, column: int) -> str:
    """Show the part of a text around a column, with a caret below that column.

    Args:
        source: The text.
        column: A position in it, counted from 0; the end is allowed.

    Returns:
        Two lines: at most 80 characters of the text, its line breaks shown as spaces, and the caret.

    Example:
        >>> print(excerpt("2 * (1 + 3", 4))
            2 * (1 + 3
                ^ column 5
    """
    first = max(0, column - 50)
    shown = re.sub(r"\s", " ", source[first : column + 30])
    return f"    {shown}\n    {' ' * (column - first)}^ column {column + 1}"


def fail_at(message: str, source: str, column: int) -> NoReturn:
    """Raise an error that points into a text.

    Args:
        message: What is wrong.
        source: The text.
        column: A position in it, counted from 0.

    Raises:
        ArgumentError: Always.
    """
    message = f"{message}\n{excerpt(source, column)}"
    raise ArgumentError(message)
