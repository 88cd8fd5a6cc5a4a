"""The same work in initkit and in its peers, as functions that prepare a function without arguments."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

import initkit as ik

Shape = tuple[int, int]


def torch_fill(name: str, shape: Shape, dtype: str, *arguments: Any) -> Callable[[], object]:
    """A function of `torch.nn.init` on a tensor that exists already."""
    import torch

    tensor = torch.empty(shape, dtype=getattr(torch, dtype))
    function = getattr(torch.nn.init, name)
    return lambda: function(tensor, *arguments)


def own_fill(initializer: ik.Initializer, shape: Shape, dtype: str) -> Callable[[], object]:
    """An initializer on an array that exists already."""
    array = np.empty(shape, ik.dtypes.resolve_dtype(dtype).numpy)
    return lambda: initializer.fill(array)


def own_call(initializer: ik.Initializer, shape: Shape) -> Callable[[], object]:
    """An initializer that makes a new array."""
    return lambda: initializer(shape)


def keras_call(name: str, shape: Shape) -> Callable[[], object]:
    """A Keras initializer on JAX, finished when it returns."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax
    import keras

    initializer = getattr(keras.initializers, name)(seed=keras.random.SeedGenerator(7))
    return lambda: jax.block_until_ready(initializer(shape))


def jax_call(shape: Shape) -> Callable[[], object]:
    """`jax.nn.initializers.he_normal`, compiled."""
    import jax

    compiled = jax.jit(lambda key: jax.nn.initializers.he_normal()(key, shape))
    key = jax.random.key(7)
    return lambda: jax.block_until_ready(compiled(key))


def numpy_normal(shape: Shape) -> Callable[[], object]:
    """NumPy's fastest normal generator, in float32, on an array that exists already."""
    generator = np.random.Generator(np.random.SFC64(7))
    array = np.empty(shape, np.float32)
    return lambda: generator.standard_normal(dtype=np.float32, out=array)
