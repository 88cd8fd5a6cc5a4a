"""Writes configs.json: what the installed Keras says of its own initializers.

    KERAS_BACKEND=numpy python -m tests.keras_configs

The file is committed, so that the tests need no Keras; write it again when the dialect moves to another
version.
"""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np

MADE = {
    "Zeros()": keras.initializers.Zeros(),
    "Ones()": keras.initializers.Ones(),
    "Constant(value=0.25)": keras.initializers.Constant(0.25),
    "Constant(value=np.array([[1.0, 2.0], [3.0, -4.5]], 'float32'))": keras.initializers.Constant(
        np.array([[1.0, 2.0], [3.0, -4.5]], "float32")
    ),
    "STFT('imag', 'hamming', 'spectrum', True)": keras.initializers.STFT("imag", "hamming", "spectrum", True),
    "STFT(window=None)": keras.initializers.STFT(window=None),
    "RandomNormal(mean=1.0, stddev=2.0, seed=3)": keras.initializers.RandomNormal(1.0, 2.0, 3),
    "RandomNormal()": keras.initializers.RandomNormal(),
    "RandomNormal(seed=SeedGenerator(5))": keras.initializers.RandomNormal(
        seed=keras.random.SeedGenerator(5)
    ),
    "RandomUniform(minval=-1.0, maxval=2.0, seed=0)": keras.initializers.RandomUniform(-1.0, 2.0, 0),
    "TruncatedNormal(mean=1.0, stddev=2.0, seed=3)": keras.initializers.TruncatedNormal(1.0, 2.0, 3),
    "VarianceScaling(2.0, 'fan_out', 'uniform', 3, [0], [1, 2])": keras.initializers.VarianceScaling(
        2.0, "fan_out", "uniform", 3, [0], [1, 2]
    ),
    "VarianceScaling(distribution='normal')": keras.initializers.VarianceScaling(distribution="normal"),
    "GlorotNormal(seed=3)": keras.initializers.GlorotNormal(3),
    "GlorotUniform(seed=SeedGenerator(5))": keras.initializers.GlorotUniform(keras.random.SeedGenerator(5)),
    "HeNormal(seed=3, input_axes=[0, 1], output_axes=[2])": keras.initializers.HeNormal(3, [0, 1], [2]),
    "HeUniform(seed=3)": keras.initializers.HeUniform(3),
    "LecunNormal(seed=3)": keras.initializers.LecunNormal(3),
    "LecunUniform(seed=3)": keras.initializers.LecunUniform(3),
    "Orthogonal(gain=2.0, seed=3)": keras.initializers.Orthogonal(2.0, 3),
    # Keras loses the gain, so that no reader can know it.
    "Identity()": keras.initializers.Identity(1.0),
    "SeedGenerator(3)": keras.random.SeedGenerator(3),
}


def main() -> None:
    """Write the file."""
    configs = {expression: keras.saving.serialize_keras_object(thing) for expression, thing in MADE.items()}
    text = json.dumps({"keras": keras.version(), "configs": configs}, indent=1)
    Path(__file__).with_name("configs.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
