"""Every constant of stream 1's arithmetic, as decimals that round to the exact coefficient.

Names end in the precision that uses them. Polynomials stand lowest power first; a denominator (`_D`) has a
further, leading coefficient 1, which costs no multiplication. docs/derivations/fit_transforms.py fits and
prints them all; an error given here is that of the rounded coefficients in exact arithmetic.
"""

from __future__ import annotations

# ---- Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

PHILOX_ROUNDS = 10
PHILOX_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
PHILOX_WEYL = (0x9E3779B9, 0xBB67AE85)
# In the block number: tells the words that are low halves of float64 draws from all others.
LOW_HALF_BIT = 1 << 63

# ---- Logarithm: -2·log(u) = k·TWO_LN2 + H(h), where u = 2**-k · (1 - h/2), 0 <= h <= 1.

TWO_LN2 = 1.3862943611198906
LN_TWO_PI = 1.8378770664093456

# H(h) = h + h²·Q(h). Largest relative error of H: 2.6e-8.
LOG32 = (
    0.2499976,
    0.083407976,
    0.030460736,
    0.016479665,
    -0.0056536593,
    0.01888602,
    -0.012809876,
    0.0055258633,
)
# H(h) = 4·s + s·z·R(z), s = h/(4 - h), z = s², 0 <= z <= 1/9. Largest relative error of H: 5.1e-17.
LOG64 = (
    1.333333333333554,
    0.7999999999209995,
    0.5714285811590059,
    0.44444385815224896,
    0.3636562795713813,
    0.3072859436674048,
    0.27172595474738254,
    0.19805815354025513,
    0.3547914447520988,
)

# ---- Sine and cosine of a quarter turn's part: the angle is π/2·x.

# sin(π/2·x) = x·S(x²), |x| <= 1/2. Largest relative error: 2.9e-8.
SIN32 = (
    1.5707964,
    -0.6459638,
    0.07967998,
    -0.004601689,
)
# cos(π/2·x) = 1 + x²·C(x²), |x| <= 1/2. Largest relative error: 4.0e-8.
COS32 = (
    -1.2336977,
    0.25360298,
    -0.020417288,
)
# The same. Largest relative error: 5.0e-17.
SIN64 = (
    1.5707963267948966,
    -0.6459640975062443,
    0.07969262624603955,
    -0.004681754132282405,
    0.0001604411502917351,
    -3.598641755262129e-06,
    5.6337211726138404e-08,
)
# The same. Largest relative error: 2.3e-17.
COS64 = (
    -1.2337005501361697,
    0.2536695079010468,
    -0.020863480763312577,
    0.0009192602741911559,
    -2.5202036788854397e-05,
    4.71060968669062e-07,
    -6.321204122194656e-09,
)

# ---- Inverse of the normal law: p = Phi(-x) <= 1/2, q = 1/2 - p.

# From here up the central formula is used, below it the tail formula; a little less than Phi(-3).
CENTRAL_LEAST_P = 11 / 8192
CENTRAL_RATIO = 2.5

# x = q·(CENTRAL_RATIO + N(r)/D(r)), r = √(p - p²). Largest relative error: 2.8e-8.
CENTRAL32_N = (
    -0.016703403,
    -1.7516177,
    -23.348553,
    -16.32604,
    139.00673,
)
CENTRAL32_D = (
    -0.0024749327,
    -0.39599398,
    -9.3268,
    -49.570503,
    -59.956497,
)
# The same. Largest relative error: 2.4e-16.
CENTRAL64_N = (
    -3.998146100480119e-06,
    -0.0022996202447925925,
    -0.2747103816297847,
    -10.882093201072605,
    -165.77027121184133,
    -951.0469520263634,
    -1256.9520463850927,
    3533.9300166193916,
    7169.289559313362,
    2439.203668258056,
)
CENTRAL64_D = (
    -5.10149226899912e-07,
    -0.0003820624696591565,
    -0.05706663094783144,
    -2.8855766248522254,
    -60.25570764764531,
    -567.0645680292573,
    -2474.768705799808,
    -4911.334106412376,
    -4036.552985409797,
    -992.5856334870181,
)
# x = t + s·N(s)/D(s), t = √(-2·log p), s = 1/t, down to p = 0. Largest relative error: 6.7e-8.
TAIL32_N = (
    -1.9401981e-05,
    -0.008266953,
    -0.33745858,
    -1.7599665,
    -0.28094405,
)
TAIL32_D = (
    2.1532044e-06,
    0.0013666811,
    0.08293918,
    0.77963465,
)
# The same, before a step of Newton's method. Largest relative error: 8.9e-9.
TAIL64_N = (
    -1.449907454287012e-07,
    -0.0001806458376508389,
    -0.023579429947731212,
    -0.5228500074360972,
    -1.9127831244057123,
    -0.21945716286050793,
)
TAIL64_D = (
    1.4470171351840006e-08,
    2.5487900980082606e-05,
    0.004537615644852779,
    0.14531144869072432,
    0.9515073923186417,
)
# x·(1 - Phi(x))/phi(x) = N(z)/D(z), z = 1/x², x >= 3: for that step. Largest relative error: 9.0e-16.
MILLS64_N = (
    0.00019331166334338762,
    0.00908061312094533,
    0.1449181159526217,
    0.9569293144897686,
    2.533002442176613,
    2.138130850320735,
    0.24892887643110018,
)
MILLS64_D = (
    0.00019331166334338775,
    0.009273924784287851,
    0.15361210574766443,
    1.0856193205562097,
    3.2765966449253345,
    3.6709624204427347,
)
