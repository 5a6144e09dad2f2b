// SPDX-License-Identifier: BSD-2-Clause
// The indexer's loss: for every query the Kullback-Leibler divergence from p, its attention
// averaged over the heads, to softmax(I), I the indexer's scores, both over the tokens that the
// query gets. p is taken as given. With a[h][s] = q_I[h] . k_I[s] and G = softmax(I) - p:
//     dw[h] = sum_s G[s] relu(a[h][s]),  dq_I[h] = sum_s M[h][s] k_I[s],
//     dk_I[s] = sum_h M[h][s] q_I[h],
//     M[h][s] = G[s] w[h] [a[h][s] > 0].
// Keys of all queries get a share of each: blocks of rows add up in an array each, added in their
// order.
#include "config.h"

#include <math.h>
#include <string.h>

#include "lib/grad/dsa.h"

enum { TILE = 64, PARTS = 16, ROWS = 64 };

// A thread's scratch.
struct work {
    float *tile;                 // [TILE][wide]: gathered rows
    float *s;                    // [group][TILE]
    float *p, *score;            // [rows]
    float *a;                    // [products][rows]
    float *m;                    // [products][TILE]
    float *d_key;                // [TILE][dim]
    float *mean, *d_mean;        // [dim]
    float *weight;               // [index_heads]
    void *gemm;
    size_t stride;               // of a
    size_t bytes;
};

static size_t padded(size_t n)
{
    return (n + 15) / 16 * 16;
}

// Products that make a score: the mean of all is one product with the mean query.
static size_t products(const struct lte_dsa_op *op)
{
    return op->rule == LTE_INDEX_DOT ? 1 : op->index_heads;
}

static size_t gemm_bytes(const struct lte_dsa_op *op, const struct lte_kernels *k)
{
    const size_t a = k->gemm_scratch(products(op), op->index_dim, TILE);
    const size_t b = k->gemm_scratch(TILE, op->index_dim, products(op));
    return a > b ? a : b;
}

static struct work carve(const struct lte_dsa_op *op, size_t rows, void *scratch)
{
    const size_t wide = op->head_dim > op->index_dim ? op->head_dim : op->index_dim;
    const size_t stride = padded(rows), n = products(op), dim = padded(op->index_dim);
    const size_t size[] = {TILE * padded(wide), op->heads / op->key_heads * TILE, stride, stride,
                           n * stride, n * TILE, TILE * dim, dim, dim, padded(op->index_heads)};
    float *part[sizeof size / sizeof size[0]];
    size_t at = 0;
    for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
        part[i] = scratch ? (float *)scratch + at : NULL;
        at += padded(size[i]);
    }
    return (struct work){.tile = part[0], .s = part[1], .p = part[2], .score = part[3], .a = part[4],
                         .m = part[5], .d_key = part[6], .mean = part[7], .d_mean = part[8],
                         .weight = part[9], .gemm = scratch ? (float *)scratch + at : NULL,
                         .stride = stride, .bytes = at * sizeof(float)};
}

// One query and what it gets.
struct query {
    const struct lte_dsa_pass *pass;
    const struct lte_segment *segment;
    size_t t, n;
    const uint32_t *at;          // NULL: the first n
    const float *index;
};

// Up to TILE rows of a matrix, those of the query's tokens from i on; *stride gets their distance.
static const float *gather(const struct query *q, const struct work *w, const float *from, size_t width,
                           size_t dim, size_t i, size_t n, size_t *stride)
{
    from += q->segment->row * width;
    if (!q->at) {
        *stride = width;
        return from + i * width;
    }
    *stride = padded(dim);
    for (size_t s = 0; s < n; s++)
        memcpy(w->tile + s * *stride, from + q->at[i + s] * width, dim * sizeof(float));
    return w->tile;
}

static size_t tile_at(const struct query *q, size_t i)
{
    return q->n - i < TILE ? q->n - i : TILE;
}

// p: the mean of the heads' attention, whose log sums are known.
static void attention(const struct query *q, const struct work *w)
{
    const struct lte_dsa_pass *a = q->pass;
    const struct lte_kernels *k = a->exec->kernels;
    const struct lte_dsa_op *op = a->op;
    const size_t group = op->heads / op->key_heads, dim = op->head_dim, kv = op->key_heads * dim;
    const float scale = (float)(1 / sqrt((double)dim)), share = 1 / (float)op->heads;
    const size_t row = (q->segment->row + q->t) * op->heads;
    memset(w->p, 0, q->n * sizeof *w->p);
    for (size_t i = 0; i < q->n; i += TILE) {
        for (size_t h = 0; h < op->key_heads; h++) {
            const size_t n = tile_at(q, i);
            size_t stride;
            const float *keys = gather(q, w, a->k + h * dim, kv, dim, i, n, &stride);
            k->linear[LTE_DTYPE_F32](w->s, TILE, a->q + (row + h * group) * dim, dim, group, keys,
                                     stride, n, dim);
            for (size_t g = 0; g < group; g++) {
                float *s = w->s + g * TILE;
                for (size_t j = 0; j < n; j++)
                    s[j] = scale * s[j] - a->lse[row + h * group + g];
                k->vexp(s, s, n);
                for (size_t j = 0; j < n; j++)
                    w->p[i + j] += share * s[j];
            }
        }
    }
}

static void mean_query(const struct query *q, const struct work *w)
{
    const struct lte_dsa_op *op = q->pass->op;
    memset(w->mean, 0, op->index_dim * sizeof *w->mean);
    for (size_t h = 0; h < op->index_heads; h++)
        for (size_t d = 0; d < op->index_dim; d++)
            w->mean[d] += w->weight[h] * q->index[h * op->index_dim + d];
}

static const float *index_query(const struct query *q, const struct work *w)
{
    return q->pass->op->rule == LTE_INDEX_DOT ? w->mean : q->index;
}

static const float *index_tile(const struct query *q, const struct work *w, size_t i, size_t *stride)
{
    const struct lte_dsa_op *op = q->pass->op;
    return gather(q, w, q->pass->index + lte_dsa_key_column(op), lte_dsa_index_width(op), op->index_dim, i,
                  tile_at(q, i), stride);
}

// a, and the scores.
static void scores(const struct query *q, const struct work *w)
{
    const struct lte_dsa_op *op = q->pass->op;
    const size_t dim = op->index_dim, n = products(op);
    lte_dsa_head_weights(op, q->index, w->weight);
    if (op->rule == LTE_INDEX_DOT)
        mean_query(q, w);
    for (size_t i = 0; i < q->n; i += TILE) {
        size_t stride;
        const float *keys = index_tile(q, w, i, &stride);
        q->pass->exec->kernels->linear[LTE_DTYPE_F32](w->a + i, w->stride, index_query(q, w), dim, n, keys,
                                                      stride, tile_at(q, i), dim);
    }
    if (op->rule == LTE_INDEX_DOT) {
        memcpy(w->score, w->a, q->n * sizeof *w->score);
        return;
    }
    memset(w->score, 0, q->n * sizeof *w->score);
    for (size_t h = 0; h < n; h++)
        for (size_t s = 0; s < q->n; s++)
            w->score[s] += w->weight[h] * (w->a[h * w->stride + s] > 0 ? w->a[h * w->stride + s] : 0);
}

// The divergence; score becomes scale * (softmax(I) - p).
static double divergence(const struct query *q, const struct work *w, float scale)
{
    const struct lte_kernels *k = q->pass->exec->kernels;
    float top = -INFINITY, *x = w->score;
    double sum = 0, kl = 0, cross = 0;
    for (size_t s = 0; s < q->n; s++)
        top = x[s] > top ? x[s] : top;
    for (size_t s = 0; s < q->n; s++) {
        x[s] -= top;
        if (w->p[s] > 0) {
            kl += w->p[s] * log(w->p[s]);
            cross += (double)w->p[s] * x[s];
        }
    }
    k->vexp(x, x, q->n);
    for (size_t s = 0; s < q->n; s++)
        sum += x[s];
    const float by = (float)(1 / sum);
    double all = 0;
    for (size_t s = 0; s < q->n; s++) {
        all += w->p[s];
        x[s] = scale * (x[s] * by - w->p[s]);
    }
    return kl - cross + all * log(sum);
}

// M of a tile; and dw, by the weights before scaling.
static void slopes(const struct query *q, const struct work *w, size_t i)
{
    const struct lte_dsa_op *op = q->pass->op;
    const size_t n = tile_at(q, i);
    const float *g = w->score + i;
    if (op->rule == LTE_INDEX_DOT) {
        memcpy(w->m, g, n * sizeof *w->m);
        return;
    }
    const size_t row = (q->segment->row + q->t) * lte_dsa_index_width(op);
    float *dw = q->pass->d_index + row + lte_dsa_weight_column(op);
    const double scale = 1 / sqrt((double)op->index_heads * (double)op->index_dim);
    for (size_t h = 0; h < op->index_heads; h++) {
        const float *a = w->a + h * w->stride + i;
        double sum = 0;
        for (size_t s = 0; s < n; s++) {
            sum += a[s] > 0 ? (double)g[s] * a[s] : 0;
            w->m[h * TILE + s] = a[s] > 0 ? g[s] * w->weight[h] : 0;
        }
        dw[h] += (float)(sum * scale);
    }
}

// To the keys' sums in `to`, [rows][dim], row 0 that of the micro-batch; and to the query's.
static void gradient(const struct query *q, const struct work *w, float *to)
{
    const struct lte_dsa_op *op = q->pass->op;
    const struct lte_kernels *k = q->pass->exec->kernels;
    const size_t dim = op->index_dim, n = products(op);
    const bool mean = op->rule == LTE_INDEX_DOT;
    float *dq = q->pass->d_index + (q->segment->row + q->t) * lte_dsa_index_width(op);
    memset(w->d_mean, 0, dim * sizeof *w->d_mean);
    for (size_t i = 0; i < q->n; i += TILE) {
        const size_t keys = tile_at(q, i);
        size_t stride;
        const float *tile = index_tile(q, w, i, &stride);
        slopes(q, w, i);
        k->gemm_nn[LTE_DTYPE_F32](mean ? w->d_mean : dq, dim, w->m, TILE, n, tile, stride, dim, keys,
                                  w->gemm);
        memset(w->d_key, 0, keys * dim * sizeof *w->d_key);
        k->gemm_tn(w->d_key, dim, w->m, TILE, keys, index_query(q, w), dim, dim, n, w->gemm);
        for (size_t s = 0; s < keys; s++) {
            float *row = to + (q->segment->row + (q->at ? q->at[i + s] : i + s)) * dim;
            k->add(row, row, w->d_key + s * dim, dim);
        }
    }
    for (size_t h = 0; mean && h < op->index_heads; h++)
        for (size_t d = 0; d < dim; d++)
            dq[h * dim + d] += w->weight[h] * w->d_mean[d];
}

struct pass {
    const struct lte_dsa_pass *dsa;
    float scale;
    bool gradient;
    double *loss;                // [rows]
    float *partial;              // [PARTS][rows][dim]
};

static void part_item(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_dsa_pass *a = p->dsa;
    const size_t rows = a->exec->rows, part = (rows + PARTS - 1) / PARTS;
    const size_t from = item * part, to = from + part < rows ? from + part : rows;
    const struct work w = carve(a->op, a->tape->limits.rows, lte_exec_scratch(a->exec, thread));
    float *sums = p->gradient ? p->partial + item * rows * a->op->index_dim : NULL;
    const struct lte_segment *g = a->exec->segment;
    if (sums)
        memset(sums, 0, rows * a->op->index_dim * sizeof *sums);
    for (size_t row = from; row < to; row++) {
        while (row >= g->row + g->rows)
            g++;
        const size_t t = row - g->row;
        const struct query q = {a, g, t, lte_dsa_count(a, t), a->dense ? NULL : a->at + row * a->top,
                                a->index + row * lte_dsa_index_width(a->op)};
        attention(&q, &w);
        scores(&q, &w);
        p->loss[row] = divergence(&q, &w, p->scale);
        if (sums)
            gradient(&q, &w, sums);
    }
}

static void add_item(void *arg, size_t item, unsigned thread)
{
    const struct pass *p = arg;
    const struct lte_dsa_pass *a = p->dsa;
    const size_t rows = a->exec->rows, dim = a->op->index_dim, width = lte_dsa_index_width(a->op);
    const size_t to = (item + 1) * ROWS < rows ? (item + 1) * ROWS : rows;
    (void)thread;
    for (size_t row = item * ROWS; row < to; row++) {
        float *dk = a->d_index + row * width + lte_dsa_key_column(a->op);
        for (size_t i = 0; i < PARTS; i++)
            a->exec->kernels->add(dk, dk, p->partial + (i * rows + row) * dim, dim);
    }
}

double lte_dsa_index_loss(const struct lte_dsa_pass *a, float scale, bool gradient)
{
    const size_t rows = a->exec->rows;
    struct pass p = {a, scale, gradient, a->shared, NULL};
    double sum = 0;
    p.partial = (float *)(void *)((unsigned char *)a->shared + lte_align(rows * sizeof *p.loss));
    lte_exec_for(a->exec, PARTS, part_item, &p);
    if (gradient)
        lte_exec_for(a->exec, (rows + ROWS - 1) / ROWS, add_item, &p);
    for (size_t i = 0; i < rows; i++)
        sum += p.loss[i];
    return sum;
}

void lte_dsa_index_scratch(const struct lte_dsa_op *op, const struct lte_tape_limits *limits,
                           const struct lte_kernels *kernels, size_t *shared, size_t *each)
{
    *shared = lte_align(limits->rows * sizeof(double)) +
              PARTS * limits->rows * op->index_dim * sizeof(float);
    *each = lte_align(carve(op, limits->rows, NULL).bytes) + gemm_bytes(op, kernels);
}
