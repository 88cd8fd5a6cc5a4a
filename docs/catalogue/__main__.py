"""Writes docs/catalogue.md and docs/pictures/ anew, from the registry and names.yaml.

Run it from the root of the repository after adding a class or changing a docstring; a test compares the
files.

    python -m docs.catalogue
"""

from __future__ import annotations

from pathlib import Path

from docs.catalogue.page import PICTURES, generated_files

DOCS = Path(__file__).parents[1]


def write() -> None:
    """Write every file, and remove the pictures of classes that are gone."""
    files = generated_files()
    (DOCS / PICTURES).mkdir(exist_ok=True)
    for stale in {path.name for path in (DOCS / PICTURES).iterdir()} - {Path(name).name for name in files}:
        (DOCS / PICTURES / stale).unlink()
    for name, text in files.items():
        (DOCS / name).write_text(text, encoding="utf-8", newline="\n")
    print(f"Wrote {len(files)} files under {DOCS.name}/.")


if __name__ == "__main__":
    write()
