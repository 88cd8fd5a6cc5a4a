"""The array libraries that initkit can draw into, found by name and imported only when asked for."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from initkit.backends.base import Backend, DrawKey
from initkit.errors import ArgumentTypeError, BackendError, did_you_mean, nearest_names

__all__ = ["BACKENDS", "Backend", "DrawKey", "check_backend", "get_backend"]

BACKENDS = ("numpy", "cupy")


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
    check_backend_name(name)
    if name == "numpy" and device not in (None, "cpu"):
        message = f"The NumPy backend has one device, 'cpu'. Received: device={device!r}."
        raise BackendError(f"{message} Leave `device` out.")
    if name == "cupy":
        if find_spec("cupy") is None:
            message = "Backend 'cupy' was asked for, but CuPy is not installed. Install it with"
            message += " `pip install initkit[cuda12]` or `pip install initkit[cuda13]`, by the CUDA version"
            raise BackendError(f"{message} of your driver, or use backend='numpy': the bits are the same.")
        message = "Backend 'cupy' was asked for, but this version of initkit draws with NumPy only."
        raise BackendError(f"{message} Use backend='numpy' and copy the array to the GPU with cupy.asarray.")


def check_backend_name(name: object) -> None:
    """Refuse a name that no backend has, installed or not.

    Args:
        name: What was given as `backend`.

    Raises:
        ArgumentTypeError: The name is not a string.
        BackendError: No backend has that name.

    Example:
        >>> check_backend_name("cupy")
    """
    if not isinstance(name, str):
        message = f"Argument `backend` must be a string. Received: {name!r} of type {type(name).__name__}."
        raise ArgumentTypeError(f"{message} Allowed: 'numpy' or 'cupy'.")
    if name not in BACKENDS:
        hint = did_you_mean(nearest_names(name, BACKENDS))
        raise BackendError(f"Unknown backend {name!r}. Allowed: 'numpy' or 'cupy'.{hint}")


@cache
def get_backend(name: str, device: str | int | None = None) -> Backend:
    """The backend of that name; one object per name and device.

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
    from initkit.backends.numpy_backend import NumpyBackend

    return NumpyBackend()
