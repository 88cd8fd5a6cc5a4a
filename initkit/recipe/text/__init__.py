"""The text of a recipe, read and checked for form. It has no meaning yet."""
