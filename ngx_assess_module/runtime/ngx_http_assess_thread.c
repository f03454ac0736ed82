
#include "ngx_http_assess_thread.h"

#include <signal.h>


static ngx_int_t
ngx_http_assess_thread_init(ngx_http_assess_thread_t *t)
{
    int                 rc;
    pthread_condattr_t  attr;

    ngx_memzero(t, sizeof(ngx_http_assess_thread_t));

    if (pthread_condattr_init(&attr) != 0) {
        return NGX_ERROR;
    }

    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0
         || pthread_cond_init(&t->cond, &attr) != 0
         || pthread_mutex_init(&t->mutex, NULL) != 0;

    (void) pthread_condattr_destroy(&attr);

    return rc ? NGX_ERROR : NGX_OK;
}


ngx_int_t
ngx_http_assess_thread_start(ngx_http_assess_thread_t *t,
    void *(*run)(void *data), void *data)
{
    int       rc;
    sigset_t  all, before;

    if (ngx_http_assess_thread_init(t) != NGX_OK) {
        return NGX_ERROR;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_BLOCK, &all, &before);

    rc = pthread_create(&t->thread, NULL, run, data);

    (void) pthread_sigmask(SIG_SETMASK, &before, NULL);

    t->running = rc == 0;

    return rc == 0 ? NGX_OK : NGX_ERROR;
}


void
ngx_http_assess_thread_wake(ngx_http_assess_thread_t *t)
{
    (void) pthread_mutex_lock(&t->mutex);

    t->woken = 1;
    (void) pthread_cond_signal(&t->cond);

    (void) pthread_mutex_unlock(&t->mutex);
}


ngx_uint_t
ngx_http_assess_thread_sleep(ngx_http_assess_thread_t *t, int64_t until,
    ngx_uint_t may_be_woken)
{
    int              rc;
    ngx_uint_t       stop;
    struct timespec  ts;

    ts.tv_sec = (time_t) (until / 1000);
    ts.tv_nsec = (long) (until % 1000) * 1000000;

    (void) pthread_mutex_lock(&t->mutex);

    for (rc = 0; rc == 0 && !t->stop && !(may_be_woken && t->woken); ) {
        rc = pthread_cond_timedwait(&t->cond, &t->mutex, &ts);
    }

    if (may_be_woken) {
        t->woken = 0;
    }

    stop = t->stop;

    (void) pthread_mutex_unlock(&t->mutex);

    return !stop;
}


void
ngx_http_assess_thread_stop(ngx_http_assess_thread_t *t)
{
    if (!t->running) {
        return;
    }

    (void) pthread_mutex_lock(&t->mutex);

    t->stop = 1;
    (void) pthread_cond_signal(&t->cond);

    (void) pthread_mutex_unlock(&t->mutex);

    (void) pthread_join(t->thread, NULL);
    t->running = 0;
}
