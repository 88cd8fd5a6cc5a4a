"""A recipe as users hold it: read from a file, planned, built."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from initkit.documents import Limits, read_yaml, write_yaml
from initkit.errors import (
    ArgumentTypeError,
    RecipeError,
    did_you_mean,
    file_access_error,
    nearest_names,
)
from initkit.lazy import LazyArray
from initkit.recipe.parse import ParsedRecipe, parse_recipe
from initkit.recipe.plan import Plan, make_plan
from initkit.recipe.presets import preset_text

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
        >>> recipe["h.1.proj.weight"][:3].shape
        (3,)
    """

    __slots__ = ("_plan", "parsed")

    def __init__(self, parsed: ParsedRecipe) -> None:
        self.parsed = parsed
        self._plan: Plan | None = None

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

    @classmethod
    def preset(cls, name: str, *, seed: int, variables: Mapping[str, Any] | None = None) -> Self:
        """A recipe of a known model.

        Args:
            name: A preset's name and version, as `"gpt2@1"`; `initkit.recipe.presets.preset_names` lists them.
            seed: The seed of all tensors.
            variables: Numbers, or texts of expressions, in place of those that the preset gives.

        Returns:
            The recipe.

        Raises:
            UnknownNameError: There is no such preset.
            RecipeError: A variable is not one of the preset's.

        Example:
            >>> import initkit as ik
            >>> ik.Recipe.preset("gpt2@1", seed=42, variables={"n_layer": 2, "d": 64}).plan().parameters
            3382080
        """
        # provisional: becomes a recipe that extends the preset
        data = read_yaml(preset_text(name)).data
        assert isinstance(data, dict)
        data = {**data, "seed": seed, "variables": {**data["variables"], **(variables or {})}}
        return cls.from_text(write_yaml(data), file=name)

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
        if self._plan is None:
            self._plan = make_plan(self.parsed)
        return self._plan

    def __getitem__(self, name: str) -> LazyArray:
        """The values of one tensor, which are made when they are indexed.

        Args:
            name: The tensor's name, or that of one that is tied to another.

        Returns:
            A `LazyArray` of its shape and dtype; of the same values every time.

        Raises:
            RecipeError: The recipe has no such tensor, or no meaning.
        """
        plan = self.plan()
        targets = {tie.name: tie.target for tie in plan.ties}
        tensors = {tensor.name: tensor for tensor in plan.tensors}
        tensor = tensors.get(targets.get(name, name))
        if tensor is None:
            known = [*tensors, *targets]
            hint = did_you_mean(nearest_names(str(name), known))
            message = (
                f"the recipe has no such tensor. Received: {name!r:.100}. Allowed: the {len(known)} names"
            )
            message += f" that its plan lists.{hint or ' Take one of these.'}"
            raise RecipeError(message, file=self.parsed.file)
        with tensor.drawing() as values:
            if not tensor.initializer.makes_regions:
                # It may draw without a seed when it is called, and that has to happen here.
                values[:0] if values.shape else values[()]
            return values

    def fill(self, arrays: Mapping[str, Any]) -> None:
        """Write the values into arrays that exist, such as those of a PyTorch state dict.

        Args:
            arrays: An array for every tensor and tie of the recipe, by name: what `Initializer.fill` takes,
                of the tensor's shape. Each is filled in its own dtype, since all precisions are one draw.

        Raises:
            RecipeError: A tensor has no array, an array no tensor, or one has another shape. Nothing has been
                written then.
            ArgumentTypeError: An array cannot be written to in place.
        """
        plan = self.plan()
        shapes = {tensor.name: tensor.shape for tensor in plan.tensors}
        shapes |= {tie.name: tie.shape for tie in plan.ties}
        self._check_arrays(arrays, shapes)
        ties: dict[str, list[str]] = {}
        for tie in plan.ties:
            ties.setdefault(tie.target, []).append(tie.name)
        for tensor in plan.tensors:
            for name in (tensor.name, *ties.get(tensor.name, ())):
                tensor.fill(arrays[name])

    def _check_arrays(self, arrays: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> None:
        wrong: list[str] = []
        hint = ""
        if missing := [name for name in shapes if name not in arrays]:
            wrong.append(f"no array for {len(missing)} tensors, {missing[0]!r} the first")
        if unknown := [name for name in arrays if name not in shapes]:
            hint = did_you_mean(nearest_names(unknown[0], shapes))
            wrong.append(f"no tensor for {len(unknown)} arrays, {unknown[0]!r} the first")
        for name, shape in shapes.items():
            given = tuple(getattr(arrays.get(name), "shape", shape))
            if given != shape:
                wrong.append(f"an array of shape {given} for {name!r}, which has shape {shape}")
                break
        if wrong:
            message = f"these arrays cannot be filled. Received: {'; '.join(wrong)}. Allowed: an array of its"
            message += (
                " shape for every tensor and tie, and no other. Take out the others, or add them to the"
            )
            message += f" recipe.{hint}"
            raise RecipeError(message, file=self.parsed.file)

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
