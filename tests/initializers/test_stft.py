"""STFT against the formula in high precision, SciPy's windows, and Keras itself."""

import builtins
import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest

import initkit as ik
from initkit.dtypes import DTYPES
from initkit.initializers.stft import cosine_of_turns

SIDES = ("real", "imag")
SCALINGS = (None, "density", "spectrum")

KERAS_CASES: list[dict[str, Any]] = [
    {"side": side, "window": window, "scaling": scaling, "periodic": periodic}
    for side, scaling, (window, periodic) in product(
        SIDES,
        SCALINGS,
        [
            ("hann", False),
            ("hann", True),
            ("hamming", True),
            ("boxcar", False),
            ("blackman", False),
            ("tukey", True),
            (None, False),
            ([0.5, -1.0, 2.0, 0.25, 1.0, 3.0, 1.5, 0.125], False),
        ],
    )
]
KERAS_SHAPE = (8, 1, 4)

KERAS_SCRIPT = """
import json, sys
import numpy as np
from keras.initializers import STFT
cases, shape = json.load(sys.stdin)
made = [STFT(**case) for case in cases]
values = [np.asarray(init(shape)).tolist() for init in made]
print(json.dumps({"values": values, "configs": [init.get_config() for init in made]}))
"""


@pytest.fixture(scope="module")
def keras_answer() -> Any:
    """What Keras 3 itself gives for every case, from a process of its own."""
    if find_spec("keras") is None:
        pytest.skip("Keras is not installed")
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", KERAS_SCRIPT],
        input=json.dumps([KERAS_CASES, KERAS_SHAPE]),
        env={**os.environ, "KERAS_BACKEND": "numpy"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def exact(shape: tuple[int, ...], side: str, weights: list[float]) -> np.ndarray[Any, Any]:
    """The formula in 40 digits, with the angle reduced by exact integers."""
    frame_length, _, bands = shape
    with mpmath.workdps(40):
        function = mpmath.cospi if side == "real" else lambda x: -mpmath.sinpi(x)
        return np.array(
            [
                [
                    float(function(mpmath.mpf(2 * t * f) / (2 * bands - 2)) * mpmath.mpf(weights[t]))
                    for f in range(bands)
                ]
                for t in range(frame_length)
            ]
        ).reshape(shape)


def test_values_are_those_of_keras(keras_answer: dict[str, Any]) -> None:
    """Every combination of the options gives Keras' values, up to Keras' own float32 arithmetic."""
    for case, expected in zip(KERAS_CASES, keras_answer["values"], strict=True):
        made = ik.STFT(**case)(KERAS_SHAPE)
        np.testing.assert_allclose(made, np.array(expected), atol=3e-6, rtol=0, err_msg=str(case))


def test_config_keys_are_those_of_keras(keras_answer: dict[str, Any]) -> None:
    """Our configs have Keras' keys and values, and Keras' configs make equal objects."""
    for case, config in zip(KERAS_CASES, keras_answer["configs"], strict=True):
        assert ik.STFT(**case).get_config() == config
        assert ik.deserialize({"class_name": "STFT", "config": config}) == ik.STFT(**case)


def test_defaults_and_names() -> None:
    """The defaults are Keras' own, and all three of its names find the class."""
    expected = {"side": "real", "window": "hann", "scaling": "density", "periodic": False}
    assert ik.STFT().get_config() == expected
    assert ik.get("stft") == ik.get("STFTInitializer") == ik.get("STFT") == ik.STFT()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("shape", [(1, 1, 2), (5, 1, 2), (6, 1, 3), (12, 1, 8), (40, 1, 13), (3, 1, 100)])
def test_float64_values_are_the_formula(side: str, shape: tuple[int, ...]) -> None:
    """Float64 values lie within 1e-15 of the formula in high precision."""
    made = ik.STFT(side, window=None)(shape, "float64")
    assert np.abs(made - exact(shape, side, [1] * shape[0])).max() < 1e-15


@pytest.mark.parametrize(("side", "scaling"), list(product(SIDES, SCALINGS)))
def test_window_and_scale_enter_as_documented(side: str, scaling: str | None) -> None:
    """Explicit windows multiply the formula and are divided by their L2 or L1 norm."""
    window = [1.0, -2.0, 0.5, 4.0, 0.0, 3.0]
    scale = {None: 1.0, "density": np.sqrt(30.25), "spectrum": 10.5}[scaling]
    made = ik.STFT(side, window, scaling)((6, 1, 5), "float64")
    assert np.abs(made - exact((6, 1, 5), side, [value / scale for value in window])).max() < 1e-14


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(
    "window",
    ["hann", "hamming", "rect", "blackman", "nuttall", "blackmanharris", "flattop", "tukey", "bohman", "tri"],
)
def test_windows_are_those_of_scipy(window: str | None, periodic: bool) -> None:
    """Named windows, of any length and either symmetry, have SciPy's values."""
    signal = importlib.import_module("scipy.signal")
    for length in (1, 2, 3, 8, 9, 64):
        # The first band is the window itself: its cosine is 1.
        made = ik.STFT("real", window, None, periodic)((length, 1, 3), "float64")[:, 0, 0]
        expected = signal.get_window(window, length, periodic)
        np.testing.assert_allclose(made, expected, atol=2e-15, rtol=0)


@pytest.mark.parametrize(
    ("window", "float32", "float64"),
    [
        (None, 0.0, 0.0),
        ("hann", 0.0, 0.0),
        ("flattop_periodic", 0.0, 0.0),
        ([0.1, 0.7, 0.2], 0.0, 0.0),
        ("tukey", 2e-7, 1e-13),
        ("bohman_symmetric", 2e-7, 1e-13),
    ],
    ids=repr,
)
def test_only_windows_of_scipy_have_a_tolerance(window: Any, float32: float, float64: float) -> None:
    """What is computed here is equal to the bit everywhere; what SciPy computes, within what it promises."""
    init = ik.STFT(window=window)
    assert [init.tolerance(DTYPES[name]) for name in ("float32", "bfloat16", "float64")] == [
        float32,
        float32,
        float64,
    ]


@pytest.mark.parametrize("window", ["parzen", "tukey", "bohman", "taylor", "cosine", "lanczos", "poisson"])
def test_windows_of_scipy_are_within_the_tolerance_of_exact_ones(window: str) -> None:
    """A window that is off by some units in the last place stays within the tolerance, in each precision."""
    signal = importlib.import_module("scipy.signal")
    values = signal.get_window(window, 400, fftbins=False)
    random = np.random.default_rng(3)
    shaken = values * (1 + 2.0**-52 * random.integers(-8, 9, 400))
    for scaling in (None, "density", "spectrum"):
        init, other = ik.STFT("imag", window, scaling), ik.STFT("imag", shaken, scaling)
        for dtype in ("float32", "float64"):
            made, near = (one((400, 1, 257), dtype).astype(np.float64) for one in (init, other))
            assert np.abs(made - near).max() <= init.tolerance(DTYPES[dtype])


@pytest.mark.parametrize("periodic", [False, True])
def test_suffix_of_a_window_overrides_periodic(periodic: bool) -> None:
    """As in SciPy, `hann_periodic` and `hann_symmetric` say themselves which of the two is meant."""
    for suffix, meant in (("periodic", True), ("symmetric", False)):
        said = ik.STFT(window=f"hann_{suffix}", periodic=periodic)((8, 1, 5))
        assert (said == ik.STFT(periodic=meant)((8, 1, 5))).all()


def test_density_gives_unit_norm() -> None:
    """With density scaling the first band, which is the window, has L2 norm 1; with spectrum, L1 norm 1."""
    assert np.linalg.norm(ik.STFT()((256, 1, 129), "float64")[:, 0, 0]) == pytest.approx(1, abs=1e-14)
    band = ik.STFT(scaling="spectrum")((256, 1, 129), "float64")[:, 0, 0]
    assert np.abs(band).sum() == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_low_precision_is_float32_rounded_once(dtype: str) -> None:
    """Narrow dtypes hold the float32 values, and those the float64 values, rounded to nearest even."""
    init, shape = ik.STFT("imag", "hamming", None), (401, 1, 150)
    single = init(shape, "float32")
    assert (single == init(shape, "float64").astype(np.float32)).all()
    made = init(shape, dtype)
    assert made.dtype.name == dtype
    assert made.tobytes() == single.astype(made.dtype).tobytes()


@pytest.mark.parametrize("dtype", ["complex64", "int32", "bool"])
def test_other_kinds_of_dtype_are_refused(dtype: str) -> None:
    """A side of a transform is real: other dtypes are an error that says what to do."""
    with pytest.raises(ik.DTypeError, match="STFT cannot make"):
        ik.STFT()((8, 1, 5), dtype)


@pytest.mark.parametrize("shape", [(5, 1, 2), (48, 1, 25), (7, 1, 200), (1000, 1, 140)])
@pytest.mark.parametrize("side", SIDES)
def test_slices_equal_the_whole(shape: tuple[int, ...], side: str) -> None:
    """Any slice alone has the bits of the same slice of the whole."""
    init = ik.STFT(side)
    whole, lazy = init(shape), init.lazy(shape)
    few = (np.s_[:], np.s_[1:4], np.s_[-1], np.s_[2, 0, 1], np.s_[..., -1], np.s_[4:2], np.s_[::-2, :, ::3])
    for index in few:
        assert (lazy[index] == whole[index]).all()
        assert lazy[index].shape == whole[index].shape


def test_slice_of_a_giant_is_cheap() -> None:
    """A few rows come from a kernel whose whole would take terabytes, with their exact values."""
    shape = (1_000_003, 1, 2**20 + 1)
    part = ik.STFT("real", None).lazy(shape, "float64")[1_000_000:, 0, -3:]
    with mpmath.workdps(40):
        expected = [
            [float(mpmath.cospi(mpmath.mpf(t * f) / 2**20)) for f in range(2**20 - 2, 2**20 + 1)]
            for t in range(1_000_000, 1_000_003)
        ]
    assert np.abs(part - expected).max() < 1e-15


@pytest.mark.parametrize(("side", "window"), list(product(SIDES, ["hann", None, "hamming_periodic"])))
@pytest.mark.parametrize("shape", [(1, 1, 2), (9, 1, 2), (10, 1, 3), (31, 1, 12), (200, 1, 33)])
def test_moments_are_those_of_the_values(side: str, window: str | None, shape: tuple[int, ...]) -> None:
    """The closed-form mean and standard deviation are those of the tensor's values."""
    init = ik.STFT(side, window)
    values, moments = init(shape, "float64"), init.moments(shape)
    assert moments.mean == pytest.approx(values.mean(), abs=1e-15)
    assert moments.std == pytest.approx(values.std(), abs=1e-15)


def test_empty_frames() -> None:
    """A frame of no samples gives an array of no values, and moments that are numbers."""
    assert ik.STFT()((0, 1, 5)).shape == (0, 1, 5)
    assert ik.STFT().moments((0, 1, 5)) == (0, 0)


def test_cosine_of_turns_is_exact_where_it_can_be() -> None:
    """Quarters of a turn come out as 0 and ±1, without a negative zero, and angles repeat to the bit."""
    made = cosine_of_turns(np.arange(-4, 8), 4)
    assert made.tolist() == [1, 0, -1, 0] * 3
    assert not np.signbit(made[made == 0]).any()
    one_turn = cosine_of_turns(np.arange(361), 361)
    assert (cosine_of_turns(np.arange(361) - 36_100, 361) == one_turn).all()
    assert (one_turn[1:] == one_turn[:0:-1]).all()


@pytest.mark.parametrize("denominator", [1, 2, 3, 7, 360, 4096, 10**9 + 7, 2**59 + 1])
def test_cosine_of_turns_is_accurate(denominator: int) -> None:
    """Cosines of any fraction of a turn lie within 3e-16 of 40 exact digits."""
    rng = np.random.default_rng(denominator % 1000)
    numerators = rng.integers(-(2**59), 2**59, 300)
    with mpmath.workdps(40):
        expected = [mpmath.cospi(mpmath.mpf(2 * (int(n) % denominator)) / denominator) for n in numerators]
        made = cosine_of_turns(numerators, denominator)
        assert max(abs(mpmath.mpf(m) - e) for m, e in zip(made.tolist(), expected, strict=True)) < 3e-16


def test_golden_values() -> None:
    """Some float64 values to the bit, which every machine must give."""
    made = ik.STFT("imag", "hamming")((5, 1, 4), "float64")[1, 0]
    middle = "-0x1.7b0f5917cb12ap-2"
    assert [value.hex() for value in made.tolist()] == ["0x0.0p+0", middle, middle, "0x0.0p+0"]
    made = ik.STFT("real", "blackman", "spectrum", True)((7, 1, 6), "float64")[3, 0]
    half = ["0x1.408fe0adf1243p-2", "-0x1.8c3c8801d186bp-4", "-0x1.035712576cf3dp-2"]
    assert [value.hex() for value in made[:3].tolist()] == half
    assert (made[3:] == -made[2::-1]).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"side": "both"}, ik.ArgumentError, "^side should be 'real' or 'imag', not 'both'"),
        ({"side": None}, ik.ArgumentError, "^side should be 'real' or 'imag', not None"),
        ({"scaling": "power"}, ik.ArgumentError, "^Scaling is invalid, it must be `None`, 'density'"),
        ({"scaling": 1.0}, ik.ArgumentError, "^Scaling is invalid"),
        ({"window": "hahn"}, ik.ArgumentError, "Unknown window 'hahn'.*Did you mean 'hann'"),
        ({"window": "kaiser"}, ik.ArgumentError, "with parameters, give scipy.signal.get_window's values"),
        ({"window": 3.0}, ik.ShapeError, "window.*Received: shape \\(\\)"),
        ({"window": [[1.0, 2.0]]}, ik.ShapeError, "Received: shape \\(1, 2\\)"),
        ({"window": [1.0, float("nan")]}, ik.ArgumentError, "must be finite"),
        ({"window": [1.0, 2j]}, ik.ArgumentTypeError, "must be a name, None, or real numbers"),
        ({"window": ["a", "b"]}, ik.ArgumentTypeError, "must be a name, None, or real numbers"),
        ({"window": [[1.0], [1.0, 2.0]]}, ik.ArgumentTypeError, "must be a name, None, or real numbers"),
        ({"window": object()}, ik.ArgumentTypeError, "must be a name, None, or real numbers"),
        ({"periodic": 1}, ik.ArgumentTypeError, "`periodic` must be True or False"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    """Every argument is checked at construction, with the message that Keras begins with."""
    with pytest.raises(error, match=message):
        ik.STFT(**arguments)


@pytest.mark.parametrize(
    "shape", [(), (8,), (8, 5), (8, 1, 5, 1), (8, 2, 5), (8, 0, 5), (8, 1, 1), (8, 1, 0)]
)
def test_shapes_that_are_no_kernel_are_refused(shape: tuple[int, ...]) -> None:
    """A shape that Keras unpacks, ignores or divides by zero on is an error that shows the right one."""
    for use in (ik.STFT(), ik.STFT().lazy):
        with pytest.raises(ik.ShapeError, match=r"1, FFT length // 2 \+ 1\).*write \(256, 1, 257\)"):
            use(shape)


def test_window_of_another_length_is_refused() -> None:
    """An explicit window fits one frame length alone."""
    with pytest.raises(ik.ShapeError, match=r"^The shape of `window` must be equal to \[frame_length\]"):
        ik.STFT(window=[1.0, 2.0])((3, 1, 5))


@pytest.mark.parametrize("scaling", ["density", "spectrum"])
def test_window_of_zeros_is_refused_where_it_is_scaled(scaling: str | None) -> None:
    """The symmetric Hann window of length 2 is zero, which Keras turns into NaN; unscaled, it is fine."""
    with pytest.raises(ik.ShapeError, match=r"zero everywhere.*periodic=True"):
        ik.STFT(scaling=scaling)((2, 1, 5))
    assert (ik.STFT(scaling=None)((2, 1, 5)) == 0).all()


def test_window_beyond_the_dtype_is_refused() -> None:
    """Values that float16 cannot hold are an error, not infinities."""
    init = ik.STFT(window=[1.0, 70_000.0], scaling=None)
    assert init((2, 1, 3), "float32").max() == 70_000
    with pytest.raises(ik.ArgumentError, match="`window` is beyond the range of dtype 'float16'"):
        init((2, 1, 3), "float16")


def test_window_can_be_an_array_and_stays_json() -> None:
    """An array as window is kept as a list of floats: configs are JSON, and the object is equal."""
    init = ik.STFT(window=np.array([1, 2, 3], np.float32), scaling=None)
    assert init.window == [1.0, 2.0, 3.0]
    assert json.loads(ik.to_json(init))["config"]["window"] == [1.0, 2.0, 3.0]
    assert ik.from_yaml(ik.to_yaml(init)) == init == eval(repr(init), {"STFT": ik.STFT})


def test_scipy_is_imported_only_by_windows_that_need_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy, cosine windows work, configs of others can be read, and their use says what to do."""
    real_import = builtins.__import__

    def without_scipy(name: str, *arguments: Any, **keywords: Any) -> Any:
        if name.partition(".")[0] == "scipy":
            raise ImportError(name)
        return real_import(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", without_scipy)
    ik.STFT(window="flattop")((8, 1, 5))
    tukey = ik.STFT(window="tukey")
    with pytest.raises(ik.BackendError, match=r"'tukey'.*`pip install scipy`"):
        tukey((8, 1, 5))
