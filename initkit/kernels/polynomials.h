/* Written by docs/derivations/write_polynomials.py from constants.py; change that, run this. */
#ifndef IK_POLYNOMIALS_H
#define IK_POLYNOMIALS_H

#define IK_TWO_LN2_32 1.3862944f
#define IK_CENTRAL_LEAST_P_32 0.0013427734f
#define IK_CENTRAL_RATIO_32 2.5f
#define IK_TWO_LN2_64 1.3862943611198906
#define IK_CENTRAL_LEAST_P_64 0.0013427734375
#define IK_CENTRAL_RATIO_64 2.5
#define IK_LN_TWO_PI_64 1.8378770664093456
#define IK_LOG32_0 0.2499976f
#define IK_LOG32_1 0.083407976f
#define IK_LOG32_2 0.030460736f
#define IK_LOG32_3 0.016479665f
#define IK_LOG32_4 -0.0056536593f
#define IK_LOG32_5 0.01888602f
#define IK_LOG32_6 -0.012809876f
#define IK_LOG32_7 0.0055258633f

IK_INLINE float ik_sine32(float x) {
    float total = -0.004601689f;
    total = total * x + 0.07967998f;
    total = total * x + -0.6459638f;
    total = total * x + 1.5707964f;
    return total;
}

IK_INLINE float ik_cosine32(float x) {
    float total = -0.020417288f;
    total = total * x + 0.25360298f;
    total = total * x + -1.2336977f;
    return total;
}

IK_INLINE float ik_central32_numerator(float x) {
    float total = 139.00673f;
    total = total * x + -16.32604f;
    total = total * x + -23.348553f;
    total = total * x + -1.7516177f;
    total = total * x + -0.016703403f;
    return total;
}

IK_INLINE float ik_central32_denominator(float x) {
    float total = x + -59.956497f;
    total = total * x + -49.570503f;
    total = total * x + -9.3268f;
    total = total * x + -0.39599398f;
    total = total * x + -0.0024749327f;
    return total;
}

IK_INLINE float ik_tail32_numerator(float x) {
    float total = -0.28094405f;
    total = total * x + -1.7599665f;
    total = total * x + -0.33745858f;
    total = total * x + -0.008266953f;
    total = total * x + -1.9401981e-05f;
    return total;
}

IK_INLINE float ik_tail32_denominator(float x) {
    float total = x + 0.77963465f;
    total = total * x + 0.08293918f;
    total = total * x + 0.0013666811f;
    total = total * x + 2.1532044e-06f;
    return total;
}

IK_INLINE double ik_log64_series(double x) {
    double total = 0.3547914447520988;
    total = total * x + 0.19805815354025513;
    total = total * x + 0.27172595474738254;
    total = total * x + 0.3072859436674048;
    total = total * x + 0.3636562795713813;
    total = total * x + 0.44444385815224896;
    total = total * x + 0.5714285811590059;
    total = total * x + 0.7999999999209995;
    total = total * x + 1.333333333333554;
    return total;
}

IK_INLINE double ik_sine64(double x) {
    double total = 5.6337211726138404e-08;
    total = total * x + -3.598641755262129e-06;
    total = total * x + 0.0001604411502917351;
    total = total * x + -0.004681754132282405;
    total = total * x + 0.07969262624603955;
    total = total * x + -0.6459640975062443;
    total = total * x + 1.5707963267948966;
    return total;
}

IK_INLINE double ik_cosine64(double x) {
    double total = -6.321204122194656e-09;
    total = total * x + 4.71060968669062e-07;
    total = total * x + -2.5202036788854397e-05;
    total = total * x + 0.0009192602741911559;
    total = total * x + -0.020863480763312577;
    total = total * x + 0.2536695079010468;
    total = total * x + -1.2337005501361697;
    return total;
}

IK_INLINE double ik_central64_numerator(double x) {
    double total = 2439.203668258056;
    total = total * x + 7169.289559313362;
    total = total * x + 3533.9300166193916;
    total = total * x + -1256.9520463850927;
    total = total * x + -951.0469520263634;
    total = total * x + -165.77027121184133;
    total = total * x + -10.882093201072605;
    total = total * x + -0.2747103816297847;
    total = total * x + -0.0022996202447925925;
    total = total * x + -3.998146100480119e-06;
    return total;
}

IK_INLINE double ik_central64_denominator(double x) {
    double total = x + -992.5856334870181;
    total = total * x + -4036.552985409797;
    total = total * x + -4911.334106412376;
    total = total * x + -2474.768705799808;
    total = total * x + -567.0645680292573;
    total = total * x + -60.25570764764531;
    total = total * x + -2.8855766248522254;
    total = total * x + -0.05706663094783144;
    total = total * x + -0.0003820624696591565;
    total = total * x + -5.10149226899912e-07;
    return total;
}

IK_INLINE double ik_tail64_numerator(double x) {
    double total = -0.21945716286050793;
    total = total * x + -1.9127831244057123;
    total = total * x + -0.5228500074360972;
    total = total * x + -0.023579429947731212;
    total = total * x + -0.0001806458376508389;
    total = total * x + -1.449907454287012e-07;
    return total;
}

IK_INLINE double ik_tail64_denominator(double x) {
    double total = x + 0.9515073923186417;
    total = total * x + 0.14531144869072432;
    total = total * x + 0.004537615644852779;
    total = total * x + 2.5487900980082606e-05;
    total = total * x + 1.4470171351840006e-08;
    return total;
}

IK_INLINE double ik_mills64_numerator(double x) {
    double total = 0.24892887643110018;
    total = total * x + 2.138130850320735;
    total = total * x + 2.533002442176613;
    total = total * x + 0.9569293144897686;
    total = total * x + 0.1449181159526217;
    total = total * x + 0.00908061312094533;
    total = total * x + 0.00019331166334338762;
    return total;
}

IK_INLINE double ik_mills64_denominator(double x) {
    double total = x + 3.6709624204427347;
    total = total * x + 3.2765966449253345;
    total = total * x + 1.0856193205562097;
    total = total * x + 0.15361210574766443;
    total = total * x + 0.009273924784287851;
    total = total * x + 0.00019331166334338775;
    return total;
}

#endif
