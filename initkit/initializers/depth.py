"""Weights that are scaled down the deeper the network is."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

from initkit.errors import ArgumentError
from initkit.initializers.arguments import choice_argument, count_argument
from initkit.initializers.scale import Rescaled
from initkit.kernels.normal_law import exp, log
from initkit.registry import built_in


class _Rule(NamedTuple):
    """The arguments that a rule reads, with the least that each may be, and the factor they give."""

    least: dict[str, int]
    factor: Callable[..., float]


def _fourth_root(number: int) -> float:
    return sqrt(sqrt(number))


def _fixup(depth: int, branch_layers: int) -> float:
    # The power of the C library differs between machines in the last bits.
    return exp(-log(float(depth)) / (2 * branch_layers - 2))


_RULES = {
    "gpt2": _Rule({"depth": 1}, lambda depth: 1 / sqrt(2 * depth)),
    "llama": _Rule({"layer": 0}, lambda layer: 1 / sqrt(2 * (layer + 1))),
    "deepnorm": _Rule({"depth": 1}, lambda depth: 1 / _fourth_root(8 * depth)),
    "deepnorm_encoder": _Rule(
        {"depth": 1, "decoder_depth": 1},
        lambda depth, decoder_depth: 0.87 / (_fourth_root(depth) * sqrt(sqrt(_fourth_root(decoder_depth)))),
    ),
    "deepnorm_decoder": _Rule(
        {"decoder_depth": 1}, lambda decoder_depth: 1 / _fourth_root(12 * decoder_depth)
    ),
    "fixup": _Rule({"depth": 1, "branch_layers": 2}, _fixup),
    "t_fixup_encoder": _Rule({"depth": 1}, lambda depth: 0.67 / _fourth_root(depth)),
    "t_fixup_decoder": _Rule({"decoder_depth": 1}, lambda decoder_depth: 1 / _fourth_root(9 * decoder_depth)),
    "depth_mup": _Rule({"depth": 1}, lambda depth: 1 / sqrt(depth)),
    "complete_p": _Rule({"depth": 1}, lambda depth: 1 / depth),
}

RULES = tuple(_RULES)


@built_in()
class DepthScaled(Rescaled):
    """Another initializer's values, times a factor that falls with the depth of the network.

    Formula: `w = factor·initializer(shape)`, with `L` the `depth`, `M` the `decoder_depth`, `l` the `layer`
    and `m` the `branch_layers`; a rule takes exactly the arguments that its factor has:

    | rule | factor | weights that it is for |
    |---|---|---|
    | `"gpt2"` | `1/√(2L)` | what ends a branch, attention's or the MLP's, in `L` blocks of two |
    | `"llama"` | `1/√(2(l + 1))` | the same of block `l`, the first of which is 0 (torchtitan, OLMo) |
    | `"deepnorm"` | `(8L)^(-1/4)` | values, attention's output and the MLP, of an encoder or decoder alone |
    | `"deepnorm_encoder"` | `0.87·(L⁴M)^(-1/16)` | the same of an encoder that has a decoder |
    | `"deepnorm_decoder"` | `(12M)^(-1/4)` | the same of that decoder |
    | `"fixup"` | `L^(-1/(2m - 2))` | all but the last of a branch's `m` layers, which is 0; `L` branches |
    | `"t_fixup_encoder"` | `0.67·L^(-1/4)` | values, attention's output and the MLP, of an encoder |
    | `"t_fixup_decoder"` | `(9M)^(-1/4)` | the same of a decoder, and all embeddings |
    | `"depth_mup"` | `1/√L` | what ends a branch, `L` branches |
    | `"complete_p"` | `1/L` | what ends a branch, `L` blocks |

    The last two are multipliers of a branch in their papers. In the weight instead, they give the same
    network; for Adam to train it alike, its learning rate there takes the factor, too. DeepNorm's residual
    `α·x + f(x)`, with its own `α`, is the model's to add.

    Args:
        initializer: The initializer; names and configs are read as by `initkit.get`. DeepNorm is for
            `"xavier_normal"`, Fixup for `"he_normal"`, T-Fixup for `"xavier_uniform"`.
        rule: A name of the table (default `"gpt2"`).
        depth: How many blocks or branches there are, 1 or more; None for rules without `L`.
        layer: The number of the block, from 0; None for rules without `l`.
        decoder_depth: How many blocks the decoder has, 1 or more; None for rules without `M`.
        branch_layers: How many layers a branch has, 2 or more; None for rules without `m`.

    Returns:
        When called with `(shape, dtype=None)`: an array of that shape and float or complex dtype (None is
        float32), with the initializer's values times the factor, rounded once.

    Raises:
        ArgumentTypeError: The initializer is none, the rule no text, or a number no integer.
        ArgumentError: No rule has the name, a number is missing, too small, or none of the rule's.
        DTypeError: An integer or bool dtype, or one that the initializer refuses.

    Example:
        >>> import initkit as ik
        >>> out = ik.DepthScaled(ik.RandomNormal(stddev=0.02, seed=7), "gpt2", depth=12)
        >>> out.factor, out((768, 768)).std().round(5)
        (0.20412414523193154, np.float32(0.00408))

    Reference:
        `gpt2`: Radford et al., "Language models are unsupervised multitask learners", 2019. `deepnorm`: Wang,
        Ma, Dong, Huang, Zhang, Wei, "DeepNet: scaling transformers to 1,000 layers", 2022. `fixup`: Zhang,
        Dauphin, Ma, "Fixup initialization", 2019. `t_fixup`: Huang, Pérez, Ba, Volkovs, "Improving
        transformer optimization through better initialization", 2020. `depth_mup`: Yang, Yu, Zhu, Hayou,
        "Tensor Programs VI", 2023. `complete_p`: Dey et al., "Don't be lazy: CompleteP", 2025.
    """

    def __init__(
        self,
        initializer: object,
        rule: str = "gpt2",
        depth: int | None = None,
        layer: int | None = None,
        decoder_depth: int | None = None,
        branch_layers: int | None = None,
    ) -> None:
        super().__init__(initializer)
        self.rule = choice_argument(rule, "rule", RULES)
        given = {
            "depth": depth,
            "layer": layer,
            "decoder_depth": decoder_depth,
            "branch_layers": branch_layers,
        }
        checked = _checked_numbers(self.rule, given)
        self.depth = checked.get("depth")
        self.layer = checked.get("layer")
        self.decoder_depth = checked.get("decoder_depth")
        self.branch_layers = checked.get("branch_layers")
        self.factor = _RULES[self.rule].factor(**checked)

    def factor_for(self, shape: tuple[int, ...]) -> float:
        """The rule's factor, the same for every shape."""
        return self.factor


def _checked_numbers(rule: str, given: dict[str, int | None]) -> dict[str, int]:
    """The numbers that a rule reads, all of them and no others."""
    least = _RULES[rule].least
    names = " and ".join(f"`{name}`" for name in least)
    if missing := [name for name in least if given[name] is None]:
        message = (
            f"The rule {rule!r} lacks an argument. Received: {missing[0]}=None. Allowed: {names}, and no"
        )
        message += f" other number. Add {missing[0]}."
        raise ArgumentError(message)
    if idle := [name for name, number in given.items() if number is not None and name not in least]:
        message = f"The rule {rule!r} does not read `{idle[0]}`. Received: {idle[0]}={given[idle[0]]!r:.100}."
        message += f" Allowed: {names}, and no other number. Leave it out, or choose another rule."
        raise ArgumentError(message)
    return {name: count_argument(given[name], name, low) for name, low in least.items()}
