"""The same work in initkit and in its peers, each on the GPU, as functions that prepare it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import initkit as ik
from initkit.backends import get_backend
from initkit.dtypes import resolve_dtype
from tests.gpu.timing import Work, cupy_clock, cupy_events, jax_clock, torch_clock, torch_events

Shape = tuple[int, ...]
View = Callable[[Any], Any]


def whole(array: Any) -> Any:
    """All of an array, as it lies in memory."""
    return array


def transposed(array: Any) -> Any:
    """The transpose of a matrix of CuPy's or torch's."""
    return array.T


def every_second_column(array: Any) -> Any:
    """The half of a matrix of CuPy's or torch's that has gaps in between."""
    return array[:, ::2]


def own_fill(initializer: Any, shape: Shape, dtype: str = "float32", view: View = whole) -> Work:
    """An initializer's class on an array that exists already, or on a view of it."""
    array = view(get_backend("cupy").empty(shape, resolve_dtype(dtype)))
    seeded = initializer.clone(seed=ik.SeedGenerator(7, backend="cupy"))
    return Work(lambda: seeded.fill(array), cupy_events)


def own_call(initializer: Any, shape: Shape) -> Work:
    """An initializer that makes a new array."""
    seeded = initializer.clone(seed=ik.SeedGenerator(7, backend="cupy"))
    return Work(lambda: seeded(shape), cupy_events)


def own_small(initializer: Any, shape: Shape, number: int) -> Work:
    """As many new arrays, each drawn by a generator of its own name."""
    generator = ik.SeedGenerator(7, backend="cupy")
    seeded = [initializer.clone(seed=generator.child(f"layer.{k}")) for k in range(number)]
    return Work(lambda: [each(shape) for each in seeded], cupy_clock)


def memset(shape: Shape) -> Work:
    """What writing the same bytes takes at least: the driver's own fill with zeros."""
    import cupy

    array = cupy.empty(shape, cupy.float32)
    return Work(lambda: array.data.memset_async(0, array.nbytes), cupy_events)


def cupy_fill(shape: Shape) -> Work:
    """The same by a kernel: an elementwise fill with ones."""
    import cupy

    array = cupy.empty(shape, cupy.float32)
    return Work(lambda: array.fill(1), cupy_events)


def cupy_generator(name: str, shape: Shape) -> Work:
    """A method of CuPy's `Generator`, float32."""
    import cupy

    method = getattr(cupy.random.default_rng(7), name)
    return Work(lambda: method(shape, dtype=cupy.float32), cupy_events)


def cupy_random_state(name: str, shape: Shape, *arguments: float) -> Work:
    """A method of CuPy's `RandomState`, float32."""
    import cupy

    method = getattr(cupy.random.RandomState(7), name)
    return Work(lambda: method(*arguments, shape, dtype=cupy.float32), cupy_events)


def torch_fill(
    name: str, shape: Shape, dtype: str = "float32", *arguments: float, view: View = whole
) -> Work:
    """A function of `torch.nn.init` on a tensor that exists already, or on a view of it."""
    torch = _torch()
    tensor = view(torch.empty(shape, dtype=getattr(torch, dtype), device="cuda"))
    function = getattr(torch.nn.init, name)
    return Work(lambda: function(tensor, *arguments), torch_events)


def torch_call(name: str, shape: Shape) -> Work:
    """A function of `torch.nn.init` on a new tensor."""
    torch = _torch()
    function = getattr(torch.nn.init, name)
    return Work(lambda: function(torch.empty(shape, device="cuda")), torch_events)


def torch_small(name: str, shape: Shape, number: int) -> Work:
    """As many new tensors."""
    torch = _torch()
    function = getattr(torch.nn.init, name)
    return Work(lambda: [function(torch.empty(shape, device="cuda")) for _ in range(number)], torch_clock)


def jax_call(name: str, shape: Shape, dtype: str = "float32", *arguments: float) -> Work:
    """A function of `jax.random`, compiled, on a new array."""
    jax = _jax()
    law = getattr(jax.random, name)
    compiled = jax.jit(lambda key: law(key, *arguments, shape, dtype=dtype))
    key = jax.random.key(7)
    return Work(lambda: compiled(key), jax_clock)


def jax_initializer(name: str, shape: Shape, number: int = 1) -> Work:
    """A function of `jax.nn.initializers`, compiled, called as often as said on keys of its own."""
    jax = _jax()
    initializer = getattr(jax.nn.initializers, name)()
    compiled = jax.jit(lambda key: initializer(key, shape))
    keys = list(jax.random.split(jax.random.key(7), number))
    return Work(lambda: [compiled(key) for key in keys], jax_clock)


def keras_initializer(name: str, shape: Shape, number: int = 1) -> Work:
    """A Keras initializer on JAX, which is not compiled: nobody compiles one."""
    _jax()
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    initializer = getattr(keras.initializers, name)(seed=keras.random.SeedGenerator(7))
    return Work(lambda: [initializer(shape) for _ in range(number)], jax_clock)


def _torch() -> Any:
    import torch

    if not torch.cuda.is_available():
        raise ImportError("torch sees no GPU")
    return torch


def _jax() -> Any:
    # Else it takes three quarters of the GPU's memory at once.
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    import jax

    if jax.default_backend() != "gpu":
        raise ImportError("JAX sees no GPU")
    return jax
