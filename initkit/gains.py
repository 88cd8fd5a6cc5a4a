"""By how much weights must grow to make up for what a nonlinearity takes from the variance."""

from __future__ import annotations

from math import fsum, isfinite, sqrt
from typing import SupportsFloat

import numpy as np

from initkit.errors import ArgumentError, ArgumentTypeError, did_you_mean, nearest_names
from initkit.kernels import elementary

# 1/√E[f(z)²] for standard normal z, to 17 digits. Where a closed form of E[f(z)²] is short, it stands beside;
# the others are integrals of f(z)²·φ(z) by adaptive quadrature with 40 digits, and E[f(z)²] stands beside.
_EXACT = {
    "identity": 1.0,  # E[z²]
    "relu": 1.4142135623730951,  # 1/2
    "relu6": 1.4142135650950736,  # 1/2 - 1.92e-9
    "squared_relu": 0.81649658092772603,  # E[z⁴]/2 = 3/2
    "hardtanh": 1.3920361404483098,  # 1 - 2·φ(1)
    "hardsigmoid": 1.8978404247295590,  # 0.27763909105651260
    "hardswish": 1.7366572127665416,  # 0.33156737513790769
    "sigmoid": 1.8462285453386054,  # 0.29337903585809296
    "tanh": 1.5925374197228314,  # 0.39429449039784117
    "selu": 1.0,  # 1, which its two constants were chosen for
    "softplus": 1.0418668355353017,  # 0.92124590885930028
    "logsigmoid": 1.0418668355353017,  # that of softplus, since the law of z is even
    "softsign": 2.3375333631085397,  # 0.18301402126654750
    "tanhshrink": 2.3383675301021214,  # 0.18288347119352352
    "softshrink": 1.5443605282801334,  # 5/2·Φ(-1/2) - φ(1/2), lambda being 1/2
    "hardshrink": 1.0157963547197340,  # 2·Φ(-1/2) + φ(1/2), lambda being 1/2
    "gelu": 1.5335304411955352,  # 0.42522148257029867
    "gelu_tanh": 1.5335805216661469,  # 0.42519371103309945
    "quick_gelu": 1.5394587622988314,  # 0.42195280689698081
    "silu": 1.6765324703310912,  # 0.35577551981735215
    "mish": 1.4868475812732081,  # 0.45234219237588277
    "exp": 0.36787944117144232,  # e²
    "sin": 1.5208666231788148,  # (1 - e⁻²)/2
    "glu": 1.8462285453386054,  # that of sigmoid: E[(x·f(z))²] = E[f(z)²] for standard normal x beside z
}
# What PyTorch has for them, and nets are tuned with.
_TORCH = {
    **dict.fromkeys(("linear", "conv1d", "conv2d", "conv3d"), 1.0),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), 1.0),
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "selu": 0.75,
}
_OTHER_NAMES = {
    "swish": "silu",
    "hard_tanh": "hardtanh",
    "hard_sigmoid": "hardsigmoid",
    "hard_swish": "hardswish",
    "hard_silu": "hardswish",
    "log_sigmoid": "logsigmoid",
    "soft_sign": "softsign",
    "relu_squared": "squared_relu",
    "relu2": "squared_relu",
    "gelu_new": "gelu_tanh",
    "gelu_fast": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "sine": "sin",
    # Of a gate, f(z), and of what it lets through, x, the former alone takes anything from the variance.
    "reglu": "relu",
    "geglu": "gelu",
    "swiglu": "silu",
}
# The name of the parameter, and PyTorch's default.
_PARAMETERS = {
    "leaky_relu": ("negative_slope", 0.01),
    "prelu": ("the initial slope", 0.25),
    "elu": ("alpha", 1.0),
    "celu": ("alpha", 1.0),
}
NONLINEARITIES = tuple(dict.fromkeys((*_TORCH, *_EXACT, *_PARAMETERS, *_OTHER_NAMES)))

# Classes are called ReLU, LeakyReLU, Hardtanh and ConvTranspose2d, and names are written with hyphens, too.
_BY_LETTERS = {name.replace("_", ""): name for name in NONLINEARITIES}

# E[(exp(z) - 1)²; z < 0] = e²·Φ(-2) - 2·√e·Φ(-1) + 1/2.
_ELU_BELOW = 0.14494541749292386


def calculate_gain(nonlinearity: str, param: SupportsFloat | None = None, *, exact: bool = False) -> float:
    """The factor for the standard deviation of weights after a nonlinearity, so that signals keep their size.

    Formula: `gain = 1/√E[f(z)²]`, `z` standard normal; three of PyTorch's names have its own values instead:

    | name | gain | by the formula |
    |---|---|---|
    | `linear`, `conv1d` … `conv3d`, `conv_transpose1d` … `conv_transpose3d`, `identity` | 1 | 1 |
    | `sigmoid` | 1 | 1.8462285453386054 |
    | `tanh` | 5/3 | 1.5925374197228314 |
    | `selu` | 3/4 | 1 |
    | `relu` | √2 | √2 |
    | `leaky_relu`, `prelu` | √(2/(1 + param²)) | the same |
    | `elu`, `celu` | 1.2451983007007066 at `param` 1 | the same |
    | `gelu`, `gelu_tanh`, `quick_gelu` | 1.53353, 1.53358, 1.53946 | the same |
    | `silu` or `swish`, `mish` | 1.67653, 1.48685 | the same |
    | `hardswish`, `hardsigmoid`, `hardtanh` | 1.73666, 1.89784, 1.39204 | the same |
    | `relu6`, `squared_relu` | 1.41421, √(2/3) | the same |
    | `softplus`, `logsigmoid`, `softsign` | 1.04187, 1.04187, 2.33753 | the same |
    | `tanhshrink`, `softshrink`, `hardshrink` | 2.33837, 1.54436, 1.01580 | the same |
    | `exp`, `sin` | 1/e, √(2/(1 - e⁻²)) | the same |
    | `glu`, `reglu`, `geglu`, `swiglu` | 1.84623, √2, 1.53353, 1.67653 | the same |

    `gelu` is `z·Φ(z)`, `gelu_tanh` its approximation by tanh, `quick_gelu` the one by a sigmoid of `1.702·z`.
    `softshrink` and `hardshrink` have PyTorch's lambda of 1/2. `glu` and its relatives are `x·f(z)`, `x` and
    `z` independent, for which the gain is that of `f`, here by the formula.

    Args:
        nonlinearity: The name of the function, as in the table, in small or capital letters, with or without
            underscores or hyphens. Also understood: `hard_silu`, `relu_squared`, `relu2`, `sine`, and for
            `gelu_tanh` the names `gelu_new`, `gelu_fast` and `gelu_pytorch_tanh` of Hugging Face.
        param: The slope below 0 of `leaky_relu` (None: 0.01) and of `prelu` (None: 0.25), or the alpha of
            `elu` and of `celu` (None: 1.0, for `celu` above 0). Other functions have none, and as in PyTorch
            a number has no effect on them.
        exact: Whether `sigmoid`, `tanh` and `selu` follow the formula, too (default False).

    Returns:
        The gain, a float; the same bits on every machine. The constants are correct to the last digit.

    Raises:
        ArgumentError: There is no such function; the parameter is NaN, infinite or, for `celu`, not positive.
        ArgumentTypeError: An argument is of the wrong type.

    Example:
        >>> import initkit as ik
        >>> ik.calculate_gain("relu"), ik.calculate_gain("leaky_relu", 0.2), ik.calculate_gain("gelu")
        (1.4142135623730951, 1.3867504905630728, 1.5335304411955353)
        >>> ik.calculate_gain("tanh"), ik.calculate_gain("tanh", exact=True)
        (1.6666666666666667, 1.5925374197228315)

    Reference:
        PyTorch, `torch.nn.init.calculate_gain`; He, Zhang, Ren, Sun, "Delving deep into rectifiers", 2015;
        Klambauer, Unterthiner, Mayr, Hochreiter, "Self-normalizing neural networks", 2017.
    """
    name = check_nonlinearity(nonlinearity)
    if not isinstance(exact, (bool, np.bool_)):
        message = f"Argument `exact` must be True or False. Received: {exact!r:.100} of type"
        message += f" {type(exact).__name__}. Allowed: these two. Leave it out for PyTorch's values."
        raise ArgumentTypeError(message)
    if param is not None:
        _check_number(name, param)
    if name in _PARAMETERS:
        return _gain_with(name, _checked_parameter(name, param))
    return _TORCH[name] if name in _TORCH and not (exact and name in _EXACT) else _EXACT[name]


def check_nonlinearity(nonlinearity: object) -> str:
    """Refuse the name of a function whose gain is not known.

    Args:
        nonlinearity: What was given.

    Returns:
        The name under which the table has it.

    Raises:
        ArgumentTypeError: It is no text.
        ArgumentError: The table does not have it.

    Example:
        >>> check_nonlinearity("swish")
        'silu'
    """
    if not isinstance(nonlinearity, str):
        message = f"Argument `nonlinearity` must be a name. Received: {nonlinearity!r:.100} of type"
        message += f" {type(nonlinearity).__name__}. Allowed: {_listed()}. Write, for example, 'relu'."
        raise ArgumentTypeError(message)
    letters = nonlinearity.lower().replace("_", "").replace("-", "").replace(" ", "")
    if letters not in _BY_LETTERS:
        message = f"Unknown nonlinearity. Received: {nonlinearity!r:.100}. Allowed: {_listed()}. Name one of"
        message += " these, or give a number where a gain is asked for."
        raise ArgumentError(message + did_you_mean(nearest_names(nonlinearity, NONLINEARITIES)))
    name = _BY_LETTERS[letters]
    return _OTHER_NAMES.get(name, name)


def takes_parameter(nonlinearity: str) -> bool:
    """Whether the gain of a function depends on a parameter.

    Args:
        nonlinearity: A name that `check_nonlinearity` has returned.

    Returns:
        True for leaky ReLU, PReLU, ELU and CELU.

    Example:
        >>> takes_parameter("elu"), takes_parameter("relu")
        (True, False)
    """
    return nonlinearity in _PARAMETERS


def _listed() -> str:
    return ", ".join(map(repr, NONLINEARITIES))


def _check_number(name: str, param: object) -> None:
    if isinstance(param, (bool, np.bool_)) or not isinstance(param, (int, float, np.integer, np.floating)):
        meaning, default = _PARAMETERS.get(name, ("which has no effect, in the place of the parameter", None))
        message = f"Argument `param` must be a real number, {meaning} of {name!r}. Received:"
        message += f" param={param!r:.100} of type {type(param).__name__}. Allowed: None, integers and"
        message += f" floats. Write, for example, param={default}."
        raise ArgumentTypeError(message)


def _checked_parameter(name: str, param: SupportsFloat | None) -> float:
    meaning, default = _PARAMETERS[name]
    if param is None:
        return default
    try:
        number = float(param)
    except OverflowError:
        number = float("inf")
    if not isfinite(number) or (name == "celu" and number <= 0.0):
        least = " above 0" if name == "celu" else ""
        message = f"Argument `param` is out of range: {meaning} of {name!r}. Received: param={param!r:.100}."
        message += f" Allowed: finite numbers{least}. Choose one of these."
        raise ArgumentError(message)
    return number


def _gain_with(name: str, param: float) -> float:
    if name in ("leaky_relu", "prelu"):
        return sqrt(2.0 / (1.0 + param * param))
    if name == "celu" and param != 1.0:
        return sqrt(1.0 / (0.5 + _celu_below(param)))
    return sqrt(1.0 / (0.5 + param * param * _ELU_BELOW))


def _celu_below(alpha: float) -> float:
    """`E[f(z)²; z < 0]` of celu.

    The integral over `x = -z` from 0 up, by the trapezoidal rule for `t` in `x = exp(t - exp(-t))`, which
    finds both scales, that of the law and alpha, wherever alpha lies.
    """
    t = np.arange(-6 * 32, 3 * 32 + 1) / 32
    fall = elementary.exp(np, -t)
    x = elementary.exp(np, t - fall)
    with np.errstate(over="ignore", under="ignore"):
        below = alpha * elementary.expm1(np, -x / alpha)
        terms = below * below * elementary.exp(np, -0.5 * x * x) * x * (1.0 + fall)
    # Rounded once, so that the order of the sum cannot be seen. The factor is the step over √(2π).
    return fsum(terms.tolist()) * (0.3989422804014327 / 32)
