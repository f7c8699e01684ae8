/* Inner loops of comparisons, which numpy does in many passes over small arrays.

Each function does what the Python function that calls it does with numpy, operation by operation in the same order and in
single precision, so that the results have the same bytes. Nothing here may be contracted (a * b + c in one step) or
reordered. Arrays come as buffers of the shapes that the callers name; sizes are checked against them.
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

/* A map as nine floats, the size of the picture that it leads to, and px of that picture's longer side. */
typedef struct {
    float m[9];
    int affine;
    float per;
} Way;

static int has_floats(const Py_buffer *buffer, Py_ssize_t count) {
    return count >= 0 && buffer->len == count * (Py_ssize_t)sizeof(float);
}

static PyObject *refuse(void) {
    PyErr_SetString(PyExc_ValueError, "a buffer has another size than its shape says");
    return NULL;
}

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

FAST static void places_of(const Way *way, const float *x, const float *y, Py_ssize_t n, float *u, float *v) {
    const float *m = way->m;
    for (Py_ssize_t i = 0; i < n; i++) {
        u[i] = m[0] * x[i] + (m[1] * y[i] + m[2]);
        v[i] = m[3] * x[i] + (m[4] * y[i] + m[5]);
    }
    if (!way->affine)
        for (Py_ssize_t i = 0; i < n; i++) {
            const float w = m[6] * x[i] + (m[7] * y[i] + m[8]);
            u[i] = u[i] / w;
            v[i] = v[i] / w;
        }
}

FAST static Py_ssize_t see_all(const float *plane, int width, int height, const Way *way, const float *x, const float *y,
                               Py_ssize_t n, const float *bounds, float *values, unsigned char *inside) {
    enum { PART = 256 };
    float u[PART], v[PART];
    Py_ssize_t count = 0;
    for (Py_ssize_t start = 0; start < n; start += PART) {
        const Py_ssize_t some = n - start < PART ? n - start : PART;
        places_of(way, x + start, y + start, some, u, v);
        for (Py_ssize_t i = 0; i < some; i++) {
            u[i] = u[i] * way->per - 0.5f;
            v[i] = v[i] * way->per - 0.5f;
        }
        for (Py_ssize_t i = 0; i < some; i++) {
            const int is_in = (u[i] > bounds[0]) & (u[i] < bounds[2]) & (v[i] > bounds[1]) & (v[i] < bounds[3]);
            inside[start + i] = (unsigned char)is_in;
            count += is_in;
            values[start + i] = sampled(plane, width, height, u[i], v[i]);
        }
    }
    return count;
}

/* see(plane, height, width, map, affine, per, x, y, bounds, values, inside) -> how many lie inside */
static PyObject *see(PyObject *self, PyObject *args) {
    Py_buffer plane, map, x, y, bounds, values, inside;
    int height, width, affine;
    float per;
    if (!PyArg_ParseTuple(args, "y*iiy*ify*y*y*w*w*", &plane, &height, &width, &map, &affine, &per, &x, &y, &bounds,
                          &values, &inside))
        return NULL;
    const Py_ssize_t n = inside.len;
    PyObject *count = NULL;
    if (width < 2 || height < 2 || !has_floats(&plane, (Py_ssize_t)height * width) || !has_floats(&map, 9) ||
        !has_floats(&bounds, 4) || !has_floats(&x, n) || !has_floats(&y, n) || !has_floats(&values, n)) {
        refuse();
    } else {
        Way way = {.affine = affine, .per = per};
        memcpy(way.m, map.buf, sizeof way.m);
        count = PyLong_FromSsize_t(see_all(plane.buf, width, height, &way, x.buf, y.buf, n, bounds.buf, values.buf, inside.buf));
    }
    PyBuffer_Release(&plane), PyBuffer_Release(&map), PyBuffer_Release(&x), PyBuffer_Release(&y);
    PyBuffer_Release(&bounds), PyBuffer_Release(&values), PyBuffer_Release(&inside);
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

FAST static void weigh_all(const float *unknowns, Py_ssize_t rows, const float *seen, const unsigned char *inside,
                           Py_ssize_t count, const float *values, Py_ssize_t n, float gain, float offset, float *off,
                           float *weighted) {
    for (Py_ssize_t i = 0; i < n; i++) {
        const float miss = fabsf(seen[i] - gain * values[i] - offset);
        off[i] = inside[i] ? miss : INFINITY;
    }
    memcpy(weighted, off, (size_t)n * sizeof(float));
    const float scale = 1.5f * ranked(weighted, n, count / 2) + 2.0f;
    for (Py_ssize_t i = 0; i < n; i++) {
        const float share = off[i] / scale;
        off[i] = 1.0f + share * share;
    }
    for (Py_ssize_t row = 0; row < rows; row++)
        for (Py_ssize_t i = 0; i < n; i++) weighted[row * n + i] = unknowns[row * n + i] / off[i];
}

/* weigh(unknowns, seen, inside, count, values, gain, offset, off, weighted): off is room for n floats */
static PyObject *weigh(PyObject *self, PyObject *args) {
    Py_buffer unknowns, seen, inside, values, off, weighted;
    Py_ssize_t count;
    float gain, offset;
    if (!PyArg_ParseTuple(args, "y*y*y*ny*ffw*w*", &unknowns, &seen, &inside, &count, &values, &gain, &offset, &off, &weighted))
        return NULL;
    const Py_ssize_t n = inside.len, rows = n ? weighted.len / (n * (Py_ssize_t)sizeof(float)) : 0;
    PyObject *done = NULL;
    if (rows < 1 || count < 0 || count / 2 >= n || !has_floats(&unknowns, rows * n) || !has_floats(&weighted, rows * n) ||
        !has_floats(&seen, n) || !has_floats(&values, n) || !has_floats(&off, n)) {
        refuse();
    } else {
        weigh_all(unknowns.buf, rows, seen.buf, inside.buf, count, values.buf, n, gain, offset, off.buf, weighted.buf);
        done = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&unknowns), PyBuffer_Release(&seen), PyBuffer_Release(&inside);
    PyBuffer_Release(&values), PyBuffer_Release(&off), PyBuffer_Release(&weighted);
    return done;
}

/* Boxes: content of a, then of b, with margins: left, top, right, bottom; then the width and height of b. */
FAST static Py_ssize_t align_all(const float *plane, int width_b, int height_b, const Way *way, int height, int width,
                                 float per, const double *boxes, float gain, float offset, float *two, unsigned char *inside) {
    Py_ssize_t shown = 0;
    const float *m = way->m;
    for (int row = 0; row < height; row++) {
        const float y = ((float)row + 0.5f) / per;
        const float across = m[1] * y + m[2], down = m[4] * y + m[5], depth = m[7] * y + m[8];
        const int in_rows = ((double)y > boxes[1]) & ((double)y < boxes[3]);
        for (int column = 0; column < width; column++) {
            const float x = ((float)column + 0.5f) / per;
            float u = m[0] * x + across, v = m[3] * x + down;
            if (!way->affine) {
                const float w = m[6] * x + depth;
                u = u / w;
                v = v / w;
            }
            shown += (u > 0) & ((double)u < boxes[8]) & (v > 0) & ((double)v < boxes[9]);
            *inside++ = (unsigned char)(in_rows & ((double)x > boxes[0]) & ((double)x < boxes[2]) & ((double)u > boxes[4]) &
                                        ((double)u < boxes[6]) & ((double)v > boxes[5]) & ((double)v < boxes[7]));
            *two++ = (sampled(plane, width_b, height_b, u * way->per - 0.5f, v * way->per - 0.5f) - offset) / gain;
        }
    }
    return shown;
}

/* align(plane, height_b, width_b, map, affine, per_b, height, width, per, boxes, gain, offset, two, inside) -> shown */
static PyObject *align(PyObject *self, PyObject *args) {
    Py_buffer plane, map, boxes, two, inside;
    int height_b, width_b, affine, height, width;
    float per_b, per, gain, offset;
    if (!PyArg_ParseTuple(args, "y*iiy*ifiify*ffw*w*", &plane, &height_b, &width_b, &map, &affine, &per_b, &height, &width,
                          &per, &boxes, &gain, &offset, &two, &inside))
        return NULL;
    const Py_ssize_t n = (Py_ssize_t)height * width;
    PyObject *shown = NULL;
    if (width_b < 2 || height_b < 2 || height < 1 || width < 1 || !has_floats(&plane, (Py_ssize_t)height_b * width_b) ||
        !has_floats(&map, 9) || boxes.len != 10 * (Py_ssize_t)sizeof(double) || !has_floats(&two, n) || inside.len != n) {
        refuse();
    } else {
        Way way = {.affine = affine, .per = per_b};
        memcpy(way.m, map.buf, sizeof way.m);
        shown = PyLong_FromSsize_t(align_all(plane.buf, width_b, height_b, &way, height, width, per, boxes.buf, gain,
                                             offset, two.buf, inside.buf));
    }
    PyBuffer_Release(&plane), PyBuffer_Release(&map), PyBuffer_Release(&boxes);
    PyBuffer_Release(&two), PyBuffer_Release(&inside);
    return shown;
}

#define BLOCK 8

/* The means of the blocks of 8 x 8 of one - 128, two - 128 (bounded before), their squares and their product. */
FAST static void means_of(const float *one, const float *two, const unsigned char *inside, int height, int width,
                          float *covered, float *means) {
    const int tall = height / BLOCK, wide = width / BLOCK, blocks = tall * wide;
    for (int block_row = 0; block_row < tall; block_row++)
        for (int block = 0; block < wide; block++) {
            float sums[5][BLOCK] = {{0}};
            int count = 0;
            for (int down = 0; down < BLOCK; down++) {
                const size_t start = (size_t)(block_row * BLOCK + down) * (size_t)width + (size_t)(block * BLOCK);
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
            const int at = block_row * wide + block;
            covered[at] = (float)count / (float)(BLOCK * BLOCK);
            for (int n = 0; n < 5; n++) {
                float sum = sums[n][0];
                for (int i = 1; i < BLOCK; i++) sum += sums[n][i];
                means[n * blocks + at] = sum * (1.0f / (float)(BLOCK * BLOCK));
            }
        }
}

/* block_means(one, two, inside, height, width, covered, means) */
static PyObject *block_means(PyObject *self, PyObject *args) {
    Py_buffer one, two, inside, covered, means;
    int height, width;
    if (!PyArg_ParseTuple(args, "y*y*y*iiw*w*", &one, &two, &inside, &height, &width, &covered, &means)) return NULL;
    const Py_ssize_t n = (Py_ssize_t)height * width, blocks = (Py_ssize_t)(height / BLOCK) * (width / BLOCK);
    PyObject *done = NULL;
    if (height < 0 || width < 0 || !has_floats(&one, n) || !has_floats(&two, n) || inside.len != n ||
        !has_floats(&covered, blocks) || !has_floats(&means, 5 * blocks)) {
        refuse();
    } else {
        means_of(one.buf, two.buf, inside.buf, height, width, covered.buf, means.buf);
        done = Py_NewRef(Py_None);
    }
    PyBuffer_Release(&one), PyBuffer_Release(&two), PyBuffer_Release(&inside);
    PyBuffer_Release(&covered), PyBuffer_Release(&means);
    return done;
}

static PyMethodDef methods[] = {
    {"see", see, METH_VARARGS, NULL},
    {"weigh", weigh, METH_VARARGS, NULL},
    {"align", align, METH_VARARGS, NULL},
    {"block_means", block_means, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_kernels", .m_size = 0, .m_methods = methods, .m_slots = slots};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
