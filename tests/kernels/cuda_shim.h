/* What CUDA has and a host compiler has not, so that the kernels run on the host, one thread after the other. */
#define __CUDACC_RTC__
#define __device__
#define __global__
#define __forceinline__ inline
#define IK_KEEP(number)

#include <math.h>
#include <string.h>

struct alignas(8) uint2 {
    unsigned x, y;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
/* Stores of 16 bytes. */
static unsigned long long shim_wide;
extern "C" unsigned long long shim_wide_stores(void) { return shim_wide; }
static inline void __stwb(uint4 *address, uint4 value) {
    *address = value;
    ++shim_wide;
}

static inline float __fsqrt_rn(float x) { return sqrtf(x); }
static inline double __dsqrt_rn(double x) { return sqrt(x); }
template <class To, class From> static inline To shim_cast(From x) {
    static_assert(sizeof(To) == sizeof(From), "the same bits");
    To y;
    memcpy(&y, &x, sizeof y);
    return y;
}
static inline unsigned __float_as_uint(float x) { return shim_cast<unsigned>(x); }
static inline float __uint_as_float(unsigned x) { return shim_cast<float>(x); }
static inline long long __double_as_longlong(double x) { return shim_cast<long long>(x); }
static inline double __longlong_as_double(long long x) { return shim_cast<double>(x); }

struct shim_index {
    unsigned x, y;
};
static shim_index threadIdx, blockIdx, blockDim, gridDim;

/* A store to an address that is no multiple of its size, which a GPU refuses: the sanitizer's checks end here. */
static volatile int shim_misaligned;
extern "C" void __ubsan_handle_type_mismatch_v1(void *, void *) { shim_misaligned = 1; }

/* grid x, y; block x, y; the first of the blocks along x and how many of them are run; then how many arguments there
 * are and how long each is, which the launcher looks at. Returns 1 after a bad store. */
template <class Kernel> static int shim_run(const unsigned *geometry, Kernel kernel) {
    shim_misaligned = 0;
    shim_wide = 0;
    gridDim = {geometry[0], geometry[1]};
    blockDim = {geometry[2], geometry[3]};
    for (blockIdx.y = 0; blockIdx.y < gridDim.y; ++blockIdx.y)
        for (unsigned block = 0; block < geometry[5]; ++block) {
            blockIdx.x = geometry[4] + block;
            for (threadIdx.y = 0; threadIdx.y < blockDim.y; ++threadIdx.y)
                for (threadIdx.x = 0; threadIdx.x < blockDim.x; ++threadIdx.x) kernel();
        }
    return shim_misaligned;
}
