"""Wrong calls: each raises what the table says, in words that teach.

Every message says in this order what was wrong, what came, what is allowed and what to do; that is tested for
all of them together.
"""

from __future__ import annotations

import re

import pytest

from initkit.errors import InitkitError
from tests.wrong_calls import STRUCTURED, WRONG, Wrong


@pytest.mark.parametrize("wrong", WRONG, ids=range(len(WRONG)))
def test_wrong_call(wrong: Wrong) -> None:
    """The call raises exactly this type, and says what was wrong and what came."""
    with pytest.raises(wrong.error, match=wrong.pattern) as caught:
        wrong.call()
    assert type(caught.value) is wrong.error
    assert isinstance(caught.value, InitkitError)


@pytest.mark.parametrize("wrong", STRUCTURED, ids=range(len(STRUCTURED)))
def test_messages_teach(wrong: Wrong) -> None:
    """What was wrong stands before what came, that before what is allowed, and sentences are whole."""
    with pytest.raises(InitkitError) as caught:
        wrong.call()
    message = str(caught.value)
    wrong_sentence, received, rest = message.partition(" Received: ")
    if message.startswith("Invalid `"):
        # Keras' words: what came stands right behind.
        assert "Please use one of" in message
    elif not re.search(r"\b(must be|should be|makes)\b", wrong_sentence):
        assert received, message
        assert "Allowed" in rest, message
    assert message.rstrip("'\"`)")[-1] in ".?", message
    assert message.count(". ") >= 1, message
    assert len(message) < 1000, message


def test_table_is_large() -> None:
    """The table holds what it promises."""
    assert len(WRONG) >= 150
