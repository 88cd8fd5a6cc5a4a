"""The functional layer, for those who think in torch and in Julia.

Two styles, told apart by their names. The functions of `torch.nn.init` end in an underscore and fill an array
that exists, NumPy's or torch's; those of WeightInitializers.jl do not, and make a new one:

```python
from initkit import functional as init

init.kaiming_normal_(layer.weight, nonlinearity="relu", seed=7)    # in place, torch's arguments and fans
init.kaiming_normal(generator, 2, 5, dtype="float16")              # new, Lux's arguments and fans
init.kaiming_normal(generator, np.float16, 2, 5)                   # the same
init.kaiming_normal(2, 5)                                          # from the default generator
waiting = init.kaiming_normal(gain=1.0)                            # a function that waits for the lengths
waiting(2, 5), waiting(generator, 2, 5)
```

All of them are thin: an initializer of the class that their documentation names makes the values. Torch's
reads a weight as `(out, in, k…)`, Lux's as `(out, in)` and `(k…, in, out)`.

Without a seed or a generator, draws come from the default generator: that of the innermost
`initkit.seed_scope`, or one with a seed from the operating system. It advances, so no two calls are alike;
that of WeightInitializers.jl starts anew at every call, and repeats itself. There is no `manual_seed`, since
nothing is global here: for values that can be repeated, name a seed, pass a `SeedGenerator`, or open a scope:

```python
with initkit.seed_scope(7):
    init.kaiming_normal_(w1), init.zeros_(b1), init.kaiming_normal_(w2)
```
"""

from initkit.functional.in_place import (
    constant_,
    dirac_,
    eye_,
    normal_,
    ones_,
    orthogonal_,
    sparse_,
    trunc_normal_,
    uniform_,
    zeros_,
)
from initkit.functional.in_place_by_fan import (
    kaiming_normal_,
    kaiming_uniform_,
    xavier_normal_,
    xavier_uniform_,
)
from initkit.functional.makers import identity_init, orthogonal, sparse_init, truncated_normal
from initkit.functional.makers_by_fan import glorot_normal, glorot_uniform, kaiming_normal, kaiming_uniform
from initkit.functional.partial import Partial
from initkit.functional.typed import (
    ones16,
    ones32,
    ones64,
    onesC32,
    onesC64,
    rand16,
    rand32,
    rand64,
    randC32,
    randC64,
    randn16,
    randn32,
    randn64,
    randnC32,
    randnC64,
    zeros16,
    zeros32,
    zeros64,
    zerosC32,
    zerosC64,
)
from initkit.gains import calculate_gain

__all__ = [
    "Partial",
    "calculate_gain",
    "constant_",
    "dirac_",
    "eye_",
    "glorot_normal",
    "glorot_uniform",
    "identity_init",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal_",
    "ones16",
    "ones32",
    "ones64",
    "onesC32",
    "onesC64",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "rand16",
    "rand32",
    "rand64",
    "randC32",
    "randC64",
    "randn16",
    "randn32",
    "randn64",
    "randnC32",
    "randnC64",
    "sparse_",
    "sparse_init",
    "trunc_normal_",
    "truncated_normal",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros16",
    "zeros32",
    "zeros64",
    "zerosC32",
    "zerosC64",
    "zeros_",
]
