
#include "assess_courier.h"

#include "assess_email.h"
#include "assess_perform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>


#define ASSESS_COURIER_LACK    1000          /* ms; for want of a descriptor */

/* Of an answer nothing is read but how it begins, and that not for ever. */
#define ASSESS_COURIER_ANSWER  (64 * 1024)


/* One notice under way. */

typedef struct {
    assess_courier_t        *courier;        /* NULL: the place is free */
    assess_arena_t          *arena;
    assess_notice_t          notice;
    assess_perform_t         perform;        /* its handle, without a multi */
    struct curl_slist       *headers;
    assess_smtp_mail_t       mail;
    size_t                   answered;       /* bytes of the answer */
    int                      began;
    int                      ended;
    CURLcode                 code;
    char                     why[128];       /* it cannot be sent */
    int                      never;          /* nor ever will be */
} assess_delivery_t;


struct assess_courier_s {
    const assess_courier_conf_t   *conf;
    CURLM                         *multi;
    int                            rung;
    int                            busy;
    assess_delivery_t              deliveries[ASSESS_COURIER_MAX];
};


int64_t
assess_courier_wait(int tries, int first_ms, int64_t after_ms,
    uint32_t random)
{
    int64_t  wait;

    if (after_ms >= 0) {

        if (after_ms > ASSESS_COURIER_WAIT) {
            after_ms = ASSESS_COURIER_WAIT;
        }

        return after_ms + random % (after_ms / 4 + 1);
    }

    wait = first_ms;

    while (--tries > 0 && wait < ASSESS_COURIER_WAIT) {
        wait *= 2;
    }

    if (wait > ASSESS_COURIER_WAIT) {
        wait = ASSESS_COURIER_WAIT;
    }

    return wait / 2 + random % (wait / 2 + 1);
}


assess_courier_t *
assess_courier_create(const assess_courier_conf_t *conf)
{
    assess_courier_t  *courier;

    courier = calloc(1, sizeof(assess_courier_t));
    if (courier == NULL) {
        return NULL;
    }

    courier->conf = conf;
    courier->multi = curl_multi_init();

    if (courier->multi == NULL) {
        free(courier);
        return NULL;
    }

    return courier;
}


static void
assess_delivery_free(assess_delivery_t *d)
{
    if (d->began) {
        (void) curl_multi_remove_handle(d->courier->multi, d->perform.easy);
    }

    curl_easy_cleanup(d->perform.easy);
    curl_slist_free_all(d->headers);
    curl_slist_free_all(d->mail.to);
    assess_buf_free(&d->mail.message);

    if (d->arena) {
        assess_arena_destroy(d->arena);
    }

    d->courier->busy--;
    memset(d, 0, sizeof(assess_delivery_t));
}


void
assess_courier_destroy(assess_courier_t *courier)
{
    int  i;

    if (courier == NULL) {
        return;
    }

    for (i = 0; i < ASSESS_COURIER_MAX; i++) {
        if (courier->deliveries[i].courier) {
            assess_delivery_free(&courier->deliveries[i]);
        }
    }

    (void) curl_multi_cleanup(courier->multi);
    free(courier);
}


int
assess_courier_room(const assess_courier_t *courier)
{
    return ASSESS_COURIER_MAX - courier->busy;
}


static int
assess_courier_of_origin(const assess_courier_t *courier,
    const assess_str_t *origin)
{
    int                       i, n;
    const assess_delivery_t  *d;

    for (i = 0, n = 0; i < ASSESS_COURIER_MAX; i++) {
        d = &courier->deliveries[i];
        n += d->courier && assess_str_same(&d->notice.origin, origin);
    }

    return n;
}


/*
 * A claim takes up to ASSESS_COURIER_EACH for an origin, whatever that has
 * under way: so none for one where they would be too many.
 */

size_t
assess_courier_full(const assess_courier_t *courier,
    assess_str_t origins[ASSESS_COURIER_MAX])
{
    int                       i;
    size_t                    n;
    const assess_delivery_t  *d;

    for (i = 0, n = 0; i < ASSESS_COURIER_MAX; i++) {

        d = &courier->deliveries[i];

        if (d->courier
            && assess_courier_of_origin(courier, &d->notice.origin)
               > ASSESS_COURIER_ORIGIN - ASSESS_COURIER_EACH)
        {
            origins[n++] = d->notice.origin;
        }
    }

    return n;
}


static int
assess_delivery_check(const struct sockaddr *addr, void *ctx)
{
    assess_delivery_t *d = ctx;

    const assess_courier_conf_t  *conf;

    conf = d->courier->conf;

    /* the server of mail is the operator's own word */

    if (d->notice.kind == ASSESS_NOTICE_EMAIL) {
        return 0;
    }

    return assess_address_allowed(addr, conf->nets, conf->nnets) ? 0 : -1;
}


/* It may have answered with its status already, which counts all the same */

static size_t
assess_delivery_on_answer(char *data, size_t size, size_t n, void *ctx)
{
    assess_delivery_t *d = ctx;

    (void) data;

    d->answered += n * size;

    return d->answered > ASSESS_COURIER_ANSWER ? 0 : n * size;
}


static int
assess_delivery_signed(assess_delivery_t *d)
{
    int                           rc;
    int64_t                       now;
    assess_buf_t                  signature;
    const assess_courier_conf_t  *conf;

    conf = d->courier->conf;
    now = assess_now_ms() / 1000;

    if (assess_perform_header(&d->headers, "webhook-id: %s",
                              d->notice.notice_id) != 0
        || assess_perform_header(&d->headers, "webhook-timestamp: %lld",
                                 (long long) now) != 0)
    {
        return -1;
    }

    if (conf->nsecrets == 0) {
        return 0;
    }

    memset(&signature, 0, sizeof(assess_buf_t));

    assess_webhook_sign(&signature, conf->secrets, conf->nsecrets,
                        d->notice.notice_id, now, &d->notice.body);

    rc = signature.failed
         || assess_perform_header(&d->headers, "webhook-signature: %s",
                                  signature.data) != 0;

    assess_buf_free(&signature);

    return rc ? -1 : 0;
}


static int
assess_delivery_webhook(assess_delivery_t *d)
{
    CURL                         *easy;
    long                          failed;
    assess_err_t                  err;
    assess_source_t               url;
    const assess_courier_conf_t  *conf;

    conf = d->courier->conf;
    easy = d->perform.easy;

    /* it was read when the job was started, by a configuration of then */

    if (assess_webhook_url(d->arena, &d->notice.target, conf->nets,
                           conf->nnets, &url, &err) != ASSESS_OK)
    {
        d->never = err.kind == ASSESS_INVALID;
        (void) snprintf(d->why, sizeof(d->why), "%.127s", err.message);
        return -1;
    }

    if (assess_delivery_signed(d) != 0
        || assess_perform_header(&d->headers,
                                 "Content-Type: application/json") != 0
        || assess_perform_header(&d->headers, "Expect:") != 0)
    {
        return -1;
    }

    failed = curl_easy_setopt(easy, CURLOPT_URL, url.url.data);
    failed |= curl_easy_setopt(easy, CURLOPT_POST, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, d->notice.body.data);
    failed |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                               (curl_off_t) d->notice.body.len);
    failed |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, d->headers);

    if (conf->ca_file) {
        failed |= curl_easy_setopt(easy, CURLOPT_CAINFO, conf->ca_file);
    }

    return failed ? -1 : 0;
}


static int
assess_delivery_mail(assess_delivery_t *d)
{
    assess_email_t             mail;
    const assess_smtp_conf_t  *smtp;

    smtp = d->courier->conf->smtp;

    if (smtp == NULL) {
        (void) snprintf(d->why, sizeof(d->why),
                        "no server of mail is configured");
        return -1;
    }

    memset(&mail, 0, sizeof(assess_email_t));
    mail.from = smtp->from.data;
    mail.to = d->notice.target.data;
    mail.id = d->notice.notice_id;
    mail.created_at = d->notice.created_at;
    mail.body = d->notice.body;

    if (!assess_email_address(d->notice.target.data, d->notice.target.len)) {
        d->never = 1;
        (void) snprintf(d->why, sizeof(d->why), "its address is none");
        return -1;
    }

    if (assess_email_write(d->arena, &mail, &d->mail.message) != 0) {
        return -1;
    }

    return assess_smtp_load(d->perform.easy, smtp, mail.to, &d->mail);
}


static int
assess_delivery_begin(assess_delivery_t *d)
{
    CURL  *easy;
    long   failed;

    easy = d->perform.easy;

    if (assess_perform_begin(&d->perform) != 0) {
        return -1;
    }

    failed = curl_easy_setopt(easy, CURLOPT_PRIVATE, d);
    failed |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                               (long) d->courier->conf->timeout_ms);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION,
                               assess_delivery_on_answer);
    failed |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, d);

    /* each is looked up and connected to anew, and each address checked */

    failed |= curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    failed |= curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L);

    if (failed) {
        return -1;
    }

    if (d->notice.kind == ASSESS_NOTICE_EMAIL ? assess_delivery_mail(d)
                                              : assess_delivery_webhook(d))
    {
        return -1;
    }

    if (curl_multi_add_handle(d->courier->multi, easy) != CURLM_OK) {
        return -1;
    }

    d->began = 1;

    return 0;
}


static int
assess_delivery_copy(assess_delivery_t *d, const assess_notice_t *notice)
{
    d->notice = *notice;

    d->perform.easy = curl_easy_init();
    d->perform.check = assess_delivery_check;
    d->perform.ctx = d;

    d->arena = assess_arena_create();

    if (d->arena == NULL || d->perform.easy == NULL
        || assess_pstrdup(d->arena, &d->notice.target, notice->target.data,
                          notice->target.len) != 0
        || assess_pstrdup(d->arena, &d->notice.origin, notice->origin.data,
                          notice->origin.len) != 0
        || assess_pstrdup(d->arena, &d->notice.body, notice->body.data,
                          notice->body.len) != 0)
    {
        d->notice.origin.data = NULL;
        d->notice.origin.len = 0;
        return -1;
    }

    return 0;
}


void
assess_courier_take(assess_courier_t *courier, const assess_notice_t *notice)
{
    int                 i;
    assess_delivery_t  *d;

    for (i = 0; courier->deliveries[i].courier; i++) { /* void */ }

    d = &courier->deliveries[i];
    d->courier = courier;
    courier->busy++;

    if (assess_delivery_copy(d, notice) != 0
        || assess_delivery_begin(d) != 0)
    {
        d->ended = 1;
        d->code = CURLE_FAILED_INIT;

        if (d->why[0] == '\0') {
            (void) snprintf(d->why, sizeof(d->why), "out of memory");
        }
    }
}


/* Why it did not arrive, for the operator: nothing of the URL but its host */

static void
assess_delivery_why(const assess_delivery_t *d, long status, char *why,
    size_t size)
{
    if (d->why[0]) {
        (void) snprintf(why, size, "%s", d->why);

    } else if (d->perform.refused) {
        (void) snprintf(why, size, "its address is not on the public "
                        "internet, and its network not allowed");

    } else if (status) {
        (void) snprintf(why, size, "answered with %ld%s", status,
                        status / 100 == 3 ? ", and redirections are not "
                                            "followed" : "");

    } else {
        (void) snprintf(why, size, "%.200s",
                        d->perform.why[0] ? d->perform.why
                                          : curl_easy_strerror(d->code));
    }
}


static assess_notice_told_e
assess_delivery_judge(assess_delivery_t *d, long status, int64_t *after_ms)
{
    curl_off_t  after;

    *after_ms = -1;

    if (d->perform.lack) {
        *after_ms = ASSESS_COURIER_LACK;
    }

    if (d->notice.kind == ASSESS_NOTICE_EMAIL) {
        return d->code == CURLE_OK ? ASSESS_NOTICE_DELIVERED
               : assess_smtp_refused(d->code, status)
                 ? ASSESS_NOTICE_GIVEN_UP : ASSESS_NOTICE_AGAIN;
    }

    /* what was cut off here was answered before */

    if (d->code != CURLE_OK
        && (d->code != CURLE_WRITE_ERROR
            || d->answered <= ASSESS_COURIER_ANSWER))
    {
        return ASSESS_NOTICE_AGAIN;
    }

    switch (assess_webhook_answer(status)) {

    case ASSESS_WEBHOOK_TAKEN:
        return ASSESS_NOTICE_DELIVERED;

    case ASSESS_WEBHOOK_GONE:
        return ASSESS_NOTICE_GIVEN_UP;

    case ASSESS_WEBHOOK_LATER:
        after = 0;
        (void) curl_easy_getinfo(d->perform.easy, CURLINFO_RETRY_AFTER,
                                 &after);

        if (after > 0) {
            *after_ms = after < ASSESS_COURIER_WAIT / 1000
                        ? (int64_t) after * 1000 : ASSESS_COURIER_WAIT;
        }

        return ASSESS_NOTICE_AGAIN;

    default:
        return ASSESS_NOTICE_AGAIN;
    }
}


/* What came of it; what would come too late is given up now */

static void
assess_delivery_told(assess_delivery_t *d, assess_notice_told_t *told)
{
    long                          status;
    int64_t                       after_ms;
    uint32_t                      random;
    const assess_courier_conf_t  *conf;

    conf = d->courier->conf;
    memset(told, 0, sizeof(assess_notice_told_t));

    status = 0;

    if (d->began) {
        (void) curl_easy_getinfo(d->perform.easy, CURLINFO_RESPONSE_CODE,
                                 &status);
    }

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0) {
        random = (uint32_t) assess_mono_ms();
    }

    memcpy(told->notice_id, d->notice.notice_id, sizeof(told->notice_id));
    told->tries = d->notice.tries;
    told->told = assess_delivery_judge(d, status, &after_ms);

    if (told->told == ASSESS_NOTICE_DELIVERED) {
        return;
    }

    assess_delivery_why(d, status, told->error, sizeof(told->error));
    told->after_ms = assess_courier_wait(d->notice.tries, conf->first_ms,
                                         after_ms, random);

    if (d->never
        || d->notice.age_ms + told->after_ms > conf->keep_ms)
    {
        told->told = ASSESS_NOTICE_GIVEN_UP;
    }
}


static void
assess_courier_ended(assess_courier_t *courier)
{
    int                 i, left;
    char               *ctx;
    CURLMsg            *msg;
    assess_delivery_t  *d;

    while ((msg = curl_multi_info_read(courier->multi, &left))) {

        if (msg->msg == CURLMSG_DONE
            && curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &ctx)
               == CURLE_OK)
        {
            d = (assess_delivery_t *) ctx;
            d->code = msg->data.result;
            d->ended = 1;
        }
    }

    /* one bad address of a name is enough, whatever its others are */

    for (i = 0; i < ASSESS_COURIER_MAX; i++) {
        d = &courier->deliveries[i];

        if (d->courier && d->perform.refused && !d->ended) {
            d->code = CURLE_COULDNT_CONNECT;
            d->ended = 1;
        }
    }
}


static size_t
assess_courier_tell(assess_courier_t *courier,
    assess_notice_told_t told[ASSESS_COURIER_MAX])
{
    int                 i;
    size_t              n;
    assess_delivery_t  *d;

    for (i = 0, n = 0; i < ASSESS_COURIER_MAX; i++) {

        d = &courier->deliveries[i];

        if (d->courier && d->ended) {
            assess_delivery_told(d, &told[n++]);
            assess_delivery_free(d);
        }
    }

    return n;
}


size_t
assess_courier_carry(assess_courier_t *courier, int ms,
    assess_notice_told_t told[ASSESS_COURIER_MAX])
{
    int      running;
    size_t   n;
    int64_t  left, until;

    until = assess_mono_ms() + ms;

    for ( ;; ) {

        (void) curl_multi_perform(courier->multi, &running);

        assess_courier_ended(courier);

        n = assess_courier_tell(courier, told);
        left = until - assess_mono_ms();

        if (n || left <= 0
            || __atomic_exchange_n(&courier->rung, 0, __ATOMIC_SEQ_CST))
        {
            return n;
        }

        (void) curl_multi_poll(courier->multi, NULL, 0, (int) left, NULL);
    }
}


size_t
assess_courier_abandon(assess_courier_t *courier,
    assess_notice_told_t told[ASSESS_COURIER_MAX])
{
    int                 i;
    size_t              n;
    assess_delivery_t  *d;

    for (i = 0, n = 0; i < ASSESS_COURIER_MAX; i++) {

        d = &courier->deliveries[i];

        if (d->courier) {
            memset(&told[n], 0, sizeof(assess_notice_told_t));
            memcpy(told[n].notice_id, d->notice.notice_id,
                   sizeof(told[n].notice_id));
            told[n].tries = d->notice.tries;
            told[n].told = ASSESS_NOTICE_AGAIN;
            n++;

            assess_delivery_free(d);
        }
    }

    return n;
}


void
assess_courier_ring(assess_courier_t *courier)
{
    __atomic_store_n(&courier->rung, 1, __ATOMIC_SEQ_CST);
    (void) curl_multi_wakeup(courier->multi);
}
