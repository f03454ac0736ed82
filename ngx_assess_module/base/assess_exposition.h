
/*
 * The text format of Prometheus, version 0.0.4: families with their samples,
 * appended to a buffer.  All of a family follows its head.
 */

#ifndef ASSESS_EXPOSITION_H
#define ASSESS_EXPOSITION_H


#include "assess_metrics.h"


#define ASSESS_EXPOSITION_TYPE  "text/plain; version=0.0.4; charset=utf-8"


/* One label; names are of ours, a value may be any text. */
typedef struct {
    const char    *name;
    assess_str_t   value;
} assess_label_t;


/* help is one line of ours, without a backslash. */
void assess_exposition_head(assess_buf_t *b, const char *name,
    const char *type, const char *help);

void assess_exposition_sample(assess_buf_t *b, const char *name,
    const assess_label_t *labels, size_t n, double value);

/* Buckets, sum and count, as far as they had come when it began. */
void assess_exposition_histogram(assess_buf_t *b, const char *name,
    const assess_label_t *labels, size_t n,
    const assess_histogram_t *histogram);

/* A head and its only sample. */
void assess_exposition_counter(assess_buf_t *b, const char *name,
    const char *help, double value);
void assess_exposition_gauge(assess_buf_t *b, const char *name,
    const char *help, double value);

/* A label whose value is a word of ours. */
assess_label_t assess_exposition_label(const char *name, const char *value);


#endif /* ASSESS_EXPOSITION_H */
