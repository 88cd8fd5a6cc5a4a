"""A recipe as users hold it: read from a file, planned, built."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Self

from initkit.documents import Limits
from initkit.errors import ArgumentTypeError, RecipeError, file_access_error
from initkit.recipe.parse import ParsedRecipe, parse_recipe
from initkit.recipe.plan import Plan, make_plan

if TYPE_CHECKING:
    from initkit.recipe.build import BuildReport
    from initkit.recipe.drawing import ProgressCallback

# A character takes up to four bytes of UTF-8.
_MOST_BYTES = 4 * Limits().text


class Recipe:
    """The first values of a whole model: which tensors there are, and what fills each.

    A recipe is YAML text. `tensors` gives names, with brace ranges, and shapes; `rules` are ordered pairs
    of a name pattern and an initializer, of which the first that matches a tensor takes it. Numbers may be
    expressions over `variables` and over the captures of the rule's pattern. Every tensor is drawn from
    `SeedGenerator(seed).child(name)`, so its values depend on its name, shape and rule alone, and not on
    what else there is.

    Text that is given for an argument of an initializer is an expression where the constructor takes a
    number there: where the argument's default is a number, or where it has no default, or None, and is
    annotated with `int`, `float` or `complex`. Elsewhere it is text, as in `mode: fan_out`.

    Reading a recipe checks its form; `plan` checks its meaning. Neither imports a module, evaluates Python
    code or writes a file.

    Args:
        parsed: The parsed text; `Recipe.load` and `Recipe.from_text` make it.

    Attributes:
        parsed: The parts of the text, with their lines.

    Example:
        >>> import initkit as ik
        >>> recipe = Recipe.from_text('''
        ... initkit: 1
        ... seed: 42
        ... variables: {n_layer: 2, d: 64}
        ... tensors:
        ...   "h.{0..n_layer-1}.proj.{weight,bias}": [d]
        ... rules:
        ...   - {match: "*.bias", init: zeros}
        ...   - {match: "h.{layer}.*", init: {random_normal: {stddev: 0.02 / sqrt(layer + 1)}}}
        ... ''')
        >>> [(tensor.name, tensor.std) for tensor in recipe.plan().tensors][:2]
        [('h.0.proj.weight', 0.02), ('h.0.proj.bias', 0.0)]
    """

    __slots__ = ("parsed",)

    def __init__(self, parsed: ParsedRecipe) -> None:
        self.parsed = parsed

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a recipe from a file.

        Args:
            path: A file of YAML text in UTF-8.

        Returns:
            The recipe.

        Raises:
            RecipeError: The file is no recipe; the message says on which line.
            FileAccessError: The file cannot be read.
        """
        try:
            with Path(path).open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except OSError as error:
            message = error.strerror or str(error)
            raise file_access_error(error.errno, message, str(path)) from error
        if len(data) > _MOST_BYTES:
            message = f"the file is too large for a recipe. Allowed: {_MOST_BYTES:,} bytes. Give the recipe's"
            message += " YAML file, and not the model."
            raise RecipeError(message, file=str(path))
        try:
            # Decoded here and not by `open`, which would change line ends: a built file holds the very text.
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"the file is not UTF-8 text: {error.reason} at byte {error.start}. Save it as UTF-8."
            raise RecipeError(message, file=str(path)) from None
        return cls.from_text(text, file=str(path))

    @classmethod
    def from_text(cls, text: str, file: str = "<recipe>") -> Self:
        """Read a recipe from text.

        Args:
            text: YAML text.
            file: Its name in messages.

        Returns:
            The recipe.

        Raises:
            ArgumentTypeError: The text is no string.
            RecipeError: The text is no recipe; the message says on which line.
        """
        if not isinstance(text, str):
            message = f"A recipe's text must be a string. Received: {text!r:.100} of type"
            message += f" {type(text).__name__}. Allowed: YAML text. For a file, use Recipe.load(path)."
            raise ArgumentTypeError(message)
        return cls(parse_recipe(text, file))

    @property
    def text(self) -> str:
        """The whole text, from which an equal recipe can be read."""
        return self.parsed.text

    def plan(self) -> Plan:
        """Work out what every tensor will be, without drawing anything.

        Returns:
            The tensors in the order of the text, each with its shape, dtype, rule, initializer and expected
            mean and standard deviation; and the ties.

        Raises:
            RecipeError: Something in the recipe has no meaning: an unknown variable or initializer, a tensor
                that no rule matches, a rule that takes no tensor. The message says on which line.
        """
        return make_plan(self.parsed)

    def build(
        self,
        path: str | PathLike[str],
        *,
        overwrite: bool = False,
        progress: ProgressCallback | None = None,
    ) -> BuildReport:
        """Draw all tensors into a safetensors file, in bounded memory.

        Args:
            path: The file. It appears under this name when it is whole, and not at all otherwise.
            overwrite: Whether a file of that name may be replaced.
            progress: Called with the bytes drawn and the bytes of all tensors, after every piece.

        Returns:
            What was written, and how long it took.

        Raises:
            RecipeError: Something in the recipe has no meaning.
            FileTakenError: The file exists, and `overwrite` is false.
            FileAccessError: The file cannot be written.
        """
        # Reading and planning recipes needs neither threads nor files.
        from initkit.recipe.build import build

        return build(self.plan(), path, overwrite=overwrite, progress=progress)

    def __eq__(self, other: object) -> bool:
        """Whether the texts are equal; file names do not count."""
        return self.text == other.text if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self.text)

    def __repr__(self) -> str:
        """Say where the recipe came from, and how much it names."""
        entries, rules = len(self.parsed.tensors), len(self.parsed.rules)
        return f"<Recipe {self.parsed.file!r}: seed {self.parsed.seed}, {entries} entries, {rules} rules>"
