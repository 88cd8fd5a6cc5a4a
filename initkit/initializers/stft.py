"""Kernels of a convolution that computes a short-time Fourier transform."""

from __future__ import annotations

from collections.abc import Sequence
from math import factorial, fsum, pi, sqrt
from typing import Any

import numpy as np

from initkit.draws import Draw
from initkit.dtypes import FLOAT32, DType, resolve_dtype, rounded
from initkit.errors import (
    ArgumentError,
    ArgumentTypeError,
    BackendError,
    DTypeError,
    ShapeError,
    did_you_mean,
    nearest_names,
)
from initkit.initializer import Moments, RegionInitializer
from initkit.initializers.random import check_range
from initkit.region import Region, as_shape
from initkit.registry import built_in

Floats = np.ndarray[Any, np.dtype[np.float64]]
Integers = np.ndarray[Any, np.dtype[np.int64]]

SIDES = ("real", "imag")
SCALINGS = (None, "density", "spectrum")

# The windows that are sums of cosines, Σ (-1)ᵏ·aₖ·cos(2πkn/N), by their coefficients.
_COSINE_SUMS: dict[tuple[str, ...], tuple[float, ...]] = {
    ("hann", "han"): (0.5, 0.5),
    ("hamming", "hamm", "ham"): (0.54, 0.46),
    ("boxcar", "box", "ones", "rect", "rectangular"): (1.0,),
    ("blackman", "black", "blk"): (0.42, 0.5, 0.08),
    ("nuttall", "nutl", "nut"): (0.3635819, 0.4891775, 0.1365995, 0.0106411),
    ("blackmanharris", "blackharr", "bkh"): (0.35875, 0.48829, 0.14128, 0.01168),
    ("flattop", "flat", "flt"): (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),
}
_COEFFICIENTS = {name: terms for names, terms in _COSINE_SUMS.items() for name in names}

# The names that scipy.signal.get_window takes without parameters. They are listed, not asked of SciPy, so
# that reading a config imports nothing.
_SCIPY_WINDOWS: tuple[tuple[str, ...], ...] = (
    ("barthann", "brthan", "bth"),
    ("bartlett", "bart", "brt"),
    ("bohman", "bman", "bmn"),
    ("cosine", "halfcosine"),
    ("exponential", "poisson"),
    ("lanczos", "sinc"),
    ("parzen", "parz", "par"),
    ("taylor", "taylorwin"),
    ("triang", "triangle", "tri"),
    ("tukey", "tuk"),
)

# How far values may lie from those of another machine or of another SciPy, where SciPy has made the window.
_SCIPY_FLOAT32 = 2e-7
_SCIPY_FLOAT64 = 1e-13

# Elements that are worked on at once, with some eight float64 temporaries each.
_PIECE_ELEMENTS = 1 << 16


@built_in("STFTInitializer")
class STFT(RegionInitializer):
    """The Fourier matrix of a short-time Fourier transform, windowed and scaled.

    Formula: `w[t, 0, f] = cos(2π·f·t/N)·window[t]/scale` for the real side, `-sin(…)` for the imaginary
    one, in the shape `(frame length, 1, N/2 + 1)`: `N`, the FFT length, follows from the last axis. `scale`
    is `sqrt(Σ window²)` for `"density"`, `Σ |window|` for `"spectrum"`, and 1 for None.

    Args:
        side: `"real"` (default) or `"imag"`.
        window: The name of a window of `scipy.signal.get_window` that needs no parameters (default
            `"hann"`), or its values, one real number per frame sample, or None for no window, and then no
            scale either. SciPy is used, and needed, only for windows that are no sums of cosines.
        scaling: `"density"` (default), `"spectrum"` or None.
        periodic: Whether a named window is one period of a periodic function, and not symmetric (default
            False).

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float dtype (None is float32).
        Every value is computed in float64 from exactly reduced angles, within 1e-15 of the formula, and
        rounded once; lower precisions are the float32 values rounded once. The same bits everywhere, but for
        windows that SciPy computes: those are as stable as SciPy, NumPy and the machine's mathematical
        functions, and values agree to 1e-13 between them, in float32 to 2e-7; see `tolerance`. A slice costs
        its own size and a pass over the window.

    Raises:
        ArgumentError: A side, window or scaling that does not exist; a window value that is not finite, or
            beyond the dtype's range.
        ArgumentTypeError: A window that is neither a name nor real numbers; `periodic` that is no bool.
        ShapeError: The shape is not `(frame length, 1, N/2 + 1)` with `N >= 2`, the window has another
            length, or is zero everywhere and shall be scaled, as the symmetric Hann window of length 2.
        BackendError: SciPy is needed and not installed.
        DTypeError: A complex, integer or bool dtype.

    Example:
        >>> import initkit as ik
        >>> ik.STFT("imag", window=None)((4, 1, 3)).reshape(4, 3).tolist()
        [[0.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]

    Reference:
        Keras 3, `keras.initializers.STFT`; Harris, "On the use of windows for harmonic analysis with the
        discrete Fourier transform", 1978.
    """

    kinds_remedy = "Make the two sides apart, with side='real' and side='imag', and join them."

    def __init__(
        self,
        side: str = "real",
        window: str | Sequence[float] | np.ndarray[Any, Any] | None = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in SIDES:
            message = f"side should be 'real' or 'imag', not {side!r}. Make one initializer for each side."
            raise ArgumentError(message)
        if scaling not in SCALINGS:
            message = "Scaling is invalid, it must be `None`, 'density' or 'spectrum'."
            message += f" Received scaling={scaling!r}. Use 'density' for a unit L2 norm."
            raise ArgumentError(message)
        if not isinstance(periodic, (bool, np.bool_)):
            message = f"Argument `periodic` must be True or False. Received: {periodic!r} of type"
            message += f" {type(periodic).__name__}. Leave it out for False."
            raise ArgumentTypeError(message)
        self.side = side
        self.window = _checked_window(window)
        self.scaling = scaling
        self.periodic = bool(periodic)

    def check(self, shape: tuple[int, ...], dtype: DType) -> None:
        """Refuse shapes that are no Fourier kernel or do not fit the window; dtypes that are not floats."""
        super().check(shape, dtype)
        if len(shape) != 3 or shape[1] != 1 or shape[2] < 2:
            message = "STFT makes kernels of shape (frame length, 1, FFT length // 2 + 1), with an FFT length"
            message += f" of at least 2. Received: shape={shape} of rank {len(shape)}."
            message += " For frames of 256 samples and an FFT of 512, write (256, 1, 257)."
            raise ShapeError(message)
        largest = np.abs(self._weights(shape[0])).max(initial=0.0)
        check_range(dtype, window=float(largest))

    def fill_region(self, out: Any, region: Region, draw: Draw) -> None:
        """Compute the region: exactly reduced angles, their cosines, the window."""
        if not out.size:
            return
        length = 2 * (region.shape[2] - 1)
        weights = self._weights(region.shape[0])
        # -sin(x) is cos(x + π/2), and a quarter of a turn is `length` steps of 1/(4·length).
        quarter = length if self.side == "imag" else 0
        table = None
        if length <= region.size:
            table = cosine_of_turns(4 * np.arange(length) + quarter, 4 * length)
        row = resolve_dtype(out.dtype)
        for box in region.boxes(_PIECE_ELEMENTS):
            part = region.part(box)
            times, _, bands = (
                start + step * np.arange(count)
                for start, step, count in zip(part.starts, part.steps, part.counts, strict=True)
            )
            steps = times[:, None, None] * bands % length
            cosines = cosine_of_turns(4 * steps + quarter, 4 * length) if table is None else table[steps]
            values = cosines * weights[times, None, None]
            draw.backend.put(out, box, rounded(values, row))

    def tolerance(self, dtype: DType) -> float:
        """0; for a named window that SciPy computes 2e-7, and 1e-13 in float64."""
        if not isinstance(self.window, str) or _split_suffix(self.window)[0] in _COEFFICIENTS:
            return 0.0
        return _SCIPY_FLOAT64 if dtype.draw.itemsize == 8 else _SCIPY_FLOAT32

    def moments(self, shape: Any, dtype: Any = None) -> Moments:
        """The mean and standard deviation of the tensor's own values, from sums of cosines in closed form."""
        lengths = as_shape(shape)
        self.check(lengths, FLOAT32)
        frame_length, _, bands = lengths
        length, weights = 2 * (bands - 1), self._weights(frame_length)
        times = np.arange(frame_length)
        if not frame_length:
            return Moments(0.0, 0.0)
        odd, whole_turn, half_turn = times % 2 == 1, times % length == 0, 2 * times % length == 0
        if self.side == "real":
            sums = np.where(whole_turn, bands, 1.0 - odd)
            squares = (bands + np.where(half_turn, bands, 1.0)) / 2
        else:
            sines = cosine_of_turns(2 * times - length, 4 * length)
            sums = np.where(odd, -cosine_of_turns(times, 2 * length) / np.where(odd, sines, 1.0), 0.0)
            squares = (bands - np.where(half_turn, bands, 1.0)) / 2
        mean = fsum(weights * sums) / (frame_length * bands)
        variance = fsum(weights * weights * squares) / (frame_length * bands) - mean * mean
        return Moments(mean, sqrt(max(variance, 0.0)))

    def _weights(self, length: int) -> Floats:
        """The window of a frame, divided by its scale."""
        if self.window is None:
            return np.ones(length)
        if isinstance(self.window, str):
            values = _named_window(self.window, length, self.periodic)
        else:
            values = np.asarray(self.window, np.float64)
        if len(values) != length:
            message = (
                f"The shape of `window` must be equal to [frame_length]. Received: {len(values)} values,"
            )
            message += f" for a shape whose first axis, the frame length, is {length}."
            message += " Give as many values, or the window's name."
            raise ShapeError(message)
        if self.scaling is None or not length:
            return values
        scale = sqrt(fsum(values * values)) if self.scaling == "density" else fsum(abs(values))
        if scale == 0.0:
            message = f"The window {self.window!r:.60} of length {length} is zero everywhere, so it has no"
            message += f" {self.scaling!r} scale. Use a longer frame, periodic=True, or scaling=None."
            raise ShapeError(message)
        return values / scale


def cosine_of_turns(numerators: Integers, denominator: int) -> Floats:
    """`cos(2π·numerator/denominator)`, with the same bits on every machine.

    The octant is found in integers, so angles of any size are exact; the rest, at most an eighth of a turn,
    goes through Taylor's polynomials in additions and multiplications alone.

    Args:
        numerators: Integers of magnitude below 2**60.
        denominator: A positive integer below 2**60.

    Returns:
        float64 of the same shape, within 3e-16 of the exact value; 0 and ±1 where the cosine is.

    Example:
        >>> cosine_of_turns(np.arange(5), 4).tolist()
        [1.0, 0.0, -1.0, 0.0, 1.0]
    """
    octants, rest = np.divmod(8 * (numerators % denominator), denominator)
    rest = np.where(octants % 2 == 1, denominator - rest, rest)
    angles = rest / denominator * (pi / 4)
    squares = angles * angles
    cosines, sines = np.zeros_like(angles), np.zeros_like(angles)
    for power in reversed(range(9)):
        sign = (-1) ** power
        cosines = cosines * squares + sign / factorial(2 * power)
        sines = sines * squares + sign / factorial(2 * power + 1)
    values = np.where((octants + 1) & 2, sines * angles, cosines)
    return np.where((octants + 2) & 4, 0.0 - values, values)


def _checked_window(window: object) -> str | list[float] | None:
    if window is None:
        return None
    if isinstance(window, str):
        families = (*_COSINE_SUMS, *_SCIPY_WINDOWS)
        if not any(_split_suffix(window)[0] in names for names in families):
            known = [names[0] for names in families]
            message = f"Unknown window {window!r}. Allowed: None, a list of values, or a window of SciPy that"
            message += f" needs no parameters: {', '.join(known)}."
            message += did_you_mean(nearest_names(window, known))
            message += " For one with parameters, give scipy.signal.get_window's values."
            raise ArgumentError(message)
        return window
    message = f"Argument `window` must be a name, None, or real numbers. Received: {window!r:.100} of type"
    message += f" {type(window).__name__}. Write, for example, 'hann'."
    try:
        values = np.asarray(window)
        kind = resolve_dtype(values.dtype).kind
    except (ValueError, DTypeError):
        raise ArgumentTypeError(message) from None
    if kind not in ("float", "integer"):
        raise ArgumentTypeError(message)
    if values.ndim != 1:
        message = f"The shape of `window` must be equal to [frame_length]. Received: shape {values.shape}."
        message += " Give one value for each sample of a frame."
        raise ShapeError(message)
    if not np.isfinite(values.astype(np.float64)).all():
        message = f"A window's values must be finite. Received: NaN or infinity among {len(values)} values."
        message += " Replace them, by 0 for example."
        raise ArgumentError(message)
    numbers: list[float] = values.astype(np.float64).tolist()
    return numbers


def _split_suffix(name: str) -> tuple[str, bool | None]:
    """SciPy's `hann_periodic` and `hann_symmetric`: the name, and whether the suffix says periodic."""
    for suffix, periodic in (("_symmetric", False), ("_periodic", True)):
        if name.endswith(suffix):
            return name.removesuffix(suffix), periodic
    return name, None


def _named_window(full_name: str, length: int, periodic: bool) -> Floats:
    """The values of a window that has a name; of one sample, always 1."""
    name, said = _split_suffix(full_name)
    periodic = periodic if said is None else said
    if length <= 1:
        return np.ones(length)
    if name not in _COEFFICIENTS:
        return _scipy_window(name, length, periodic)
    times, period = np.arange(length), length if periodic else length - 1
    values = np.zeros(length)
    for order, coefficient in enumerate(_COEFFICIENTS[name]):
        values += (-1) ** order * coefficient * cosine_of_turns(order * times, period)
    return values


def _scipy_window(name: str, length: int, periodic: bool) -> Floats:
    try:
        from scipy.signal import get_window
    except ImportError:
        message = f"The window {name!r} is computed by SciPy, which is not installed. Install it with"
        message += " `pip install scipy`, or use a window that needs none:"
        message += f" {', '.join(names[0] for names in _COSINE_SUMS)}."
        raise BackendError(message) from None
    return np.asarray(get_window(name, length, periodic), np.float64)
