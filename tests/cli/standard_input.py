"""Standard input as a test would have it."""

from __future__ import annotations

import io
import sys

import pytest


def feed(monkeypatch: pytest.MonkeyPatch, data: str | bytes | None) -> None:
    """Let standard input have these bytes, or the UTF-8 of this text; None closes it."""
    raw = data.encode() if isinstance(data, str) else data
    monkeypatch.setattr(sys, "stdin", None if raw is None else io.TextIOWrapper(io.BytesIO(raw)))
