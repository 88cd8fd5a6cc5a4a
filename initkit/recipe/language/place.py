"""Where something stands in a recipe, for messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from initkit.documents import Document
from initkit.errors import RecipeError


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a recipe's text.

    Attributes:
        document: The text.
        path: Keys and list positions from its root.
    """

    document: Document = field(compare=False, repr=False)
    path: tuple[str | int, ...]

    @property
    def file(self) -> str:
        """Where the text came from."""
        return self.document.file

    @property
    def line(self) -> int:
        """The line, counted from 1; found when it is asked for, as most never are."""
        return self.document.line(self.path)

    def inside(self, *steps: str | int) -> Place:
        """The place of a node further in.

        Args:
            steps: Keys and list positions from this one.

        Returns:
            Its place.
        """
        return Place(self.document, (*self.path, *steps))

    def error(self, *sentences: str) -> RecipeError:
        r"""An exception that names the file and the line, to be raised by the caller.

        Args:
            sentences: What is wrong, what is allowed, what to do.

        Returns:
            The exception.

        Example:
            >>> from initkit.documents import read_yaml
            >>> Place(read_yaml("a: 1\nb: 2\n", file="x.yaml"), ("b",)).error("wrong.", "Remove it.")
            RecipeError('x.yaml:2: wrong. Remove it.')
        """
        return RecipeError(" ".join(sentences), file=self.file, line=self.line)
