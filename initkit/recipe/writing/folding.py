r"""Many names of tensors as few texts with braces, from which `expand_braces` gives back exactly those names.

Names are cut into words, runs of digits and the signs between them. Names of equal values that differ in one
run of digits become one text with a range or a list there; after all runs of digits, from the first to the
last, words are joined in the same way, from the last to the first. What is joined at each step are boxes:
every choice of one alternative per place is a name that was given, and each name is in one box only. So
nothing can be lost or added, whatever the names are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterable, Iterator, Sequence
from itertools import pairwise, takewhile
from typing import TypeAlias, TypeVar

from initkit.recipe.language.pattern import escape_braces

ValueT = TypeVar("ValueT", bound=Hashable)

# The characters of one list of words, and the numbers of one list: more would not be read, but counted.
_LONGEST_LIST = 60
_MOST_NUMBERS = 8
# Ranges with a step are harder to read than a list of a few numbers.
_FEWEST_STEPS = 4
# Longer runs of digits are no numbers, but words such as digests.
_LONGEST_NUMBER = 18

# Signs that have a meaning inside braces never become a part of a list.
_TOKENS = re.compile(rf"[0-9]{{1,{_LONGEST_NUMBER}}}(?![0-9])|[0-9]+|[^0-9./{{}},\\]+|[./{{}},\\]")

# Per place of a name the alternatives that stand there.
_Box: TypeAlias = tuple[tuple[str, ...], ...]


def fold_names(
    names: Iterable[tuple[str, ValueT]], verbatim: Collection[str] = ()
) -> list[tuple[str, ValueT]]:
    r"""Write names of equal values with braces, where they differ in a number or in a word.

    Args:
        names: Different names, each with a value that names can only be joined with if theirs are equal.
        verbatim: Those of them that are texts with braces already, and stay as they are.

    Returns:
        Texts for `expand_braces`, each with its value, in the order in which the first name of each came.

    Example:
        >>> fold_names([("h.0.q_proj", 1), ("h.0.k_proj", 1), ("h.1.q_proj", 1), ("h.1.k_proj", 1)])
        [('h.{0..1}.{q,k}_proj', 1)]
        >>> fold_names([("ln_1.weight", 1), ("ln_2.weight", 1), ("ln_f.weight", 1), ("odd{1}", 2)])
        [('ln_{1,2}.weight', 1), ('ln_f.weight', 1), ('odd\\{1\\}', 2)]
    """
    groups: dict[tuple[tuple[str, ...], ValueT], dict[_Box, int]] = {}
    folded: list[tuple[int, str, ValueT]] = []
    for position, (name, value) in enumerate(names):
        if name in verbatim:
            folded.append((position, name, value))
            continue
        tokens = _TOKENS.findall(name)
        kinds = tuple(map(_kind, tokens))
        slots = tuple((token,) for token, kind in zip(tokens, kinds, strict=True) if kind in ("0", "a"))
        groups.setdefault((kinds, value), {})[slots] = position
    for (kinds, value), boxes in groups.items():
        for box, position in _joined(boxes, kinds).items():
            folded.append((position, _text(kinds, box), value))
    return [(text, value) for _, text, value in sorted(folded, key=lambda entry: entry[0])]


def _kind(token: str) -> str:
    """What a token is: `0` for a number, `a` for a word; a sign, or what is too long, for itself."""
    if token[0] in "0123456789":
        return "0" if len(token) <= _LONGEST_NUMBER else token
    return token if token in "./{},\\" else "a"


def _joined(boxes: dict[_Box, int], kinds: Sequence[str]) -> dict[_Box, int]:
    """The boxes of one structure and value, as few as joining them place by place makes."""
    places = [kind for kind in kinds if kind in ("0", "a")]
    numbers = [place for place, kind in enumerate(places) if kind == "0"]
    words = [place for place, kind in enumerate(places) if kind == "a"]
    for place in (*numbers, *reversed(words)):
        if len(boxes) == 1:
            break
        boxes = _joined_at(boxes, place, places[place] == "0")
    return boxes


def _joined_at(boxes: dict[_Box, int], place: int, numeric: bool) -> dict[_Box, int]:
    """The boxes, joined where they differ in one place only."""
    alike: dict[_Box, list[tuple[tuple[str, ...], int]]] = {}
    for box, position in boxes.items():
        alike.setdefault(box[:place] + box[place + 1 :], []).append((box[place], position))
    joined: dict[_Box, int] = {}
    for rest, found in alike.items():
        if len(found) == 1:
            lists: Iterable[tuple[str, ...]] = [found[0][0]]
        else:
            alternatives = [alternative for slot, _ in found for alternative in slot]
            lists = _numbers(alternatives) if numeric else _words(alternatives)
        origins = {alternative: position for slot, position in found for alternative in slot}
        for chosen in lists:
            box = (*rest[:place], chosen, *rest[place:])
            joined[box] = min(origins[alternative] for alternative in chosen)
    return joined


def _numbers(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Runs of digits, split into what a range or a short list can say."""
    padded = any(text[0] == "0" and len(text) > 1 for text in texts)
    families: dict[int, list[str]] = {}
    for text in texts:
        families.setdefault(len(text) if padded else 0, []).append(text)
    for family in families.values():
        family.sort(key=int)
        if len(family) <= _MOST_NUMBERS or _step(family) is not None:
            yield tuple(family)
            continue
        single: list[str] = []
        for run in _runs(family):
            if len(run) > 1:
                yield tuple(run)
            else:
                single += run
        yield from (tuple(single[at : at + _MOST_NUMBERS]) for at in range(0, len(single), _MOST_NUMBERS))


def _runs(texts: Sequence[str]) -> list[list[str]]:
    """Ascending numbers, cut where one is left out."""
    runs: list[list[str]] = []
    for text in texts:
        if runs and int(text) == int(runs[-1][-1]) + 1:
            runs[-1].append(text)
        else:
            runs.append([text])
    return runs


def _step(texts: Sequence[str]) -> int | None:
    """What ascending numbers grow by, if it is always the same."""
    numbers = list(map(int, texts))
    steps = {after - before for before, after in pairwise(numbers)}
    return steps.pop() if len(steps) == 1 else None


def _words(texts: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Words, split into lists that can be read."""
    current: list[str] = []
    length = 0
    for text in texts:
        if current and length + len(text) + 1 > _LONGEST_LIST:
            yield tuple(current)
            current, length = [], 0
        current.append(text)
        length += len(text) + 1
    yield tuple(current)


def _text(kinds: Sequence[str], box: _Box) -> str:
    """A box as a name with braces."""
    slots = iter(box)
    parts = []
    for at, kind in enumerate(kinds):
        if kind not in ("0", "a"):
            parts.append(escape_braces(kind))
        elif len(slot := next(slots)) == 1:
            parts.append(slot[0])
        elif kind == "a":
            parts.append(_listed_words(slot))
        else:
            alone = all(other in "./" for other in (*kinds[max(at - 1, 0) : at], *kinds[at + 1 : at + 2]))
            parts.append(_listed_numbers(slot, alone))
    return "".join(parts)


def _listed_numbers(texts: Sequence[str], alone: bool) -> str:
    """Numbers in braces; two of them as a range where they are a part of the name by themselves."""
    step = _step(texts)
    if step == 1 and (len(texts) > 2 or alone):
        return f"{{{texts[0]}..{texts[-1]}}}"
    if step is not None and step > 1 and len(texts) >= _FEWEST_STEPS:
        return f"{{{texts[0]}..{texts[-1]}..{step}}}"
    return f"{{{','.join(texts)}}}"


def _listed_words(words: Sequence[str]) -> str:
    """Words in braces, and outside of them what all begin or end with, up to an underscore."""
    before = _shared(words)
    words = [word[len(before) :] for word in words]
    after = _shared([word[::-1] for word in words])[::-1]
    listed = ",".join(word[: len(word) - len(after)] for word in words)
    return f"{before}{{{listed}}}{after}"


def _shared(words: Sequence[str]) -> str:
    """What all words begin with, up to an underscore, if something is left of each."""
    columns = zip(*words, strict=False)
    prefix = "".join(column[0] for column in takewhile(lambda column: len(set(column)) == 1, columns))
    prefix = prefix[: prefix.rfind("_") + 1]
    return prefix if all(len(word) > len(prefix) for word in words) else ""
