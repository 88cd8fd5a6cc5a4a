"""The arithmetic of stream 1: C kernels, their NumPy twin, and what both are given."""

from initkit.kernels.fills import fill_normal, fill_truncated_normal, fill_uniform, filling_in_place

__all__ = ["fill_normal", "fill_truncated_normal", "fill_uniform", "filling_in_place"]
