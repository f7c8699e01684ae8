/* Inner loops of comparisons, which numpy does in many passes over small arrays.

Each function does what the Python function of its name does with numpy, operation by operation in the same order and in
single precision, so that the results have the same bytes. Nothing here may be contracted (a * b + c in one step) or
reordered. `compiled.py` calls them with buffers and numbers in any order; each checks the sizes of its buffers.
*/

#define Py_LIMITED_API 0x030B0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__GLIBC__)
#define FAST __attribute__((target_clones("avx2", "default"))) /* AVX2 has no contracted operations */
#else
#define FAST
#endif

#define MOST 12
#define REFUSED -1
typedef Py_ssize_t Size;
typedef unsigned char Byte;

/* What a kernel is called with: buffers and numbers, each in their order. */
typedef struct {
    Py_buffer buffers[MOST];
    double numbers[MOST];
    int buffer_count, number_count;
} Given;

static void *buffer_of(const Given *given, int place, Size items, Size bytes) {
    const Py_buffer *buffer = &given->buffers[place];
    return place < given->buffer_count && items >= 0 && buffer->len == items * bytes ? buffer->buf : NULL;
}

static float *floats(const Given *given, int place, Size items) { return buffer_of(given, place, items, sizeof(float)); }
static Byte *bytes(const Given *given, int place, Size items) { return buffer_of(given, place, items, 1); }

static inline float sampled(const float *plane, int width, int height, float u, float v) {
    const float right = (float)(width - 1.01), low = (float)(height - 1.01);
    u = u > 0 ? u : 0;
    u = u < right ? u : right;
    v = v > 0 ? v : 0;
    v = v < low ? v : low;
    const int left = (int)u, top = (int)v;
    const float right_share = u - (float)left, low_share = v - (float)top;
    const float *at = plane + (size_t)top * (size_t)width + left;
    const float above = at[0] + (at[1] - at[0]) * right_share;
    const float below = at[width] + (at[width + 1] - at[width]) * right_share;
    return (below - above) * low_share + above;
}

/* see(plane, map, x, y, bounds, values, inside; height, width, affine, per, n) -> how many lie inside */
FAST static Size see(const Given *given) {
    const double *numbers = given->numbers;
    const int height = (int)numbers[0], width = (int)numbers[1], affine = (int)numbers[2];
    const Size n = (Size)numbers[4];
    const float per = (float)numbers[3], *plane = floats(given, 0, (Size)height * width), *m = floats(given, 1, 9);
    const float *x = floats(given, 2, n), *y = floats(given, 3, n), *bounds = floats(given, 4, 4);
    float *values = floats(given, 5, n);
    Byte *inside = bytes(given, 6, n);
    if (height < 2 || width < 2 || !plane || !m || !x || !y || !bounds || !values || !inside) return REFUSED;
    Size count = 0;
    for (Size i = 0; i < n; i++) {
        float u = m[0] * x[i] + (m[1] * y[i] + m[2]), v = m[3] * x[i] + (m[4] * y[i] + m[5]);
        if (!affine) {
            const float w = m[6] * x[i] + (m[7] * y[i] + m[8]);
            u = u / w;
            v = v / w;
        }
        u = u * per - 0.5f;
        v = v * per - 0.5f;
        inside[i] = (Byte)((u > bounds[0]) & (u < bounds[2]) & (v > bounds[1]) & (v < bounds[3]));
        count += inside[i];
        values[i] = sampled(plane, width, height, u, v);
    }
    return count;
}

/* The value that has `rank` smaller ones (Hoare's quickselect); `values` is reordered. */
static float ranked(float *values, Py_ssize_t n, Py_ssize_t rank) {
    Py_ssize_t low = 0, high = n - 1;
    while (low < high) {
        const float pivot = values[low + (high - low) / 2];
        Py_ssize_t i = low, j = high;
        while (i <= j) {
            while (values[i] < pivot) i++;
            while (pivot < values[j]) j--;
            if (i <= j) {
                const float kept = values[i];
                values[i++] = values[j], values[j--] = kept;
            }
        }
        if (rank <= j)
            high = j;
        else if (rank >= i)
            low = i;
        else
            break;
    }
    return values[rank];
}

/* weigh(unknowns, seen, inside, values, room, weighted; rows, n, count, gain, offset) */
FAST static Size weigh(const Given *given) {
    const Size rows = (Size)given->numbers[0], n = (Size)given->numbers[1], count = (Size)given->numbers[2];
    const float gain = (float)given->numbers[3], offset = (float)given->numbers[4];
    const float *unknowns = floats(given, 0, rows * n), *seen = floats(given, 1, n), *values = floats(given, 3, n);
    const Byte *inside = bytes(given, 2, n);
    float *off = floats(given, 4, n), *weighted = floats(given, 5, rows * n);
    if (rows < 1 || count < 0 || count / 2 >= n || !unknowns || !seen || !inside || !values || !off || !weighted)
        return REFUSED;
    for (Size i = 0; i < n; i++) {
        const float miss = fabsf(seen[i] - gain * values[i] - offset);
        off[i] = inside[i] ? miss : INFINITY;
    }
    memcpy(weighted, off, (size_t)n * sizeof(float));
    const float scale = 1.5f * ranked(weighted, n, count / 2) + 2.0f;
    for (Size i = 0; i < n; i++) {
        const float share = off[i] / scale;
        off[i] = 1.0f + share * share;
    }
    for (Size row = 0; row < rows; row++)
        for (Size i = 0; i < n; i++) weighted[row * n + i] = unknowns[row * n + i] / off[i];
    return 0;
}

/* align(plane, map, boxes, two, inside; height_b, width_b, affine, per_b, height, width, per, gain, offset) -> shown

boxes: those of both contents (left, top, right, bottom), then the width and height of b. */
FAST static Size align(const Given *given) {
    const double *numbers = given->numbers;
    const int height_b = (int)numbers[0], width_b = (int)numbers[1], affine = (int)numbers[2];
    const int height = (int)numbers[4], width = (int)numbers[5];
    const float per_b = (float)numbers[3], per = (float)numbers[6], gain = (float)numbers[7], offset = (float)numbers[8];
    const float *plane = floats(given, 0, (Size)height_b * width_b), *m = floats(given, 1, 9);
    const double *boxes = buffer_of(given, 2, 10, sizeof(double));
    float *two = floats(given, 3, (Size)height * width);
    Byte *inside = bytes(given, 4, (Size)height * width);
    if (height_b < 2 || width_b < 2 || !plane || !m || !boxes || !two || !inside) return REFUSED;
    Size shown = 0;
    for (int row = 0; row < height; row++) {
        const float y = ((float)row + 0.5f) / per;
        const float across = m[1] * y + m[2], down = m[4] * y + m[5], depth = m[7] * y + m[8];
        const int in_rows = (y > boxes[1]) & (y < boxes[3]);
        for (int column = 0; column < width; column++) {
            const float x = ((float)column + 0.5f) / per;
            float u = m[0] * x + across, v = m[3] * x + down;
            if (!affine) {
                const float w = m[6] * x + depth;
                u = u / w;
                v = v / w;
            }
            shown += (u > 0) & (u < boxes[8]) & (v > 0) & (v < boxes[9]);
            *inside++ = (Byte)(in_rows & (x > boxes[0]) & (x < boxes[2]) & (u > boxes[4]) & (u < boxes[6]) &
                               (v > boxes[5]) & (v < boxes[7]));
            *two++ = (sampled(plane, width_b, height_b, u * per_b - 0.5f, v * per_b - 0.5f) - offset) / gain;
        }
    }
    return shown;
}

#define BLOCK 8

/* block_means(one, two, inside, covered, means; height, width) */
FAST static Size block_means(const Given *given) {
    const int height = (int)given->numbers[0], width = (int)given->numbers[1], tall = height / BLOCK, wide = width / BLOCK;
    const Size n = (Size)height * width, blocks = (Size)tall * wide;
    const float *one = floats(given, 0, n), *two = floats(given, 1, n);
    const Byte *inside = bytes(given, 2, n);
    float *covered = floats(given, 3, blocks), *means = floats(given, 4, 5 * blocks);
    if (!one || !two || !inside || !covered || !means) return REFUSED;
    for (Size at = 0; at < blocks; at++) {
        float sums[5][BLOCK] = {{0}};
        int count = 0;
        for (int down = 0; down < BLOCK; down++) {
            const Size start = (at / wide * BLOCK + down) * width + at % wide * BLOCK;
            for (int i = 0; i < BLOCK; i++) {
                const float p = one[start + i] - 128.0f;
                float q = two[start + i];
                q = q > -400.0f ? q : -400.0f;
                q = q < 400.0f ? q : 400.0f;
                q -= 128.0f;
                sums[0][i] += p, sums[1][i] += q, sums[2][i] += p * p, sums[3][i] += q * q, sums[4][i] += p * q;
                count += inside[start + i];
            }
        }
        covered[at] = (float)count / (float)(BLOCK * BLOCK);
        for (int n = 0; n < 5; n++) {
            float sum = sums[n][0];
            for (int i = 1; i < BLOCK; i++) sum += sums[n][i];
            means[n * blocks + at] = sum * (1.0f / (float)(BLOCK * BLOCK));
        }
    }
    return 0;
}

/* planes(gray, room, planes; height, width): room for two padded pictures; planes: smoothed gray and its slopes */
FAST static Size planes(const Given *given) {
    const Size height = (Size)given->numbers[0], width = (Size)given->numbers[1], stride = width + 4;
    const Size padded = (height + 4) * stride;
    const float *gray = floats(given, 0, height * width);
    float *a = floats(given, 1, padded), *smooth = floats(given, 2, 3 * height * width);
    if (height < 2 || width < 2 || !gray || !a || !smooth) return REFUSED;
    for (Size row = -2; row < height + 2; row++) {
        const float *from = gray + (row < 0 ? 0 : row < height ? row : height - 1) * width;
        float *to = a + (row + 2) * stride;
        memcpy(to + 2, from, (size_t)width * sizeof(float));
        to[0] = to[1] = from[0];
        to[width + 2] = to[width + 3] = from[width - 1];
    }
    Size left = padded;
    for (int pass = 0; pass < 4; pass++) {
        left -= 1;
        for (Size i = 0; i < left; i++) a[i] = a[i] + a[i + 1];
    }
    for (int pass = 0; pass < 4; pass++) {
        left -= stride;
        for (Size i = 0; i < left; i++) a[i] = a[i] + a[i + stride];
    }
    for (Size row = 0; row < height; row++)
        for (Size i = 0; i < width; i++) smooth[row * width + i] = a[row * stride + i] * (1.0f / 256);
    float *along_x = smooth + height * width, *along_y = along_x + height * width;
    for (Size row = 0; row < height; row++) {
        const float *line = smooth + row * width;
        float *x = along_x + row * width, *y = along_y + row * width;
        for (Size i = 1; i < width - 1; i++) x[i] = (line[i + 1] - line[i - 1]) * 0.5f;
        x[0] = line[1] - line[0], x[width - 1] = line[width - 1] - line[width - 2];
        const float *above = row ? line - width : line, *below = row < height - 1 ? line + width : line;
        const float share = row && row < height - 1 ? 0.5f : 1.0f;
        for (Size i = 0; i < width; i++) y[i] = (below[i] - above[i]) * share;
    }
    return 0;
}

/* steepest(along_x, along_y, in_columns, in_rows, at; height, width, side) -> how many places of cells were found */
FAST static Size steepest(const Given *given) {
    const Size height = (Size)given->numbers[0], width = (Size)given->numbers[1], side = (Size)given->numbers[2];
    const float *x = floats(given, 0, height * width), *y = floats(given, 1, height * width);
    const Byte *in_columns = bytes(given, 2, width), *in_rows = bytes(given, 3, height);
    int32_t *at = side > 0 ? buffer_of(given, 4, (height / side) * (width / side), sizeof(int32_t)) : NULL;
    if (!x || !y || !in_columns || !in_rows || !at) return REFUSED;
    Size found = 0;
    for (Size top = 0; top + side <= height; top += side)
        for (Size left = 0; left + side <= width; left += side) {
            float most = -1;
            Size best = 0;
            for (Size row = top; row < top + side; row++)
                for (Size i = row * width + left, column = left; column < left + side; column++, i++) {
                    const float steep = x[i] * x[i] + y[i] * y[i];
                    const float counted = in_rows[row] & in_columns[column] ? steep : 0;
                    if (counted > most) most = counted, best = i;
                }
            if (most > 1) at[found++] = (int32_t)best;
        }
    return found;
}

/* sample(slopes, places, left, top, right, bottom, sampled; stride, items, n, m): complex; bounds (n,), places (m, n) */
FAST static Size sample(const Given *given) {
    const Size stride = (Size)given->numbers[0], items = (Size)given->numbers[1], n = (Size)given->numbers[2];
    const Size m = (Size)given->numbers[3];
    const float *slopes = floats(given, 0, 2 * items), *places = floats(given, 1, 2 * m * n);
    const float *left = floats(given, 2, n), *top = floats(given, 3, n), *right = floats(given, 4, n);
    const float *bottom = floats(given, 5, n);
    float *sampled = floats(given, 6, 2 * m * n);
    if (!slopes || !places || !left || !top || !right || !bottom || !sampled) return REFUSED;
    for (Size i = 0; i < n; i++)
        if (!(left[i] >= 0 && top[i] >= 0 && ((Size)bottom[i] + 1) * stride + (Size)right[i] + 1 < items)) return REFUSED;
    for (Size row = 0; row < m; row++)
        for (Size i = 0; i < n; i++) {
            const Size place = 2 * (row * n + i);
            const float most_x = right[i] - 0.001f, most_y = bottom[i] - 0.001f;
            float x = places[place] - 0.5f, y = places[place + 1] - 0.5f;
            x = x > left[i] ? x : left[i];
            x = x < most_x ? x : most_x;
            y = y > top[i] ? y : top[i];
            y = y < most_y ? y : most_y;
            const int column = (int)x, line = (int)y;
            const float share_x = x - (float)column, share_y = y - (float)line;
            const float *at = slopes + 2 * (line * stride + column), *under = at + 2 * stride;
            for (int part = 0; part < 2; part++) {
                const float above = at[part] + (at[part + 2] - at[part]) * share_x;
                const float below = under[part] + (under[part + 2] - under[part]) * share_x;
                sampled[place + part] = above + (below - above) * share_y;
            }
        }
    return 0;
}

#define DIRECTIONS 8

/* count_directions(steepness, turn, counts; n): shares each slope between its two nearest directions */
FAST static Size count_directions(const Given *given) {
    const Size n = (Size)given->numbers[0];
    const float *steepness = floats(given, 0, n), *turn = floats(given, 1, n);
    float *counts = floats(given, 2, n * DIRECTIONS);
    if (!steepness || !turn || !counts) return REFUSED;
    memset(counts, 0, (size_t)(n * DIRECTIONS) * sizeof(float));
    for (Size i = 0; i < n; i++) {
        const int low = (int)turn[i];
        const double upper = ((double)turn[i] - low) * (double)steepness[i];
        counts[i * DIRECTIONS + (low & (DIRECTIONS - 1))] = (float)((double)steepness[i] - upper);
        counts[i * DIRECTIONS + ((low + 1) & (DIRECTIONS - 1))] = (float)upper;
    }
    return 0;
}

/* Three times the sum of neighbours at a step, as (1 3 3 1), in place. */
static inline void thrice(float *p, Size step, Size n) {
    for (Size i = 0; i < n; i++) {
        const float one = p[i] + p[i + step], two = p[i + step] + p[i + 2 * step], three = p[i + 2 * step] + p[i + 3 * step];
        p[i] = (one + two) + (two + three);
    }
}

/* strength(gray, x, y, strength, level, room; stride, n): slopes and corners of an atlas; room for three arrays */
FAST static Size strength(const Given *given) {
    const Size stride = (Size)given->numbers[0], n = (Size)given->numbers[1], first = 2 * (stride + 1);
    const float *gray = floats(given, 0, n);
    float *x = floats(given, 1, n), *y = floats(given, 2, n), *found = floats(given, 3, n), *a = floats(given, 5, 3 * n);
    const signed char *level = buffer_of(given, 4, n, 1);
    if (stride < 1 || n < 8 * (stride + 1) || !gray || !x || !y || !found || !level || !a) return REFUSED;
    const Size left = n - 2 - 2 * stride;
    for (Size i = 0; i < n - 2; i++) a[i] = (gray[i] + gray[i + 1]) + (gray[i + 1] + gray[i + 2]);
    for (Size i = 0; i < left; i++)
        a[i] = ((a[i] + a[i + stride]) + (a[i + stride] + a[i + 2 * stride])) * (1.0f / 32);
    memset(x, 0, (size_t)n * sizeof(float)), memset(y, 0, (size_t)n * sizeof(float));
    memset(found, 0, (size_t)n * sizeof(float));
    for (Size i = 0; i < left - 1 - stride; i++) {
        const float *p = a + i, *q = p + stride;
        x[i + stride + 1] = (p[1] - p[0]) + (q[1] - q[0]);
        y[i + stride + 1] = (q[1] + q[0]) - (p[1] + p[0]);
    }
    float *xx = a, *yy = a + n, *xy = a + 2 * n;
    for (Size i = 0; i < n; i++) xx[i] = x[i] * x[i], yy[i] = y[i] * y[i], xy[i] = x[i] * y[i];
    for (int plane = 0; plane < 3; plane++) {
        float *p = a + plane * n;
        thrice(p, 1, n - 3);
        thrice(p, stride, n - 3 - 3 * stride);
    }
    for (Size i = 0; i < n - 3 - 3 * stride; i++) {
        const float corner = (xx[i] * yy[i] - xy[i] * xy[i]) / ((xx[i] + yy[i]) + 1e-4f) * (1.0f / 64);
        found[i + first] = level[i + first] >= 0 ? corner : 0 * corner;
    }
    return 0;
}

/* peaks(strength, at; stride, n, least) -> how many places are the highest of 5 x 5 */
FAST static Size peaks(const Given *given) {
    const Size stride = (Size)given->numbers[0], n = (Size)given->numbers[1], middle = 2 * (stride + 1);
    const float least = (float)given->numbers[2], *strength = floats(given, 0, n);
    int64_t *at = buffer_of(given, 1, n, sizeof(int64_t));
    if (stride < 1 || !strength || !at) return REFUSED;
    Size found = 0;
    for (Size i = middle; i < n - middle; i++) {
        const float here = strength[i];
        if (!(here > least && here >= strength[i - 1] && here >= strength[i + 1])) continue;
        int highest = 1;
        for (Size down = -2; highest && down <= 2; down++)
            for (Size across = -2; across <= 2; across++) highest &= here >= strength[i + down * stride + across];
        if (highest) at[found++] = i;
    }
    return found;
}

/* sharpness(plane, weights, sums, energy; height, width): of the slopes along each axis, where both weights are 1 */
FAST static Size sharpness(const Given *given) {
    const Size height = (Size)given->numbers[0], width = (Size)given->numbers[1];
    const float *plane = floats(given, 0, height * width), *weights = floats(given, 1, height * width);
    float *sums = floats(given, 2, 2 * width);
    double *energy = buffer_of(given, 3, 2, sizeof(double));
    if (height < 1 || width < 1 || !plane || !weights || !sums || !energy) return REFUSED;
    memset(sums, 0, (size_t)(2 * width) * sizeof(float));
    for (Size row = 0; row < height; row++) {
        const float *p = plane + row * width, *w = weights + row * width;
        for (Size i = 0; i < width - 1; i++) {
            const float across = (p[i + 1] - p[i]) * w[i + 1] * w[i];
            sums[i] += across * across;
        }
        if (row < height - 1)
            for (Size i = 0; i < width; i++) {
                const float down = (p[i + width] - p[i]) * w[i + width] * w[i];
                sums[width + i] += down * down;
            }
    }
    energy[0] = energy[1] = 0;
    for (Size i = 0; i < width - 1; i++) energy[0] += (double)sums[i];
    for (Size i = 0; i < width; i++) energy[1] += (double)sums[width + i];
    return 0;
}

/* Calls a kernel with the buffers and numbers of a call from Python. */
static PyObject *run(PyObject *args, Size (*kernel)(const Given *)) {
    Given given = {.buffer_count = 0, .number_count = 0};
    Size answer = REFUSED;
    for (Size i = 0; i < PyTuple_Size(args); i++) {
        PyObject *each = PyTuple_GetItem(args, i);
        if (given.buffer_count == MOST || given.number_count == MOST) break;
        if (PyFloat_Check(each) || PyLong_Check(each))
            given.numbers[given.number_count++] = PyFloat_AsDouble(each);
        else if (!PyObject_GetBuffer(each, &given.buffers[given.buffer_count], PyBUF_SIMPLE))
            given.buffer_count++;
        else
            break;
    }
    if (!PyErr_Occurred()) {
        for (int i = given.number_count; i < MOST; i++) given.numbers[i] = 0;
        answer = kernel(&given);
    }
    for (int i = 0; i < given.buffer_count; i++) PyBuffer_Release(&given.buffers[i]);
    if (PyErr_Occurred()) return NULL;
    if (answer != REFUSED) return PyLong_FromSsize_t(answer);
    PyErr_SetString(PyExc_ValueError, "a buffer has another size than its shape says");
    return NULL;
}

#define KERNELS(each) \
    each(see) each(weigh) each(align) each(block_means) each(planes) each(steepest) each(sample) each(count_directions) \
        each(strength) each(peaks) each(sharpness)
#define DEFINE(name) \
    static PyObject *run_##name(PyObject *module, PyObject *args) { return (void)module, run(args, name); }
#define LIST(name) {#name, run_##name, METH_VARARGS, NULL},
KERNELS(DEFINE)

static PyMethodDef methods[] = {KERNELS(LIST){NULL, NULL, 0, NULL}};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
