"""What every preset came to when it was published, kept in `published.txt`: a version never changes.

`python -m tests.recipe.presets.published` appends the presets that are not in the file yet. It writes no line
anew: a preset that is to come to something else is a new one, with the next version in its name.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from initkit.recipe import Plan, Recipe
from initkit.recipe.presets import preset_names
from initkit.recipe.writing.authoring import law_data

FILE = Path(__file__).with_name("published.txt")


def published(path: Path = FILE) -> dict[str, str]:
    """The digests that are kept, by the name of the preset.

    Raises:
        ValueError: A preset has two lines.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = [(name, digest) for name, digest in (line.split() for line in lines)]
    if len(dict(pairs)) < len(pairs):
        message = f"{path.name} has a preset twice. Keep the first of its lines."
        raise ValueError(message)
    return dict(pairs)


def digest_of(plan: Plan) -> str:
    """The SHA-256 of all that a plan's values depend on but the seed; comments and spellings do not count."""
    laws: dict[int, Any] = {}
    digest = hashlib.sha256()

    def add(*facts: Any) -> None:
        digest.update(json.dumps(facts, sort_keys=True).encode() + b"\n")

    for name, value in plan.variables.items():
        add("variable", name, value)
    for tensor in plan.tensors:
        if id(tensor.made) not in laws:
            law = None if tensor.template is None else law_data(tensor.template)
            # What a default of a class means shows in the moments.
            moments = [None if one is None else f"{one:.6g}" for one in (tensor.mean, tensor.std)]
            laws[id(tensor.made)] = [law, *moments]
        form = (list(tensor.shape), tensor.dtype.name, list(tensor.seed_path))
        add("tensor", tensor.name, *form, laws[id(tensor.made)])
    for tie in plan.ties:
        add("tie", tie.name, tie.target)
    return digest.hexdigest()


def preset_digest(name: str) -> str:
    """The digest of a preset that is there now."""
    return digest_of(Recipe.preset(name, seed=0).plan())


def append_new(path: Path = FILE) -> list[str]:
    """Append a line for every preset that has none; returns their names."""
    new = [name for name in preset_names() if name not in published(path)]
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{name} {preset_digest(name)}\n" for name in new)
    return new


if __name__ == "__main__":
    print(*append_new(), sep="\n")
