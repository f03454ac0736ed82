
/*
 * A thread of its own, for what must not wait for a place in a pool: it sleeps
 * until it is time, or until somebody wakes it.
 */

#ifndef NGX_HTTP_ASSESS_THREAD_H
#define NGX_HTTP_ASSESS_THREAD_H


#include "../ngx_http_assess_module.h"

#include <pthread.h>


typedef struct {
    pthread_t         thread;
    pthread_mutex_t   mutex;
    pthread_cond_t    cond;
    unsigned          woken:1;               /* under the mutex */
    unsigned          stop:1;                /* too */
    ngx_uint_t        running;               /* of who starts and stops it */
} ngx_http_assess_thread_t;


/* Event loop; it gets no signal: those are the event loop's. */
ngx_int_t ngx_http_assess_thread_start(ngx_http_assess_thread_t *t,
    void *(*run)(void *data), void *data);

/* Any thread. */
void ngx_http_assess_thread_wake(ngx_http_assess_thread_t *t);

/*
 * The thread itself: until this time of assess_mono_ms(), or until it is woken
 * where it may be.  0: it is to end.
 */
ngx_uint_t ngx_http_assess_thread_sleep(ngx_http_assess_thread_t *t,
    int64_t until, ngx_uint_t may_be_woken);

/* Event loop; waits for its end. */
void ngx_http_assess_thread_stop(ngx_http_assess_thread_t *t);


#endif /* NGX_HTTP_ASSESS_THREAD_H */
