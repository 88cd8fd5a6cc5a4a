"""From the text of a recipe to its plan: for every tensor its shape, dtype, rule and initializer. Pure."""
