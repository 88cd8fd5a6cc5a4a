"""Initializers kept in a YAML file that a person can read, and written back without loss.

python examples/yaml_configs.py
"""

from pathlib import Path

import initkit as ik
from initkit.documents import read_yaml

FILE = Path(__file__).with_name("layers.yaml")


def main() -> None:
    """Read every entry, draw from it, and write it out in full."""
    entries = read_yaml(FILE.read_text(encoding="utf-8"), file=FILE.name).data
    generator = ik.SeedGenerator(42)
    for name, entry in entries.items():
        initializer = ik.get(entry)
        if "seed" in initializer.get_config():
            initializer = initializer.clone(seed=generator.child(name))
        weight = initializer((64, 64), "bfloat16")
        print(f"{name:<14}{type(initializer).__name__:<18}std {weight.astype('float32').std():.4f}")
        assert ik.from_yaml(ik.to_yaml(initializer)) == initializer
    print("\nEverything that the last one was made from:\n" + ik.to_yaml(initializer))


if __name__ == "__main__":
    main()
