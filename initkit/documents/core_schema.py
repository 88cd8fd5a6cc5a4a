"""What an unquoted YAML scalar means: the YAML 1.2 core schema."""

from __future__ import annotations

import re

from initkit.documents.document import PlainData, decimal_float

_WORDS: dict[str, PlainData] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **{sign + word: float(sign + "inf") for sign in ("", "+", "-") for word in (".inf", ".Inf", ".INF")},
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_BEGIN_NUMBERS = frozenset("-+.0123456789")
_DECIMAL = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")


def resolve_plain(text: str) -> PlainData:
    """The value of an unquoted scalar in the YAML 1.2 core schema.

    Args:
        text: The scalar.

    Returns:
        None, a bool, an int, a float, or `text` itself.

    Raises:
        OverflowError: If it is a float that would become infinite, other than 1e999, JSON's infinity.
        ValueError: If it is an integer of more digits than Python converts.

    Example:
        >>> [resolve_plain(text) for text in ("012", "1e-3", "yes", "~", "1_000")]
        [12, 0.001, 'yes', None, '1_000']

    Reference:
        YAML 1.2.2, section 10.3, https://yaml.org/spec/1.2.2/#103-core-schema
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _BEGIN_NUMBERS:
        return text
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    return decimal_float(text) if _FLOAT.fullmatch(text) else text
