
/* The trace that a job belongs to: W3C Trace Context, version 00. */

#ifndef ASSESS_TRACE_H
#define ASSESS_TRACE_H


#include "../store/assess_job.h"


/* of a traceparent: where the id of the trace is, and how long */
#define ASSESS_TRACE_ID      3
#define ASSESS_TRACE_ID_LEN  32


/* Whether it is one that may be taken over; no other version is. */
int assess_trace_valid(const char *data, size_t len);

/*
 * What is sent along with one request: the same trace, sampled or not as that
 * one is, and an id of its own.  parent is valid.  0, or -1: no entropy.
 */
int assess_trace_child(char out[ASSESS_TRACE_LEN + 1], const char *parent);


#endif /* ASSESS_TRACE_H */
