"""A multilayer perceptron in plain NumPy, trained from initial weights that strings name.

Two interleaved spirals are told apart by three hidden layers. The same network starts from three schemes,
each named by a string.

    python examples/mlp_numpy.py
"""

from itertools import pairwise

import numpy as np

import initkit as ik

WIDTHS = (2, 64, 64, 64, 1)
STEPS = 300
RATE = 0.01


def spirals(points: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Points on two spirals of one and a half turns each, and which spiral they lie on."""
    turn = np.linspace(0.25, 1.5, points // 2)
    noise = ik.RandomNormal(stddev=0.02, seed=1)((2, points // 2, 2))
    arm = np.stack([turn * np.cos(2 * np.pi * turn), turn * np.sin(2 * np.pi * turn)], axis=-1)
    inputs = np.concatenate([arm, -arm]) + noise.reshape(-1, 2)
    return inputs.astype(np.float32), np.repeat([0.0, 1.0], points // 2).astype(np.float32)[:, None]


def make_weights(scheme: str, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A weight and a bias for every layer, each drawn under its own name."""
    generator = ik.SeedGenerator(seed)
    layers = []
    for number, (width_in, width_out) in enumerate(pairwise(WIDTHS)):
        kernel = ik.get(scheme).clone(seed=generator.child(f"layers.{number}.weight"))
        layers.append((kernel((width_in, width_out)), ik.get("zeros")(width_out)))
    return layers


def accuracy_after_training(scheme: str, seed: int = 7) -> float:
    """Train by Adam on all points at once; return the share of points told apart."""
    inputs, labels = spirals()
    layers = make_weights(scheme, seed)
    moments = [[(np.zeros_like(part), np.zeros_like(part)) for part in layer] for layer in layers]
    for step in range(1, STEPS + 1):
        activations = [inputs]
        for weight, bias in layers[:-1]:
            activations.append(np.maximum(activations[-1] @ weight + bias, 0.0))
        logits = activations[-1] @ layers[-1][0] + layers[-1][1]
        gradient = (1.0 / (1.0 + np.exp(-logits)) - labels) / len(labels)
        for number in reversed(range(len(layers))):
            weight, bias = layers[number]
            gradients = (activations[number].T @ gradient, gradient.sum(axis=0))
            gradient = (gradient @ weight.T) * (activations[number] > 0)
            for part, slope, (mean, square) in zip((weight, bias), gradients, moments[number], strict=True):
                mean += 0.1 * (slope - mean)
                square += 0.001 * (slope**2 - square)
                scale = np.sqrt(square / (1 - 0.999**step)) + 1e-8
                part -= RATE * mean / (1 - 0.9**step) / scale
    return float(((logits > 0) == (labels > 0.5)).mean())


def main() -> None:
    """Train from three schemes and print how each does."""
    for scheme in ("he_normal", "glorot_uniform", "orthogonal"):
        print(f"{scheme:<16} {accuracy_after_training(scheme):.1%} of the points told apart")


if __name__ == "__main__":
    main()
