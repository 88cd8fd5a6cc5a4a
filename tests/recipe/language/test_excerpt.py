"""Where the caret stands."""

import pytest

from initkit.errors import ArgumentError
from initkit.recipe.language.excerpt import excerpt, fail_at


@pytest.mark.parametrize("column", [0, 1, 49, 50, 51, 130, 199])
def test_caret_is_below_the_character(column: int) -> None:
    """The caret stands below the character at the column, however long the text is."""
    source = "".join(chr(0x4E00 + i) for i in range(200))
    shown, caret = excerpt(source, column).split("\n")
    assert shown[caret.index("^")] == source[column]
    assert caret.endswith(f"^ column {column + 1}")
    assert len(shown) <= 84


def test_line_breaks_and_tabs_take_one_column() -> None:
    """The text is shown on one line, each character in one column."""
    assert excerpt("a\n\tb", 3) == "    a  b\n       ^ column 4"


def test_the_end_has_a_column() -> None:
    """The caret may stand behind the text, where something is missing."""
    assert excerpt("1 +", 3) == "    1 +\n       ^ column 4"


def test_fail_at() -> None:
    """The message comes first, the excerpt after it."""
    with pytest.raises(ArgumentError) as caught:
        fail_at("Wrong.", "1 ? 2", 2)
    assert str(caught.value) == "Wrong.\n    1 ? 2\n      ^ column 3"
