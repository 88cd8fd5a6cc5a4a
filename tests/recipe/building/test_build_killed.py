"""Builds that are killed around their last steps: the same command ends them, wherever that was."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

# It imports once, and forks: every child builds, and is killed before its Nth renaming or removing.
SCRIPT = """
import os, signal, sys, tempfile
from pathlib import Path
from initkit.recipe import Recipe
from initkit.recipe.building.build import build

TEXT = '''
initkit: 1
seed: 42
tensors: {a: [1000], "b.{0..1}": [100], large: [1500], c: [500]}
rules: [{match: "*", init: {random_normal: {stddev: 0.02}}}]
'''
PLAN = Recipe.from_text(TEXT).plan()
CALLS = eval(sys.argv[1])

def steps(folder, kill_at):
    # How many steps a build takes in a child of its own; None where it is killed.
    child = os.fork()
    if not child:
        count = 0
        def watch(event, arguments):
            nonlocal count
            if event in ("os.rename", "os.remove") and str(folder) in str(arguments[0]):
                if count == kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
        sys.addaudithook(watch)
        for options in CALLS:
            build(PLAN, folder / "model.safetensors" if options is None else folder, **(options or {}))
        if kill_at >= 0:
            # After the last, of which there is one less where a thread happens to be late.
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(count)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return None if code == -signal.SIGKILL else code

def files(folder):
    return {entry.name: entry.read_bytes() for entry in folder.iterdir()}

with tempfile.TemporaryDirectory() as parent:
    def folder(name):
        made = Path(parent, str(name))
        made.mkdir()
        return made
    whole = folder("whole")
    count = steps(whole, -1)
    expected = files(whole)
    for kill_at in range(count + 1):
        place = folder(kill_at)
        assert steps(place, kill_at) is None, kill_at
        assert steps(place, -1) is not None, kill_at
        assert files(place) == expected, (kill_at, sorted(files(place)))
    print(count, len(expected))
"""

FILES: dict[str, Any] = {"max_shard_size": 5000}
ONE: dict[str, Any] = {"max_shard_size": 1_000_000}


@pytest.mark.skipif(sys.platform == "win32", reason="forks, and kills as only POSIX systems do")
@pytest.mark.parametrize(
    ("calls", "files"),
    [
        ([None], 1),
        ([FILES], 4),
        ([ONE], 1),
        ([FILES | {"shard": (1, 1)}], 4),
        ([FILES | {"shard": (1, 2)}, FILES | {"shard": (2, 2)}], 4),
        ([ONE | {"shard": (1, 2)}, ONE | {"shard": (2, 2)}], 1),
    ],
    ids=["file", "files", "one of files", "share", "shares", "shares of one"],
)
def test_killed_at_every_last_step(calls: list[dict[str, Any] | None], files: int) -> None:
    """Killed before any renaming or removing, or after the last, a build ends with the same command."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, repr(calls)], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    steps, count = map(int, done.stdout.split())
    assert count == files
    # Every file has its name given and its journal removed.
    assert steps >= 2 * files - (files > 1)
