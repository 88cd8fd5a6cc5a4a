"""Recipes written: made in Python, saved as a person would have written them, and described by a schema."""
