"""What this installation of initkit runs on."""

from __future__ import annotations

import platform
import sys
from typing import Any, Literal, overload

import numpy as np

from initkit.backends import BACKENDS, check_backend
from initkit.backends.cupy_library import describe
from initkit.draws import STREAM_VERSION
from initkit.errors import ArgumentError, BackendError
from initkit.kernels.loader import engine, thread_count
from initkit.version import __version__


@overload
def show_config(mode: Literal["stdout"] = "stdout") -> None: ...
@overload
def show_config(mode: Literal["dict"]) -> dict[str, Any]: ...
def show_config(mode: str = "stdout") -> dict[str, Any] | None:
    """Tell which kernels, threads and array libraries are in use here, and why.

    Args:
        mode: `"stdout"` prints (default), `"dict"` returns the same facts for programs.

    Returns:
        None, or a dict with the keys `initkit`, `stream`, `python`, `platform`, `numpy`, `kernels`
        (`instruction_set`, `library`, `reason`), `threads` and `backends` (each backend's name, and
        "available" or why it is not).

    Raises:
        ArgumentError: `mode` is neither.
        BackendError: INITKIT_SIMD or INITKIT_NUM_THREADS, environment variables, ask for what cannot be had.

    Example:
        >>> show_config("dict")["stream"]
        1
    """
    if mode not in ("stdout", "dict"):
        message = f"Argument `mode` says how to report. Received: {mode!r:.100}. Allowed: 'stdout', 'dict'."
        message += " Leave it out to print."
        raise ArgumentError(message)
    facts = _facts()
    if mode == "dict":
        return facts
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, entry in value.items():
                print(f"  {key + ':':<17}{entry}")
        else:
            print(f"{name + ':':<19}{value}")
    return None


def _facts() -> dict[str, Any]:
    running = engine()
    return {
        "initkit": __version__,
        "stream": STREAM_VERSION,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{sys.platform} {platform.machine()}",
        "numpy": np.__version__,
        "kernels": {
            "instruction_set": running.instruction_set,
            "library": "none" if running.library is None else str(running.library),
            "reason": running.reason,
        },
        "threads": thread_count(),
        "backends": {name: _state_of(name) for name in BACKENDS},
    }


def _state_of(backend: str) -> str:
    try:
        check_backend(backend)
        if backend == "cupy":
            return describe()
    except BackendError as error:
        return str(error)
    # Takes longer to import than all of initkit, and no draw needs it.
    from importlib.metadata import version

    return f"available, {backend} {version(backend)}"
