"""A recipe for a model that exists already: made in Python, read as YAML, and filled into the model's arrays.

python examples/recipe_in_python.py
"""

import numpy as np

import initkit as ik


def a_model() -> dict[str, np.ndarray]:
    """The arrays of a small transformer by name, as a PyTorch state dict would have them."""
    width, layers = 64, 3
    shapes = {"emb.weight": (1000, width), "norm.weight": (width,)}
    for layer in range(layers):
        shapes |= {f"h.{layer}.{part}.weight": (width, width) for part in ("q", "k", "v", "out")}
        shapes |= {f"h.{layer}.up.weight": (4 * width, width), f"h.{layer}.down.weight": (width, 4 * width)}
        shapes[f"h.{layer}.norm.weight"] = (width,)
    return {name: np.empty(shape, np.float32) for name, shape in shapes.items()}


def main() -> None:
    """Write the recipe, ask about a tensor, and fill the model."""
    model = a_model()
    recipe = ik.Recipe.make(
        seed=42,
        layout="torch",
        variables={"n_layer": 3},
        tensors=model,
        rules=[
            ("*norm.weight", ik.Ones()),
            ("emb.weight", ik.RandomNormal(stddev=0.02)),
            ("h.{layer}.{out,down}.weight", {"random_normal": {"stddev": "0.02 / sqrt(2 * n_layer)"}}),
            ("*", ik.LecunNormal()),
        ],
    )
    print(recipe.text)
    print(recipe.explain("h.1.down.weight"))
    recipe.fill(model)
    print(f"\nh.1.down.weight in the model: std {model['h.1.down.weight'].std():.5f}")


if __name__ == "__main__":
    main()
