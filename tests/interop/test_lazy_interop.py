"""Lazy arrays as other libraries take them: Dask's chunks and JAX's shards, as they are."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import initkit as ik

SHAPE = (60, 40)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16", "complex64"])
@pytest.mark.parametrize("chunks", ["auto", (7, 13), (60, 1), -1], ids=str)
def test_dask_chunks_are_slices(dtype: str, chunks: Any) -> None:
    """`dask.array.from_array(lazy)` has the values of a call, whatever the chunks."""
    da: Any = import_module("dask.array")
    init = ik.RandomNormal(seed=7)
    array = da.from_array(init.lazy(SHAPE, dtype), chunks=chunks)
    assert array.shape == SHAPE
    assert array.dtype == np.dtype(dtype)
    assert array.compute(scheduler="threads").tobytes() == init(SHAPE, dtype).tobytes()


def test_dask_asks_for_the_slice_alone() -> None:
    """A part of a Dask array of a giant needs a part of the giant."""
    da: Any = import_module("dask.array")
    lazy = ik.HeNormal(seed=7).lazy((1_000_000, 16384), "bfloat16")
    array = da.from_array(lazy, chunks=(1000, 16384))
    part = array[512_000:512_010, ::4096].compute(scheduler="threads")
    assert part.tobytes() == lazy[512_000:512_010, ::4096].tobytes()


def test_dask_tells_draws_apart() -> None:
    """Two draws of one initializer are two Dask arrays, and equal ones are one."""
    da: Any = import_module("dask.array")
    init = ik.RandomNormal(seed=ik.SeedGenerator(7))
    one, other = (da.from_array(init.lazy((8,)), chunks=4) for _ in range(2))
    again = da.from_array(ik.RandomNormal(seed=ik.SeedGenerator(7)).lazy((8,)), chunks=4)
    assert one.name != other.name
    both = da.stack([one, other]).compute(scheduler="threads")
    assert both[0].tobytes() != both[1].tobytes()
    assert again.compute(scheduler="threads").tobytes() == both[0].tobytes()


def test_dask_in_other_processes() -> None:
    """A lazy array goes to Dask's worker processes and gives the same values there."""
    script = """
        import dask.array as da, numpy as np, initkit as ik

        if __name__ == "__main__":
            init = ik.RandomNormal(seed=7)
            array = da.from_array(init.lazy((30, 8)), chunks=(10, 8))
            values = array.compute(scheduler="processes", num_workers=2)
            assert values.tobytes() == init((30, 8)).tobytes()
    """
    import_module("dask.array")
    _run(script)


def test_jax_shards_are_slices() -> None:
    """`jax.make_array_from_callback(shape, sharding, lambda i: lazy[i])` puts each shard on its device."""
    script = """
        import jax, numpy as np, initkit as ik
        from jax.sharding import Mesh, NamedSharding, PartitionSpec

        assert len(jax.devices()) == 4
        mesh = Mesh(np.array(jax.devices()).reshape(2, 2), ("rows", "columns"))
        for dtype in ("float32", "bfloat16", "float16", "complex64"):
            for spec in (("rows", "columns"), ("columns",), (None, "rows"), (("rows", "columns"),), ()):
                lazy = ik.RandomNormal(seed=7).lazy((64, 32), dtype)
                sharding = NamedSharding(mesh, PartitionSpec(*spec))
                array = jax.make_array_from_callback(lazy.shape, sharding, lambda i: lazy[i])
                whole = ik.RandomNormal(seed=7)((64, 32), dtype)
                assert array.dtype == whole.dtype
                assert np.asarray(array).tobytes() == whole.tobytes()
                for shard in array.addressable_shards:
                    assert np.asarray(shard.data).tobytes() == whole[shard.index].tobytes()
                    assert shard.data.shape == sharding.shard_shape((64, 32))
    """
    import_module("jax")
    _run(script, XLA_FLAGS="--xla_force_host_platform_device_count=4", JAX_PLATFORMS="cpu")


def _run(script: str, **environment: str) -> None:
    """Run a script in a process of its own, where the environment decides."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
