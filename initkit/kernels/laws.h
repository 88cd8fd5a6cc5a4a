/* The laws, in the precision that transforms.h defines around each inclusion: ik_real, ik_word and ik_shift are
 * its types, IK_(name) is name32 or name64, IK_BITS the bits of u = (k + 1/2) 2^-bits, and IK_SCALE is 2^IK_BITS.
 *
 * Each law is a function of one word (the normal law: of a pair) and of the numbers that parameters.py makes,
 * in its order, exact in this precision.
 */

IK_INLINE ik_real IK_(ik_clamp)(ik_real value, ik_real least, ik_real most) {
    value = IK_(ik_max)(value, least);
    return IK_(ik_min)(value, most);
}

IK_INLINE ik_real IK_(ik_signed)(ik_word upper, ik_real x) {
    const ik_word sign = (ik_word)1 << (IK_WIDTH - 1);
    return IK_(ik_float)(IK_(ik_bits)(x) ^ (upper ? 0 : sign));
}

/* The x that has Phi(-x) = p, given q = 1/2 - p as well; for p >= CENTRAL_LEAST_P. */
IK_INLINE ik_real IK_(ik_central)(ik_real p, ik_real q) {
    const ik_real r = IK_(ik_sqrt)(p - p * p);
    return q * (IK_(IK_CENTRAL_RATIO_) + IK_GLUE(IK_(ik_central), _numerator)(r) / IK_GLUE(IK_(ik_central), _denominator)(r));
}

/* low + u span, clamped. */
typedef struct {
    ik_real low, span, least, most;
} IK_(ik_uniform);

IK_INLINE ik_real IK_(ik_uniform_value)(ik_word word, const IK_(ik_uniform) * law) {
    return IK_(ik_clamp)(IK_(ik_unit)(word) * law->span + law->low, law->least, law->most);
}

/* Box and Muller: mean + std r cos(2 pi u) and mean + std r sin(2 pi u), r = sqrt(-2 log u). */
typedef struct {
    ik_real mean, std;
} IK_(ik_normal);

IK_INLINE void IK_(ik_normal_pair)(ik_word even, ik_word odd, const IK_(ik_normal) * law, ik_real *first,
                                   ik_real *second) {
    const ik_word one = 1, sign = one << (IK_WIDTH - 1), half = one << (IK_WIDTH - 2);
    const ik_word upper = even >> (IK_WIDTH - 1);
    const ik_real n = IK_(ik_folded)(even, upper);
    ik_shift k;
    const ik_real split = IK_(ik_split)(n, &k);
    const ik_real h = upper ? n * (2 / IK_SCALE) : split;
    k = upper ? 0 : k + IK_BITS;
    const ik_real r = IK_(ik_sqrt)(IK_(ik_log)(h, k));

    const ik_real x = IK_(ik_quarter)(odd);
    const ik_real z = x * x;
    const ik_real sine = x * IK_(ik_sine)(z);
    const ik_real cosine = 1 + z * IK_(ik_cosine)(z);

    /* Bits 0 and 1 of the nearest quarter turn now stand at the top of the word. */
    const ik_word turned = odd + (one << (IK_WIDTH - 3));
    const ik_word swapped = turned & half;
    const ik_real across = swapped ? sine : cosine, along = swapped ? cosine : sine;
    const ik_real horizontal = IK_(ik_float)(IK_(ik_bits)(across) ^ ((turned + half) & sign));
    const ik_real vertical = IK_(ik_float)(IK_(ik_bits)(along) ^ (turned & sign));
    *first = (r * horizontal) * law->std + law->mean;
    *second = (r * vertical) * law->std + law->mean;
}

/* The truncated normal law between -c and c, Phi(-c) >= CENTRAL_LEAST_P. */
typedef struct {
    ik_real mean, std, p_end, q_end, step, least, most;
} IK_(ik_truncated_central);

IK_INLINE ik_real IK_(ik_truncated_central_value)(ik_word word, const IK_(ik_truncated_central) * law) {
    const ik_word upper = word >> (IK_WIDTH - 1);
    const ik_real inward = IK_(ik_folded)(word, upper) * law->step;
    const ik_real x = IK_(ik_central)(law->p_end + inward, law->q_end - inward);
    return IK_(ik_clamp)(IK_(ik_signed)(upper, x) * law->std + law->mean, law->least, law->most);
}

/* The truncated normal law between any bounds that are not both far out on one side. Of the two tails that x
 * cuts off, the smaller one is computed, from its own end of the interval, and inverted. */
typedef struct {
    ik_real mean, std, p_lower, p_upper, q_lower, q_upper, step, least, most;
} IK_(ik_truncated);

IK_INLINE ik_real IK_(ik_truncated_value)(ik_word word, const IK_(ik_truncated) * law) {
    const ik_word upper = word >> (IK_WIDTH - 1);
    const ik_real n = IK_(ik_folded)(word, upper);
    const ik_real near = n * law->step, far = (IK_SCALE - n) * law->step;
    const ik_real p_near = (upper ? law->p_upper : law->p_lower) + near;
    const ik_real p_far = (upper ? law->p_lower : law->p_upper) + far;
    const ik_real q_near = (upper ? law->q_upper : law->q_lower) - near;
    const ik_real q_far = (upper ? law->q_lower : law->q_upper) - far;
    const int crossed = p_far < p_near;
    const ik_real p = crossed ? p_far : p_near;
    const ik_real central = IK_(ik_central)(p, crossed ? q_far : q_near);
    ik_shift k;
    ik_real g;
    const ik_real h = IK_(ik_split)(p, &k);
    const ik_real t = IK_(ik_tail)(IK_(ik_log)(h, k), &g);
    const ik_real x = p < IK_(IK_CENTRAL_LEAST_P_) ? t + g : central;
    const ik_word above = upper ^ (ik_word)crossed;
    return IK_(ik_clamp)(IK_(ik_signed)(above, x) * law->std + law->mean, law->least, law->most);
}

/* The truncated normal law between bounds far out on one side: the distance from the near end is computed
 * without the end itself, so it keeps its relative accuracy however far out the interval lies. */
typedef struct {
    ik_real end, std, step, rest, e_end, t_end, g_end, lower, least, most;
} IK_(ik_truncated_far);

IK_INLINE ik_real IK_(ik_truncated_far_value)(ik_word word, const IK_(ik_truncated_far) * law) {
    const ik_word seen = word ^ (law->lower != 0 ? ~(ik_word)0 : 0);
    const ik_word upper = seen >> (IK_WIDTH - 1);
    const ik_real n = IK_(ik_folded)(seen, upper);
    const ik_real other = IK_SCALE - n;
    const ik_real gone = (upper ? other : n) * law->step;
    const ik_real left = law->rest + (upper ? n : other) * law->step;
    const int early = gone <= (ik_real)0.5;
    ik_shift k;
    const ik_real split = IK_(ik_split)(left, &k);
    const ik_real e = IK_(ik_log)(early ? gone + gone : split, early ? 0 : k);
    ik_real g;
    const ik_real t = IK_(ik_tail)(law->e_end + e, &g);
    const ik_real distance = e / (t + law->t_end) + (g - law->g_end);
    return IK_(ik_clamp)(distance * law->std + law->end, law->least, law->most);
}
