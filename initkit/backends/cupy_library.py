"""CuPy itself: whether it can be used here, on which devices, and what to do where it cannot."""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from types import ModuleType
from typing import NamedTuple

from initkit.errors import BackendError

# The first that takes NumPy 2.2 and the dtypes of ml_dtypes; pyproject.toml asks for no older one.
_MINIMUM = (13, 4)
# It refuses even views of float8; pyproject.toml leaves it out.
_WITHOUT_FLOAT8 = "14.0.0"
# To the newest, since CuPy 13 has no extra `ctk`, and pip would be content with a CuPy 13 that is here.
_INSTALL = (
    "`pip install --upgrade 'cupy-cuda12x[ctk]'`, or `'cupy-cuda13x[ctk]'`, by the CUDA version of your"
)
_INSTALL += " driver, which `nvidia-smi` tells"
_DEVICE_NAME = re.compile(r"cuda:(0|[1-9][0-9]{0,8})")


class Trouble(NamedTuple):
    """Why CuPy cannot be used here.

    Attributes:
        problem: What is wrong, as the end of a sentence.
        remedy: What to do, as a sentence.
        cause: The error that told, if one did.
    """

    problem: str
    remedy: str
    cause: Exception | None = None


@cache
def cupy_library() -> ModuleType:
    """Import CuPy, and make sure that it finds a compiler, a driver and a device.

    Returns:
        The module. Only success is remembered, so what was missing can be installed or switched on.

    Raises:
        BackendError: CuPy is not installed or cannot be imported, is too old, or finds no NVRTC, no driver or
            no device; the message says which, and what to do.
    """
    found = look_for_cupy()
    if isinstance(found, Trouble):
        raise BackendError(_message(found.problem, found.remedy)) from found.cause
    return found


def look_for_cupy() -> ModuleType | Trouble:
    """The library, or why it cannot be used here; unlike `cupy_library`, it looks anew at every call."""
    if find_spec("cupy") is None:
        return Trouble("CuPy is not installed", f"Install it with {_INSTALL}.")
    try:
        import cupy
    except Exception as error:  # a CuPy that was built for another NumPy raises anything
        problem = f"importing CuPy fails ({_first_line(error)})"
        remedy = f"Uninstall every package whose name begins with cupy, then {_INSTALL}."
        return Trouble(problem, remedy, error)
    version = tuple(int(part) for part in re.findall(r"\d+", cupy.__version__)[:2])
    if version < _MINIMUM:
        oldest = ".".join(map(str, _MINIMUM))
        remedy = f"Upgrade it to {oldest} or newer with {_INSTALL}."
        return Trouble(f"CuPy {cupy.__version__} is too old", remedy)
    if cupy.__version__ == _WITHOUT_FLOAT8:
        return Trouble(f"CuPy {cupy.__version__} has no float8 arrays", f"Upgrade it with {_INSTALL}.")
    # The driver comes first: it is what machines without a GPU lack.
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except RuntimeError as error:
        problem = f"CUDA finds no driver or no device ({_first_line(error)})"
        remedy = "Install NVIDIA's driver or a newer one, or make a GPU visible (CUDA_VISIBLE_DEVICES)."
        return Trouble(problem, remedy, error)
    if not count:
        remedy = "Make a GPU visible (CUDA_VISIBLE_DEVICES), or install one."
        return Trouble("CUDA finds no device", remedy)
    try:
        cupy.cuda.nvrtc.getVersion()
    except (RuntimeError, OSError, ImportError) as error:
        problem = f"CuPy finds no NVRTC, CUDA's run-time compiler ({_first_line(error)})"
        remedy = f"Install it with {_INSTALL}; or install the CUDA toolkit of CuPy's CUDA version."
        return Trouble(problem, remedy, error)
    module: ModuleType = cupy
    return module


def _message(problem: str, remedy: str) -> str:
    message = f"The CuPy backend cannot be used here, since {problem}. Received: backend='cupy'. Allowed:"
    return f"{message} 'numpy', which gives the same bits. {remedy}"


def _first_line(error: BaseException) -> str:
    """The beginning of another library's message, which may go on for a page."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200].rstrip(".")


def device_number(device: object) -> int | None:
    """Check a device of CuPy's.

    Args:
        device: None for the one that is current in CuPy at each call; its number; or `"cuda:0"` and so on.

    Returns:
        None, or the device's number.

    Raises:
        BackendError: CuPy cannot be used here, or there is no such device.
    """
    cupy = cupy_library()
    if device is None:
        return None
    count, number = cupy.cuda.runtime.getDeviceCount(), named_number(device)
    if number is not None and number < count:
        return number
    last = "" if count == 1 else f" to {count - 1}"
    message = f"The CuPy backend has no such device. Received: device={device!r:.100}. Allowed: None for"
    message += f" CuPy's current device, 0{last}, or the same as a string, 'cuda:0'. Choose one of these;"
    message += " CUDA_VISIBLE_DEVICES decides which devices there are."
    raise BackendError(message)


def named_number(device: object) -> int | None:
    """The number of the device that `0` or `"cuda:0"` means, be it there or not; None for what names none."""
    if type(device) is int:
        return device if device >= 0 else None
    named = _DEVICE_NAME.fullmatch(device) if isinstance(device, str) else None
    return int(named[1]) if named else None


def describe() -> str:
    """What `show_config` tells of CuPy, in one line.

    Returns:
        The versions of CuPy and NVRTC, and the devices; nothing is compiled for it.

    Raises:
        BackendError: CuPy cannot be used here.
    """
    cupy = cupy_library()
    devices = []
    try:
        for number in range(cupy.cuda.runtime.getDeviceCount()):
            # What CuPy's Device tells of itself can make it current, and that takes memory of the device.
            told = cupy.cuda.runtime.getDeviceProperties(number)
            devices.append(f"{number}: {told['name'].decode()} (sm_{told['major']}{told['minor']})")
    except RuntimeError as error:
        raise BackendError(
            _message(
                f"CUDA cannot tell of device {len(devices)} ({_first_line(error)})",
                "See whether `nvidia-smi` still lists it; a process that broke it has to end first.",
            )
        ) from error
    nvrtc = ".".join(map(str, cupy.cuda.nvrtc.getVersion()))
    return f"available, cupy {cupy.__version__}, NVRTC {nvrtc}, devices {', '.join(devices)}"
