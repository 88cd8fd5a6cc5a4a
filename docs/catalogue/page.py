"""The catalogue page: a table of all classes, and a section for each."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from docs.catalogue.facts import Facts, all_facts, read_names
from docs.catalogue.pictures import draw

PAGE = "catalogue.md"
PICTURES = "pictures"

# The libraries that have a column of their own in the table at the top.
_COLUMNS = ("Keras", "PyTorch", "JAX")

_HEAD = """\
# Catalogue

<!-- Written by `python -m docs.catalogue`: change the docstrings or docs/catalogue/names.yaml instead. -->

Every initializer of initkit: its law, what it looks like, what other libraries call it, and where it comes
from. Arguments, errors and examples are in the [API reference](api.md).

"""

_LEGEND = """
## How to read this

A histogram shows the values of one tensor; the line is the mean, the band one standard deviation to either
side, both as the law has them. In a matrix orange is above zero and blue below, the stronger the larger.
Complex values are points of the plane, the real part to the right and the imaginary part up. The call that
made the tensor stands below the picture; what has no seed there drew from `SeedGenerator(7)`.

"Slices" says how a slice that is made alone compares with the same slice of the whole, and one machine with
another.

A name elsewhere is that of the closest relative, so remarks tell where the two differ in law; arguments,
defaults and the order of axes differ from library to library. If it is not written out in full, it is found
here:

"""


def generated_files() -> dict[str, str]:
    """The text of the page and of every picture, by their paths under docs/."""
    facts = list(all_facts())
    pictures = {f"{PICTURES}/{fact.cls.__name__}.svg": draw(fact.picture) for fact in facts}
    return {PAGE: page(facts), **pictures}


def page(facts: list[Facts]) -> str:
    """The page in Markdown."""
    parts = [_HEAD, _table(facts), _LEGEND, _libraries()]
    for family, members in groupby(facts, key=attrgetter("family")):
        parts.append(f"\n## {family}\n")
        parts.extend(map(_section, members))
    return "".join(parts)


def _table(facts: list[Facts]) -> str:
    rows = [
        "| class | what it makes | " + " | ".join(_COLUMNS) + " |\n",
        "|---" * (2 + len(_COLUMNS)) + "|\n",
    ]
    for fact in facts:
        name = fact.cls.__name__
        there = (", ".join(map(_code, fact.elsewhere.get(library, ()))) for library in _COLUMNS)
        cells = [f"[{name}](#{name.lower()})", fact.summary, *there]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(rows)


def _libraries() -> str:
    rows = [f"| {library} | {where} |\n" for library, where in read_names()["libraries"].items()]
    return "".join(["| library | its initializers |\n", "|---|---|\n", *rows])


def _section(fact: Facts) -> str:
    name, picture = fact.cls.__name__, fact.picture
    points = {
        "Also": ", ".join(map(_code, fact.names[1:])),
        "Dtypes": fact.dtypes,
        "Slices": fact.slices,
        "Elsewhere": _elsewhere(fact),
        "Source": fact.reference,
    }
    lines = [
        f"\n### {name}\n",
        f"{fact.summary}\n",
        f"![{picture.title}]({PICTURES}/{name}.svg)\n",
        f"{_code(picture.call)}\n",
        f"**Formula:** {fact.formula}\n",
        "\n".join(f"- **{title}:** {text}" for title, text in points.items() if text) + "\n",
    ]
    return "\n".join(lines)


def _elsewhere(fact: Facts) -> str:
    """The names in other libraries, with what differs there."""
    found = [
        f"{library} "
        + ", ".join(_code(name) + (f" ({remark})" if remark else "") for name, remark in names.items())
        for library, names in fact.elsewhere.items()
    ]
    text = "; ".join(found) or "only here"
    return f"{text}. {fact.remark}" if fact.remark else text


def _code(text: str) -> str:
    return f"`{text}`"
