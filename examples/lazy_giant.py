"""A slice of a tensor that would not fit into any memory, and shards that join without a seam.

python examples/lazy_giant.py
"""

import numpy as np

import initkit as ik


def main() -> None:
    """Look into a tensor of 33 TB, then build a small one from the shards of four workers."""
    giant = ik.HeNormal(seed=7).lazy((1_000_000_000, 16384), "bfloat16")
    part = giant[123_456_789:123_456_793, ::4096]
    print(f"{giant.nbytes / 1e12:.0f} TB, of which {part.nbytes} bytes:")
    print(part.astype(np.float32))

    weight = ik.HeNormal(seed=7)
    shards = [weight.lazy((1024, 512))[:, rank::4] for rank in range(4)]
    joined = np.empty((1024, 512), np.float32)
    for rank, shard in enumerate(shards):
        joined[:, rank::4] = shard
    whole = weight((1024, 512))
    print(f"Four interleaved shards equal the whole tensor: {bool((joined == whole).all())}")


if __name__ == "__main__":
    main()
