"""Writes the tables of docs/scale.md and its picture anew, from measured.json.

Run it from the root of the repository after changing the simulation, or after `python -m docs.scale.measure`;
a test compares the files.

    python -m docs.scale
"""

from __future__ import annotations

from docs.scale.page import PAGE, PICTURE, generated_page, picture


def write() -> None:
    """Write both."""
    PAGE.write_text(generated_page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
    print(f"Wrote {PAGE.name} and {PICTURE.name}.")


if __name__ == "__main__":
    write()
