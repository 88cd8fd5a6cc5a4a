"""Whole models from one file: tensor names, ordered rules, and numbers that may be expressions.

A recipe's text is parsed (form), planned (meaning: a shape, a dtype and an initializer for every tensor) and
built (values, streamed into a safetensors file); a built file is verified from the recipe inside it.
"""

from initkit.recipe.building.build import BuildReport
from initkit.recipe.building.verify import TensorCheck, Verification, verify
from initkit.recipe.cluster.anywhere import build
from initkit.recipe.comparing.difference import Change, Difference, TensorDifference, diff
from initkit.recipe.comparing.explanation import Explanation
from initkit.recipe.planning.plan import Plan
from initkit.recipe.planning.planned import PlannedTensor, PlannedTie
from initkit.recipe.recipe import Recipe

__all__ = [
    "BuildReport",
    "Change",
    "Difference",
    "Explanation",
    "Plan",
    "PlannedTensor",
    "PlannedTie",
    "Recipe",
    "TensorCheck",
    "TensorDifference",
    "Verification",
    "build",
    "diff",
    "verify",
]
