"""Whole models from one file: tensor names, ordered rules, and numbers that may be expressions.

A recipe's text is parsed (form), planned (meaning: a shape, a dtype and an initializer for every tensor) and
built (values, streamed into a safetensors file); a built file is verified from the recipe inside it.
"""

from initkit.recipe.build import BuildReport
from initkit.recipe.difference import Change, Difference, TensorDifference, diff
from initkit.recipe.explanation import Explanation
from initkit.recipe.plan import Plan
from initkit.recipe.planned import PlannedTensor, PlannedTie
from initkit.recipe.recipe import Recipe
from initkit.recipe.verify import TensorCheck, Verification, verify

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
    "diff",
    "verify",
]
