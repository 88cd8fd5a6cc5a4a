"""The array libraries that initkit can draw into, found by name and imported only when asked for."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from initkit.backends.base import Backend, DrawKey
from initkit.backends.numpy_backend import NumpyBackend
from initkit.errors import ArgumentTypeError, BackendError, did_you_mean, nearest_names

__all__ = ["BACKENDS", "Backend", "DrawKey", "check_backend", "checked_backend_name", "get_backend"]

BACKENDS = ("numpy", "cupy")
_NUMPY = NumpyBackend()


def check_backend(name: object, device: object = None) -> None:
    """Refuse a backend that cannot be used here, without importing it.

    Args:
        name: `"numpy"` or `"cupy"`.
        device: None for the backend's own choice; NumPy has `"cpu"` alone.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No such backend, it is not installed, or it has no such device.

    Example:
        >>> check_backend("numpy")
    """
    checked_backend_name(name)
    if name == "numpy" and device not in (None, "cpu"):
        message = (
            f"The NumPy backend has no such device. Received: device={device!r:.100}. Allowed: None, 'cpu'."
        )
        message += " Leave `device` out."
        raise BackendError(message)
    if name == "cupy":
        message = "The CuPy backend cannot be used here"
        if find_spec("cupy") is None:
            message += (
                ", since CuPy is not installed. Received: backend='cupy'. Allowed: 'numpy', which gives the"
            )
            message += " same bits. Install CuPy with `pip install cupy-cuda12x` or `pip install"
            message += " cupy-cuda13x`, by the CUDA version of your driver; this version of initkit can check"
            message += " that it is there, but not draw with it yet."
        else:
            message += " yet. Received: backend='cupy'. Allowed: 'numpy'. Copy its arrays to the GPU with"
            message += " cupy.asarray."
        raise BackendError(message)


def checked_backend_name(name: object) -> str:
    """Refuse a name that no backend has, installed or not.

    Args:
        name: What was given as `backend`.

    Returns:
        The name.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No backend has that name.

    Example:
        >>> checked_backend_name("cupy")
        'cupy'
    """
    if not isinstance(name, str):
        message = (
            f"Argument `backend` must be a string. Received: {name!r:.100} of type {type(name).__name__}."
        )
        message += " Allowed: 'numpy', 'cupy'. Write, for example, backend='numpy'."
        raise ArgumentTypeError(message)
    if name not in BACKENDS:
        hint = did_you_mean(nearest_names(name, BACKENDS))
        message = (
            f"Unknown backend. Received: backend={name!r:.100}. Allowed: 'numpy', 'cupy'. Choose one.{hint}"
        )
        raise BackendError(message)
    return name


@cache
def get_backend(name: str, device: str | int | None = None) -> Backend:
    """The backend of that name; one object for all that live in the same place.

    Args:
        name: `"numpy"` or `"cupy"`.
        device: None for the backend's own choice.

    Returns:
        The backend.

    Raises:
        BackendError: It cannot be used here.

    Example:
        >>> get_backend("numpy").name
        'numpy'
    """
    check_backend(name, device)
    return _NUMPY
