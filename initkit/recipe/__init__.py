"""Whole models from one file: tensor names, ordered rules, and numbers that may be expressions."""
