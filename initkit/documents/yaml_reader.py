"""Reading YAML text."""

from __future__ import annotations

import re
from functools import cache

from initkit.documents.document import DEFAULT_LIMITS, Document, Limits, Place, open_source
from initkit.errors import ConfigError

# Not printable in YAML 1.2; or (the second set) line breaks to YAML 1.1 parsers and text to 1.2.
_UNREADABLE = re.compile("[^\t\n\r -~\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029\ufeff]")


def read_yaml(
    text: str,
    *,
    file: str = "<string>",
    limits: Limits = DEFAULT_LIMITS,
    error: type[ConfigError] = ConfigError,
) -> Document:
    """Read one YAML document into plain data.

    Scalars follow the YAML 1.2 core schema: `true` and `false` are the only booleans; `12`, `0x1F` and `0o17`
    are integers; `1.5`, `1e-3`, `.inf` and `.nan` are floats; `null`, `~` and nothing are None; all else is a
    string.

    Args:
        text: The text; a byte order mark in front is ignored. Empty text is None.
        file: Its name in messages.
        limits: Bounds on length, depth and number of values.
        error: The class of exception to raise.

    Returns:
        The data and its lines. An alias becomes a copy of what it stands for.

    Raises:
        ConfigError: On a syntax error, a key that comes twice or is not a string, a merge key, a tag outside
            the core schema, a second document, a number that no float64 can hold, or a bound exceeded.
        ArgumentTypeError: If `text` is not a string.

    Example:
        >>> read_yaml("{scale: 1e-3, mode: no, shape: [012, 0x10]}").data
        {'scale': 0.001, 'mode': 'no', 'shape': [12, 16]}

    Reference:
        YAML 1.2.2, section 10.3, https://yaml.org/spec/1.2.2/#103-core-schema
    """
    # Imported here because PyYAML takes 14 ms to import.
    from initkit.documents.yaml_composer import compose

    source = open_source(text, file, limits, error)
    # All that Python calls printable YAML does as well, and a usual text has but line feeds beside it.
    printable = source.text.replace("\n", "").isprintable()
    if not printable and (strange := _UNREADABLE.search(source.text)):
        source.fail(
            f"the character U+{ord(strange.group()):04X} cannot stand in YAML as it is. "
            f"Remove it, or write it as an escape in double quotes: {ascii(strange.group())[1:-1]}.",
            source.line_at(strange.start()),
        )

    @cache
    def find_places() -> Place:
        from initkit.documents.yaml_places import places

        return places(source.text)

    return Document(compose(source), file, error, find_places)
