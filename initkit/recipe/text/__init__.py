"""The text of a recipe: read and checked for form, written, described by a schema. It has no meaning yet."""
