/* What the tests reach inside a build of the kernels. Compiled in place of fill.c, which it contains, once for each
 * instruction set; so the flags of fill.c decide what the compiler makes of both. */
#include "fill.c"
#include "probe.h"

void IK_PASTE(probe_, IK_ISA)(int part, int code, const double *parameters, const void *in, ik_u64 count, void *out) {
    if (part == PROBE_WORDS) {
        ik_u32 identity[4];
        for (int i = 0; i < 4; ++i) identity[i] = (ik_u32)parameters[i];
        const ik_schedule schedule = ik_schedule_of(identity);
        ik_words(&schedule, (const ik_u64 *)in, (ik_size)count, (ik_u32 *)out);
    } else if (part == PROBE_ROUNDING) {
        round_to(code, (const float *)in, (ik_size)count, out);
    } else if (part == PROBE_LOG) {
        const double *x = (const double *)in;
        double *values = (double *)out;
        for (ik_size i = 0; i < count; ++i)
            values[i] = code == 0   ? ik_log(x[i], 0.0)
                        : code == 1 ? ik_log1p(x[i])
                                    : ik_log_share(x[5 * i], x[5 * i + 1], x[5 * i + 2], x[5 * i + 3], x[5 * i + 4]);
    } else {
        ik_request request;
        memset(&request, 0, sizeof request);
        request.distribution = code;
        memcpy(request.parameters, parameters, sizeof request.parameters);
        if (part == PROBE_LAW32)
            transform32(&request, (const ik_u32 *)in, (float *)out, (ik_size)count);
        else
            transform64(&request, (const ik_u64 *)in, (double *)out, (ik_size)count);
    }
}
