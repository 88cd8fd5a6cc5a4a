"""What a scheme says of every tensor of a model, and the checks of presets and of real models against it.

Every statistical test of one call together has the level 1e-4, divided evenly among them: a perfect preset
fails with that probability for a new seed, and never for the seeds that are fixed here.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import erfc, prod, sqrt
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy import stats

from initkit.recipe import Plan, Recipe

Array: TypeAlias = npt.NDArray[Any]
State: TypeAlias = Mapping[str, Array]

_LEVEL = 1e-4
_SEED = 2026


@dataclass(frozen=True)
class Law:
    """What the values of a tensor are.

    Attributes:
        mean: Their mean.
        std: Their standard deviation; what a deterministic tensor has over its elements.
        value: What broadcasts to the tensor, if it is deterministic.
        cdf: The distribution function, if each value follows it.
        kurtosis: The fourth standardized moment.
    """

    mean: float
    std: float
    value: Any = None
    cdf: Callable[[Any], Any] | None = None
    kurtosis: float = 3.0


SchemeOf: TypeAlias = Callable[[str, tuple[int, ...]], Law]


def constant(value: float | Array) -> Law:
    """One value everywhere, or an array that broadcasts to the tensor."""
    array = np.asarray(value, np.float64)
    return Law(float(array.mean()), float(array.std()), value=array)


def normal(std: float, mean: float = 0.0) -> Law:
    """A normal law that is not truncated."""
    return _law_of(stats.norm(mean, std))


def truncated(std: float, cut: float) -> Law:
    """A normal law cut at `cut` standard deviations to both sides, and not corrected for that."""
    return _law_of(stats.truncnorm(-cut, cut, scale=std))


def uniform(low: float, high: float) -> Law:
    """A uniform law."""
    return _law_of(stats.uniform(low, high - low))


def mapped(
    low: float, high: float, function: Callable[[Array], Array], inverse: Callable[[Array], Array]
) -> Law:
    """The law of an increasing function of a uniform number."""
    points, weights = np.polynomial.legendre.leggauss(100)
    values = function(low + (points + 1) * (high - low) / 2)
    mean = float(weights @ values / 2)
    variance, fourth = (float(weights @ (values - mean) ** power / 2) for power in (2, 4))
    law = stats.uniform(low, high - low)
    return Law(mean, sqrt(variance), cdf=lambda x: law.cdf(inverse(x)), kurtosis=fourth / variance**2)


def moments(mean: float, std: float) -> Law:
    """A law of which these two are known, and nothing else is asked."""
    return Law(mean, std)


def _law_of(law: Any) -> Law:
    """A frozen distribution of scipy."""
    mean, variance, excess = (float(moment) for moment in law.stats("mvk"))
    return Law(mean, sqrt(variance), cdf=law.cdf, kurtosis=excess + 3)


def preset(name: str, variables: Mapping[str, Any] | None = None, seed: int = _SEED) -> Recipe:
    """A preset with other variables."""
    return Recipe.preset(name, seed=seed, variables=dict(variables or {}))


def check_scheme(
    name: str, law: SchemeOf, variables: Mapping[str, Any] | None = None, elements: int = 1 << 12
) -> Plan:
    """Check every tensor of a preset against a scheme's own formulas: what is planned, and what is drawn.

    Args:
        name: The preset.
        law: Gives the law of a tensor from its name and shape; must not come from the preset.
        variables: Other values of the preset's variables; by default those of the real model.
        elements: At most so many elements of each tensor are drawn, from its middle.

    Returns:
        The plan, for further checks.
    """
    recipe = preset(name, variables)
    plan = recipe.plan()
    laws = {tensor.name: law(tensor.name, tensor.shape) for tensor in plan.tensors}
    for tensor in plan.tensors:
        expected = laws[tensor.name]
        planned = (
            f"{tensor.name}: planned {tensor.mean} ± {tensor.std}, and not {expected.mean} ± {expected.std}"
        )
        assert tensor.mean == pytest.approx(expected.mean, rel=1e-6, abs=1e-12), planned
        assert tensor.std == pytest.approx(expected.std, rel=1e-6, abs=0), planned
    drawn = {}
    for tensor in plan.tensors:
        region = () if laws[tensor.name].value is not None else _middle(tensor.shape, elements)
        drawn[tensor.name] = np.asarray(recipe[tensor.name][region], np.float64)
    _check_drawn([drawn], laws, 4e-7)
    return plan


def check_model(
    name: str,
    make_model: Callable[[], Any],
    variables: Mapping[str, Any],
    *,
    other: Callable[[str, tuple[int, ...]], Law | None] | None = None,
    seeds: int = 4,
) -> State:
    """Check a preset against models that their own library makes: names, shapes, ties, constants, moments.

    Args:
        name: The preset.
        make_model: Makes a model, a module of PyTorch or the mapping of its state; is called with torch
            seeded otherwise each time, and with warnings ignored.
        variables: Those of the preset that make it the same model.
        other: The laws that tensors have in the library where the preset deliberately follows another scheme;
            None for a tensor that both are to make alike.
        seeds: How many models are made; their values are looked at together.

    Returns:
        The state of the first model.
    """
    models = [_made(make_model, seed) for seed in range(seeds)]
    plan = preset(name, variables).plan()
    _check_names(plan, models[0][0])
    ties = {tie.name: tie.target for tie in plan.ties}
    states = [state for state, _ in models]
    alone = [pair for pair in models[0][1].items() if len({ties.get(one, one) for one in pair}) == 2]
    assert not alone, f"tied in the model alone: {alone}"
    for tied, target in ties.items():
        assert all(np.array_equal(state[tied], state[target]) for state in states), f"{tied} is not {target}"
    recipes = [preset(name, variables, seed) for seed in (_SEED, _SEED + 1)]
    laws = {}
    for tensor in plan.tensors:
        if other is not None and (theirs := other(tensor.name, tensor.shape)) is not None:
            laws[tensor.name] = theirs
            continue
        first, second = (recipe[tensor.name][()] for recipe in recipes)
        fixed = all(np.array_equal(states[0][tensor.name], state[tensor.name]) for state in states[1:])
        assert fixed == np.array_equal(first, second), f"{tensor.name} is drawn in one of them alone"
        if fixed:
            laws[tensor.name] = Law(0.0, 0.0, value=np.asarray(first, np.float64))
        else:
            assert tensor.mean is not None, tensor.name
            assert tensor.std is not None, tensor.name
            laws[tensor.name] = moments(tensor.mean, tensor.std)
    _check_drawn([{name: state[name] for name in laws} for state in states], laws, 1e-5)
    return states[0]


def _made(make_model: Callable[[], Any], seed: int) -> tuple[State, Mapping[str, str]]:
    """The state of a model, and which of its tensors are others under a second name."""
    torch.manual_seed(seed)
    threads = torch.get_num_threads()
    # For tiny matrices threads only wait for each other, for seconds where the machine is busy.
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        # Of the libraries' own affairs, some of them when they import their parts.
        warnings.simplefilter("ignore")
        model = make_model()
    torch.set_num_threads(threads)
    tensors = model.state_dict() if isinstance(model, torch.nn.Module) else model
    state = {name: tensor.detach().to(torch.float64).numpy() for name, tensor in tensors.items()}
    owners: dict[int, str] = {}
    # Empty tensors and scalars never share memory by accident: all are alive at once.
    ties = {
        name: owner
        for name, tensor in tensors.items()
        if tensor.numel() and (owner := owners.setdefault(tensor.data_ptr(), name)) != name
    }
    return state, ties


def _check_names(plan: Plan, state: State) -> None:
    """Names and shapes, all that are wrong at once."""
    planned = {tensor.name: tensor.shape for tensor in plan.tensors}
    planned |= {tie.name: tie.shape for tie in plan.ties}
    real = {name: array.shape for name, array in state.items()}
    both = planned.keys() & real.keys()
    assert planned == real, {
        "only in the preset": sorted(planned.keys() - real.keys()),
        "only in the model": sorted(real.keys() - planned.keys()),
        "other shapes": {name: (planned[name], real[name]) for name in both if planned[name] != real[name]},
    }


def _middle(shape: tuple[int, ...], elements: int) -> tuple[slice, ...]:
    """A box of about so many elements in the middle of a tensor, as long as can be along its last axes."""
    counts = []
    for length in reversed(shape):
        counts.append(max(1, min(length, elements)))
        elements //= counts[-1]
    starts = [(length - count) // 2 for length, count in zip(shape, reversed(counts), strict=True)]
    return tuple(slice(start, start + count) for start, count in zip(starts, reversed(counts), strict=True))


def _check_drawn(states: Sequence[State], laws: Mapping[str, Law], tolerance: float) -> None:
    """Compare the values of one or several draws with their laws; the tolerance is that of fixed values."""
    random = [name for name, law in laws.items() if law.value is None]
    level = _LEVEL / (3 * max(1, len(random)))
    for name, law in laws.items():
        if law.value is not None:
            for state in states:
                expected = np.broadcast_to(np.asarray(law.value, np.float32), state[name].shape)
                np.testing.assert_allclose(state[name], expected, rtol=tolerance, atol=0, err_msg=name)
        elif prod(states[0][name].shape):
            values = np.concatenate([state[name].ravel() for state in states])
            _check_values(name, values, law, level)
    # Equal values under two names would be one draw used twice.
    seen: dict[bytes, str] = {}
    for name in random:
        begin = states[0][name].ravel()[:8]
        if begin.size == 8 and begin.any():
            assert begin.tobytes() not in seen, f"{name} begins as {seen[begin.tobytes()]}"
            seen[begin.tobytes()] = name


def _check_values(name: str, values: Array, law: Law, level: float) -> None:
    """Test mean, deviation and, where it is known, the law."""
    expected = f"{law.mean:.6g} ± {law.std:.6g}"
    shown = f"{name}: {values.mean():.6g} ± {values.std():.6g} of {values.size} values, and not {expected}"
    score = abs(values.mean() - law.mean) / law.std * sqrt(values.size)
    assert erfc(score / sqrt(2)) > level, shown
    ratio = np.square(values - law.mean).mean() / law.std**2
    # A mean square of n values spreads like that of 2n/(κ - 1) normal ones, κ the fourth standardized moment.
    freedom = 2 * values.size / (law.kurtosis - 1)
    tails = stats.chi2(freedom).cdf(ratio * freedom), stats.chi2(freedom).sf(ratio * freedom)
    assert 2 * min(tails) > level, shown
    if law.cdf is not None:
        assert stats.kstest(values, law.cdf).pvalue > level, f"{shown}: another law"
