"""What captures of names stand for: numbers where they are all digits, and texts elsewhere."""

from __future__ import annotations

from typing import Self

# Beyond it int() would be slow, and no tensor is numbered so high.
_LONGEST_NUMBER = 18


def captured_value(text: str) -> int | str:
    """The value of a capture: an int if it is all digits and of a sensible length."""
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_NUMBER):
        return text
    return PaddedNumber(text) if text[0] == "0" and len(text) > 1 else int(text)


class PaddedNumber(int):
    """A number that is written with zeros in front, as in `h.007.w`, and so again where a text has it.

    Example:
        >>> PaddedNumber("007") + 1, str(PaddedNumber("007"))
        (8, '007')
    """

    def __new__(cls, text: str) -> Self:
        """Keep the text beside the number."""
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __str__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[PaddedNumber], tuple[str]]:
        """Pickle the text."""
        return type(self), (self.text,)
