"""The initializers themselves: one module per family, blind to where arrays live."""

from initkit.initializers.constant import Constant, Identity, Ones, Zeros
from initkit.initializers.orthogonal import Orthogonal
from initkit.initializers.random import RandomNormal, RandomUniform, TruncatedNormal
from initkit.initializers.stft import STFT
from initkit.initializers.variance_scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
)

__all__ = [
    "STFT",
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
]
