"""Names that come from elsewhere: which are taken, and what they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from initkit.errors import ArgumentError, did_you_mean
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.nearest import nearest_patterns
from initkit.recipe.language.pattern import Pattern, parse_pattern
from initkit.recipe.language.place import Place
from initkit.recipe.text.specs import Selection

# Each of them is tried at every place of a name.
_MOST_STARS = 3
_WILD = re.compile(
    r"(?P<star>\*)|\{(?P<capture>[A-Za-z_][A-Za-z0-9_]*)\}|(?P<literal>[^*?{}\[\]]+)|(?P<bad>.)", re.DOTALL
)


class NameSelection:
    """A selection that has been read: gives every name its new one, and counts what was of use.

    Args:
        selection: What the recipe says.
        place: Where it says so.
        who: Whose names they are, for messages.
        variables: The values of variables, for the ends of ranges.

    Raises:
        RecipeError: A pattern is none.

    Example:
        >>> from initkit.documents import read_yaml
        >>> place = Place(read_yaml("{}"), ())
        >>> names = NameSelection(Selection(drop=("*.bias",), rename={"model.*": "*"}), place, "source 1")
        >>> names.new_name("model.h.0.w"), names.new_name("model.h.0.bias")
        ('h.0.w', None)
    """

    def __init__(
        self, selection: Selection, place: Place, who: str, variables: Mapping[str, Number] | None = None
    ) -> None:
        self._place, self._who, self._variables = place, who, variables or {}
        self._prefix = selection.prefix
        self._only = _patterns(selection.only, place, who, self._variables)
        self._drop = _patterns(selection.drop, place, who, self._variables)
        self._rename = [(old, _substitution(old, new, place, who)) for old, new in selection.rename.items()]
        self._unused = {("only", text) for text in selection.only}
        self._unused |= {("drop", text) for text in selection.drop}
        self._unused |= {("rename", text) for text in selection.rename}
        # What a message can suggest.
        self._seen: list[str] = []

    def new_name(self, name: str) -> str | None:
        """The name here of a tensor elsewhere.

        Args:
            name: Its name there.

        Returns:
            Its name here, or None if it is left out.
        """
        if self._unused:
            self._seen.append(name)
        kept = not self._only
        for pattern in self._only:
            if pattern.match(name) is not None:
                self._unused.discard(("only", pattern.text))
                kept = True
        for pattern in self._drop:
            if pattern.match(name) is not None:
                self._unused.discard(("drop", pattern.text))
                kept = False
        if not kept:
            return None
        for old, substitute in self._rename:
            new = substitute(name)
            if new is not None:
                self._unused.discard(("rename", old))
                return self._prefix + new
        return self._prefix + name

    def check_used(self) -> None:
        """Refuse patterns that no name has matched.

        Raises:
            RecipeError: There is one.
        """
        for kind, text in sorted(self._unused):
            hint = did_you_mean(nearest_patterns(text, self._seen, self._variables))
            wrong = f"`{kind}` of {self._who} matches no name. Received: {text!r}."
            raise self._place.error(wrong, f"Correct the pattern, or remove it.{hint}")


def _patterns(texts: Sequence[str], place: Place, who: str, variables: Mapping[str, Number]) -> list[Pattern]:
    patterns = []
    for text in texts:
        try:
            patterns.append(parse_pattern(text, variables))
        except ArgumentError as error:
            msg = f"a pattern of {who}: {error}"
            raise place.error(msg) from error
    return patterns


def _substitution(old: str, new: str, place: Place, who: str) -> Callable[[str], str | None]:
    """What makes the new name of one that matches, and None of others."""
    expression, names = "", []
    for part in _WILD.finditer(old):
        if part.lastgroup == "bad":
            wrong = f"`rename` of {who} cannot read {old!r}. Allowed: letters, `*` and {{captures}}."
            raise place.error(wrong, "Write, for example, model.{layer}.*.")
        if part.lastgroup == "literal":
            expression += re.escape(part[0])
        else:
            # As in patterns of rules, a capture is one dotted part; greedy stars are enough for renaming.
            expression += "(.*)" if part.lastgroup == "star" else "([^.]+)"
            names.append(part["capture"] or "*")
    pieces: list[str | int] = []
    stars = [at for at, name in enumerate(names) if name == "*"]
    for part in _WILD.finditer(new):
        if part.lastgroup == "literal":
            pieces.append(part[0])
        elif part.lastgroup == "star" and stars:
            pieces.append(stars.pop(0))
        elif part.lastgroup == "capture" and part["capture"] in names:
            pieces.append(names.index(part["capture"]))
        else:
            wrong = f"`rename` of {who} has {part[0]!r} in {new!r}, which nothing in {old!r} stands for."
            raise place.error(wrong, "Use every `*` of the old name in its order, and captures by name.")
    if len(stars) > _MOST_STARS or names.count("*") > _MOST_STARS:
        wrong = f"`rename` of {who} has too many `*`. Received: {old!r}. Allowed: {_MOST_STARS}."
        raise place.error(wrong, "Use captures, each of which is one dotted part.")
    regex = re.compile(expression, re.DOTALL)

    def substitute(name: str) -> str | None:
        found = regex.fullmatch(name)
        if found is None:
            return None
        return "".join(piece if isinstance(piece, str) else found[piece + 1] for piece in pieces)

    return substitute
