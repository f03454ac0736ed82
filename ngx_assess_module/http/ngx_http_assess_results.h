
/* Answers as lines of CSV. */

#ifndef NGX_HTTP_ASSESS_RESULTS_H
#define NGX_HTTP_ASSESS_RESULTS_H


#include "ngx_http_assess_call.h"


/* The names of the columns of an answer, with the end of the line. */
#define NGX_HTTP_ASSESS_CSV_COLUMNS                                          \
    "questionId,verdict,confidence,rationale,quote,page,verified,provider,"  \
    "model,cached\r\n"

/* One line for each piece of evidence, each with head, if any, before it. */
void ngx_http_assess_csv_answer(assess_buf_t *b, const assess_str_t *head,
    const assess_answer_t *answer);

/* The format of the query, which is one of these words, or NULL. */
ngx_uint_t ngx_http_assess_format_is(const assess_str_t *format,
    const char *name);


#endif /* NGX_HTTP_ASSESS_RESULTS_H */
