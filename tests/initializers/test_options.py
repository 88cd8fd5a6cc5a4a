"""Arguments that name one of a few options."""

from __future__ import annotations

import pytest

from initkit.errors import ArgumentError, ArgumentTypeError
from initkit.initializers.options import option_argument


def test_options_come_back() -> None:
    """Every option is allowed, to the letter."""
    for option in ("lin", "inv"):
        assert option_argument(option, "variant", ("lin", "inv")) == option


def test_others_are_refused() -> None:
    """The message has the argument, what came, all options and the nearest one."""
    with pytest.raises(
        ArgumentError,
        match=r"`variant` names no option. Received: variant='line'. Allowed: 'lin', 'inv'. .*mean 'lin'",
    ):
        option_argument("line", "variant", ("lin", "inv"))
    with pytest.raises(ArgumentError, match="names no option"):
        option_argument("LIN", "variant", ("lin", "inv"))
    for wrong in (None, 1, ["lin"]):
        with pytest.raises(ArgumentTypeError, match=r"must be a text. Received: .* Write, .*variant='lin'"):
            option_argument(wrong, "variant", ("lin", "inv"))
