
#include "assess_perform.h"

#include "assess_sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>


/* How late it may be noticed that a transfer is to be broken off. */
#define ASSESS_PERFORM_LOOK  100             /* ms */


/*
 * The address that the socket is about to be connected to, whatever a name
 * meant when it was looked at before.
 */

static curl_socket_t
assess_perform_open(void *ctx, curlsocktype purpose,
    struct curl_sockaddr *addr)
{
    assess_perform_t *p = ctx;

    int  fd;

    if (purpose != CURLSOCKTYPE_IPCXN
        || (p->check && p->check(&addr->addr, p->ctx) != 0))
    {
        p->refused = 1;
        return CURL_SOCKET_BAD;
    }

    fd = assess_socket_open(addr->family, addr->socktype, addr->protocol);

    if (fd == -1) {
        p->lack = errno;
        return CURL_SOCKET_BAD;
    }

    return fd;
}


static int
assess_perform_close(void *ctx, curl_socket_t fd)
{
    (void) ctx;

    assess_socket_close(fd);

    return 0;
}


int
assess_perform_init(assess_perform_t *p)
{
    memset(p, 0, sizeof(assess_perform_t));

    p->multi = curl_multi_init();
    p->easy = curl_easy_init();

    if (p->multi == NULL || p->easy == NULL) {
        return -1;
    }

    return curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, 4L) == CURLM_OK
           ? 0 : -1;
}


void
assess_perform_free(assess_perform_t *p)
{
    curl_easy_cleanup(p->easy);

    if (p->multi) {
        (void) curl_multi_cleanup(p->multi);
    }

    memset(p, 0, sizeof(assess_perform_t));
}


int
assess_perform_begin(assess_perform_t *p)
{
    CURL  *easy = p->easy;
    long   err;

    curl_easy_reset(easy);

    p->stopped = 0;
    p->refused = 0;
    p->lack = 0;
    p->why[0] = '\0';

    err = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    err |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    err |= curl_easy_setopt(easy, CURLOPT_PROXY, "");
    err |= curl_easy_setopt(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
    err |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);

    /* a resolver that does not answer is not waited for when all ends */

    err |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    err |= curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
    err |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                            (long) CURL_HTTP_VERSION_1_1);
    err |= curl_easy_setopt(easy, CURLOPT_USERAGENT, "ngx_assess");
    err |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, p->why);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION,
                            assess_perform_open);
    err |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, p);
    err |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION,
                            assess_perform_close);

    return err == CURLE_OK ? 0 : -1;
}


/* Only one transfer is under way: what there is to be read is of it. */

static int
assess_perform_ended(assess_perform_t *p, CURLcode *code)
{
    int       left, ended;
    CURLMsg  *msg;

    ended = 0;

    while ((msg = curl_multi_info_read(p->multi, &left))) {

        if (msg->msg == CURLMSG_DONE) {
            *code = msg->data.result;
            ended = 1;
        }
    }

    return ended;
}


CURLcode
assess_perform(assess_perform_t *p)
{
    int        running;
    CURLcode   code;
    CURLMcode  rc;

    if (curl_multi_add_handle(p->multi, p->easy) != CURLM_OK) {
        return CURLE_FAILED_INIT;
    }

    for ( ;; ) {

        if (p->stop && p->stop(p->ctx)) {
            p->stopped = 1;
            code = CURLE_ABORTED_BY_CALLBACK;
            break;
        }

        /* one bad address of a name is enough, whatever its others are */

        if (p->refused) {
            code = CURLE_COULDNT_CONNECT;
            break;
        }

        rc = curl_multi_perform(p->multi, &running);

        if (rc == CURLM_OK && assess_perform_ended(p, &code)) {
            break;
        }

        if (rc == CURLM_OK) {
            rc = curl_multi_poll(p->multi, NULL, 0, ASSESS_PERFORM_LOOK,
                                 NULL);
        }

        if (rc != CURLM_OK) {
            code = CURLE_FAILED_INIT;
            break;
        }
    }

    (void) curl_multi_remove_handle(p->multi, p->easy);

    return code;
}


int
assess_perform_wait(assess_perform_t *p, int64_t ms)
{
    int64_t  left, until;

    until = assess_mono_ms() + ms;

    for ( ;; ) {

        if (p->stop && p->stop(p->ctx)) {
            p->stopped = 1;
            return 1;
        }

        left = until - assess_mono_ms();

        if (left <= 0) {
            return 0;
        }

        (void) curl_multi_poll(p->multi, NULL, 0,
                               left < ASSESS_PERFORM_LOOK
                               ? (int) left : ASSESS_PERFORM_LOOK, NULL);
    }
}


int
assess_perform_header(struct curl_slist **list, const char *fmt, ...)
{
    va_list             args;
    struct curl_slist  *more;

    char  text[2048];

    va_start(args, fmt);

    if (vsnprintf(text, sizeof(text), fmt, args) >= (int) sizeof(text)) {
        va_end(args);
        return -1;
    }

    va_end(args);

    more = curl_slist_append(*list, text);
    if (more == NULL) {
        return -1;
    }

    *list = more;

    return 0;
}
