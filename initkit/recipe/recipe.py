"""A recipe as users hold it: read from a file, planned, built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from initkit.documents import write_yaml
from initkit.dtypes import resolve_dtype
from initkit.errors import ArgumentTypeError, TensorNameError, did_you_mean, nearest_names
from initkit.lazy import LazyArray
from initkit.recipe.language.arithmetic import Number
from initkit.recipe.language.variables import evaluate_variables, given_values
from initkit.recipe.planning.copying import StoredArray
from initkit.recipe.planning.inheritance import merge
from initkit.recipe.planning.plan import Plan, make_plan
from initkit.recipe.planning.planned import PlannedTensor
from initkit.recipe.presets import preset_names
from initkit.recipe.text.loading import load_preset, load_recipe
from initkit.recipe.text.parse import given_seed, parse_recipe
from initkit.recipe.text.specs import ParsedRecipe

if TYPE_CHECKING:
    from initkit.recipe.building.build import BuildReport
    from initkit.recipe.comparing.explanation import Explanation


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

    __slots__ = ("_plan", "_stored_as", "parsed")

    def __init__(self, parsed: ParsedRecipe) -> None:
        self.parsed = parsed
        self._plan: Plan | None = None
        self._stored_as: dict[str, PlannedTensor] | None = None

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """Read a recipe from a file.

        Args:
            path: A file of YAML text in UTF-8; or the name of a preset, as `"gpt2@1"`, which has no seed yet.

        Returns:
            The recipe.

        Raises:
            RecipeError: The file is no recipe; the message says on which line.
            FileAccessError: The file cannot be read.
        """
        name = str(path)
        if name in preset_names() and not Path(path).exists():
            return cls(load_preset(name))
        return cls(load_recipe(path))

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
    def make(
        cls,
        *,
        seed: int,
        tensors: Any,
        rules: Sequence[Any],
        dtype: object = None,
        variables: Mapping[str, Number | str] | None = None,
        layout: str | None = None,
        extends: object = None,
        file: str = "<recipe>",
    ) -> Self:
        """A recipe made in Python, whose text reads as if a person had written it.

        Tensors of one shape whose names differ in a number or a word become one entry, with braces. So the
        tensors may stand in another order than here, which no value depends on.

        Names that come with arrays are literal. Names that come with shapes are patterns of braces, as
        recipes have them: `"h.{0..11}.w"` stands for twelve tensors; so they are in
        `{name: array.shape for name, array in model.state_dict().items()}`, too. For a model, give the state
        dict itself.

        Args:
            seed: A non-negative integer.
            tensors: By name: a shape; a mapping of `shape`, `dtype`, `layers` and `tags`, or of `tie`; or
                anything with a shape and a dtype, such as a PyTorch state dict has, of which those that share
                memory become ties. Or a PyTorch model, for rules that ask for types of layers.
            rules: In the order of precedence: pairs of a pattern and an initializer (an object, a name, or a
                mapping with expressions), or mappings of what a rule may hold.
            dtype: The dtype of tensors that have none of their own. None (default) for float32, or, where
                another recipe is extended, for that one's.
            variables: Numbers, and texts of expressions, by name.
            layout: How initializers read shapes, as `"torch"`; None for `(..., in, out)`.
            extends: What `extends` holds: a preset, a path, or a mapping; None for nothing.
            file: Where the text will be, for messages; paths in it are relative to its folder.

        Returns:
            The recipe; its `text` is YAML.

        Raises:
            ArgumentError: A tensor has no shape, a rule no meaning, or an initializer a seed of its own.
            RecipeError: The recipe that comes of it has no sound form.

        Example:
            >>> import initkit as ik
            >>> recipe = ik.Recipe.make(
            ...     seed=42,
            ...     variables={"d": 8},
            ...     tensors={"emb": [100, "d"]} | {f"h.{i}.{x}": ["d", "d"] for i in "012" for x in "qk"},
            ...     rules=[("emb", ik.RandomNormal(stddev=0.02)), ("*", "he_normal")],
            ... )
            >>> print(recipe.text)
            initkit: 1
            seed: 42
            dtype: float32
            variables: {d: 8}
            tensors:
              emb: [100, d]
              "h.{0..2}.{q,k}": [d, d]
            rules:
              - {match: emb, init: {random_normal: {stddev: 0.02}}}
              - {match: "*", init: he_normal}
            <BLANKLINE>
        """
        from initkit.recipe.writing.authoring import compose

        text = compose(
            seed=seed,
            tensors=tensors,
            rules=rules,
            dtype=dtype,
            variables=variables,
            layout=layout,
            extends=extends,
        )
        return cls.from_text(text, file=file)

    @classmethod
    def preset(
        cls,
        name: str,
        *,
        seed: int,
        variables: Mapping[str, Number | str] | None = None,
        dtype: object = None,
    ) -> Self:
        """A recipe of a known model.

        Args:
            name: A preset's name and version, as `"gpt2@1"`; `initkit presets` lists them.
            seed: The seed of all tensors.
            variables: Numbers, or texts of expressions, in place of those that the preset gives.
            dtype: The dtype of tensors that have none of their own; None for the preset's.

        Returns:
            The recipe, which extends the preset.

        Raises:
            ArgumentTypeError: The seed is no integer.
            SeedError: The seed is negative.
            RecipeError: There is no such preset, or a variable is not one of its.

        Example:
            >>> import initkit as ik
            >>> ik.Recipe.preset("gpt2@1", seed=42, variables={"n_layer": 2, "d": 64}).plan().parameters
            3382080
        """
        data: dict[str, Any] = {"initkit": 1, "extends": {"preset": name}, "seed": given_seed(seed)}
        if dtype is not None:
            data["dtype"] = resolve_dtype(dtype).name
        if variables:
            data["variables"] = given_values(variables)
        recipe = cls.from_text(write_yaml(data), file=f"<{name}>")
        # Whatever is wrong with name or variables is told here, and not at first use.
        evaluate_variables(merge(recipe.parsed).variables)
        return recipe

    def override(
        self,
        *,
        seed: int | None = None,
        dtype: object = None,
        only: str | Sequence[str] = (),
        variables: Mapping[str, Number | str] | None = None,
    ) -> Self:
        """The same recipe with another seed, dtype or variables, or of fewer tensors.

        Args:
            seed: The seed of all tensors; None for the recipe's.
            dtype: The dtype of tensors that have none of their own, and of those floating-point tensors that
                files in `from` name; None for the recipe's.
            only: A pattern of names, or several, besides those of earlier calls; where there are any, tensors
                that match none of them are left out. The others keep their values.
            variables: Numbers, NumPy's too, or texts of expressions, in place of those that the recipe gives
                or inherits, by name; `plan` refuses other names. None for the recipe's.

        Returns:
            A new recipe, whose text says everything by itself.

        Raises:
            ArgumentTypeError: The seed is no integer, `variables` no mapping, or a NumPy scalar no number.
            SeedError: The seed is negative.
            DTypeError: The dtype is unknown.

        Example:
            >>> import initkit as ik
            >>> recipe = ik.Recipe.preset("gpt2@1", seed=42, variables={"n_layer": 2, "d": 64})
            >>> [tensor.name for tensor in recipe.override(only="w?e.weight").plan().tensors]
            ['wte.weight', 'wpe.weight']
        """
        patterns = (only,) if isinstance(only, str) else tuple(only)
        values = given_values(variables)
        if seed is None and dtype is None and not patterns and not values:
            return self
        parsed = replace(self.parsed, changed=True, only=(*self.parsed.only, *patterns))
        if values:
            parsed = replace(parsed, values=(*parsed.values, *values.items()))
        if seed is not None:
            parsed = replace(parsed, seed=given_seed(seed))
        if dtype is not None:
            parsed = replace(parsed, dtype=resolve_dtype(dtype).name, dtype_of_all=True)
        return type(self)(parsed)

    @property
    def text(self) -> str:
        """A text from which an equal recipe can be read.

        It is the very text that this was read from; where seed, dtype or selection have been overridden, it
        is one that says everything by itself.
        """
        return self.plan().text if self.parsed.changed else self.parsed.text

    def save(self, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
        """Write the recipe to a file, as YAML.

        What was read from a text is written as it is. What `override` has changed is written as a person
        would write it: a recipe that says everything by itself, its tensors joined by braces, so that they
        may stand in another order. Either way the file has an equal plan, but for that order, and gives the
        same values: where it lies in another folder than the recipe came from, relative paths in `extends`,
        `from` and `copy` are changed, so that they lead to the same files.

        Args:
            path: The file; it appears when it is whole.
            overwrite: Whether a file of that name may be replaced.

        Returns:
            The file's path.

        Raises:
            FileTakenError: The file exists, and `overwrite` is false.
            FileAccessError: The file cannot be written.
        """
        from initkit.recipe.writing.saving import moved_text, readable_text, save_text

        folder = Path(path).parent
        changed = self.parsed.changed
        text = readable_text(self.plan(), folder) if changed else moved_text(self.parsed, folder)
        return save_text(text, path, overwrite=overwrite)

    def explain(self, name: str) -> Explanation:
        """Why a tensor gets its values: its rule, why no earlier one takes it, the formula with its numbers.

        Args:
            name: The tensor's name, or that of a tie.

        Returns:
            An object that prints as text.

        Raises:
            RecipeError: The recipe has no such tensor, or no meaning.

        Example:
            >>> import initkit as ik
            >>> recipe = ik.Recipe.preset("gpt2@1", seed=42, variables={"n_layer": 2, "d": 64})
            >>> dict(recipe.explain("h.1.mlp.c_proj.weight").facts())["expected"]
            'mean 0, std 0.01'
        """
        from initkit.recipe.comparing.explanation import explain

        return explain(self.plan(), name)

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

    def __getitem__(self, name: str) -> LazyArray | StoredArray:
        """The values of one tensor, which are made when they are indexed.

        Args:
            name: The tensor's name, or that of one that is tied to another.

        Returns:
            A `LazyArray` of its shape and dtype, of the same values every time; a `StoredArray`, which is
            indexed alike, where a rule copies them from a file.

        Raises:
            TensorNameError: The recipe has no such tensor; a KeyError, too.
            RecipeError: The recipe has no meaning.
        """
        known = self._by_name()
        tensor = known.get(name)
        if tensor is None:
            what = (
                "a rule skips that tensor" if name in self.plan().skipped else "the recipe has no such tensor"
            )
            hint = did_you_mean(nearest_names(str(name), known))
            message = f"{what}. Received: {name!r:.100}. Allowed: the {len(known)} names that its plan lists."
            message += hint or " Take one of these."
            raise TensorNameError(message, file=self.parsed.file)
        return tensor.lazy()

    def __contains__(self, name: object) -> bool:
        """Whether the recipe has a tensor or a tie of that name."""
        return name in self._by_name()

    def __iter__(self) -> Iterator[str]:
        """The names of all tensors, and then of the ties."""
        return iter(self._by_name())

    def _by_name(self) -> dict[str, PlannedTensor]:
        """The tensor behind every name, ties included; kept, since models are asked for name after name."""
        if self._stored_as is None:
            plan = self.plan()
            tensors = {tensor.name: tensor for tensor in plan.tensors}
            self._stored_as = tensors | {tie.name: tensors[tie.target] for tie in plan.ties}
        return self._stored_as

    def fill(self, arrays: Mapping[str, Any]) -> None:
        """Write the values into arrays that exist, such as those of a PyTorch state dict.

        Args:
            arrays: An array for every tensor and tie of the recipe, by name: what `Initializer.fill` takes,
                of the tensor's shape; those that a rule skips are left alone. Each is filled in its own
                dtype, since all precisions are one draw.

        Raises:
            RecipeError: A tensor has no array, an array no tensor, one has another shape, or two share memory
                that are not tied. Nothing has been written then.
            ArgumentTypeError: An array cannot be written to in place.
        """
        from initkit.recipe.filling import fill_arrays

        fill_arrays(self.plan(), arrays)

    def build(self, path: str | PathLike[str], **options: Any) -> BuildReport:
        """Draw all tensors into safetensors files, in bounded memory; see `initkit.recipe.build`.

        Args:
            path: The file; with `max_shard_size` the folder of files.
            **options: Those of `initkit.recipe.build`: `overwrite`, `max_shard_size`, `shard`, `restart`,
                `sync`, `client`, `storage_options`, `progress` and `comparing`.

        Returns:
            What was written, and how long it took.

        Raises:
            RecipeError: Something in the recipe has no meaning.
            FileTakenError: The file exists, and `overwrite` is false.
            FileAccessError: The file cannot be written.
        """
        # Reading and planning recipes needs neither threads nor files.
        from initkit.recipe.cluster.anywhere import build

        return build(self, path, **options)

    def __eq__(self, other: object) -> bool:
        """Whether the texts are equal; file names do not count."""
        return self.text == other.text if isinstance(other, Recipe) else NotImplemented

    def __hash__(self) -> int:
        """Hash the text."""
        return hash(self.text)

    def __reduce__(self) -> tuple[type[Recipe], tuple[ParsedRecipe]]:
        """Pickle the text; it is planned again where it is needed."""
        return type(self), (self.parsed,)

    def __repr__(self) -> str:
        """Say where the recipe came from, and how much it names."""
        entries, rules = len(self.parsed.tensors), len(self.parsed.rules)
        return f"<Recipe {self.parsed.file!r}: seed {self.parsed.seed}, {entries} entries, {rules} rules>"
