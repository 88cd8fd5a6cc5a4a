"""Dask clusters of a few processes, and recipes to build on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from initkit.recipe import Plan
from tests.recipe.texts import plan_of, tensors_and_rules

TENSORS = """
h.{0..5}.w: [301, 257]
half: {shape: [70001], dtype: bfloat16}
eighth: {shape: [5, 3], dtype: float8_e4m3fn}
double: {shape: [9999], dtype: float64}
q: [70, 50]
flags: {shape: [3], dtype: bool}
empty: [0, 3]
head: {tie: h.1.w}
"""
RULES = (
    "{match: flags, init: ones}",
    "{match: q, init: orthogonal}",
    "{match: 'h.{layer}.w', init: {truncated_normal: {stddev: 0.1 / (layer + 1)}}}",
    "{match: '*', init: {random_uniform: {minval: -1, maxval: 1}}}",
)


def varied_plan() -> Plan:
    """Tensors of many dtypes, shapes and initializers, two megabytes in all."""
    return plan_of(tensors_and_rules(TENSORS, *RULES))


def even_plan(count: int = 24) -> Plan:
    """So many tensors of a megabyte."""
    rule = "{match: '*', init: {random_normal: {stddev: 0.02}}}"
    return plan_of(
        tensors_and_rules(f"'w.{{0..{count - 1}}}': {{shape: [512, 1024], dtype: bfloat16}}", rule)
    )


@contextmanager
def local_cluster(workers: int = 2, **options: Any) -> Iterator[Any]:
    """A cluster of worker processes, each of one thread.

    Args:
        workers: How many.
        **options: What else `distributed.LocalCluster` takes.

    Yields:
        The cluster.
    """
    from distributed import LocalCluster

    given = {"threads_per_worker": 1, "processes": True, "dashboard_address": ":0", "host": "127.0.0.1"}
    with LocalCluster(n_workers=workers, **{**given, **options}) as cluster:
        yield cluster


def digests(target: Path) -> dict[str, str]:
    """The SHA-256 of a file, or of all files in a folder, hidden ones included."""
    files = sorted(target.iterdir()) if target.is_dir() else [target]
    return {
        (path.name if target.is_dir() else ""): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
