
/* sources: engine/assess_extract.c engine/assess_scans.c
   engine/assess_errand.c engine/assess_extractor.c engine/assess_cpu.c
   engine/assess_plain.c base/assess_frame.c base/assess_base.c */
/* libs: -lcrypto -lm */

/* Documents that are read at the same time. */

#include "extract.h"

#include <dirent.h>
#include <pthread.h>


#define THREADS  8
#define ROUNDS   25


static int
descriptors(void)
{
    int   n;
    DIR  *dir;

    n = 0;
    dir = opendir("/proc/self/fd");

    while (dir && readdir(dir)) {
        n++;
    }

    if (dir) {
        (void) closedir(dir);
    }

    return n;
}


/* Good ones and cancelled ones; counts what went wrong. */

static void *
many(void *data)
{
    int            i;
    run_t          run;
    intptr_t       wrong;
    assess_err_e   rc;
    assess_err_t   err;
    assess_buf_t  *b = data;

    memset(&run, 0, sizeof(run));
    wrong = 0;

    for (i = 0; i < ROUNDS; i++) {

        run.cancel_at = i % 5 == 1 ? 2 : 0;

        if (run.cancel_at) {
            rc = extract(&run, ASSESS_KIND_PDF, b->data, b->len, &err);
            wrong += rc != ASSESS_CANCELLED;

        } else {
            rc = extract(&run, ASSESS_KIND_HTML, "<p>one<p>two", 12, &err);
            wrong += rc != ASSESS_OK
                     || strcmp(run.text.data, "one\n\ntwo\n|") != 0;
        }
    }

    assess_buf_free(&run.text);

    return (void *) wrong;
}


/* One that takes its time, until it is cancelled. */

static void *
long_one(void *data)
{
    run_t          run;
    assess_err_e   rc;
    assess_err_t   err;
    assess_buf_t  *b = data;

    memset(&run, 0, sizeof(run));
    run.cancel_at = 15;

    rc = extract(&run, ASSESS_KIND_PDF, b->data, b->len, &err);

    assess_buf_free(&run.text);

    return (void *) (intptr_t) (rc == ASSESS_FAILED ? 1
                                : rc == ASSESS_CANCELLED ? 0 : 100);
}


/* Readers that crash beside others: each is the end of one document. */

static void
test_beside(assess_buf_t *b)
{
    int            i, n;
    void          *failed;
    run_t          run;
    pid_t          pids[5];
    int64_t        start;
    intptr_t       total;
    pthread_t      threads[4];
    assess_err_t   err;

    /* the program runs, and is prepared for the others */

    memset(&run, 0, sizeof(run));
    is_failed(extract(&run, ASSESS_KIND_PDF, "%PDF-", 5, &err), &err,
              "document_damaged", "damaged", "one before the others");
    assess_buf_free(&run.text);

    bomb(b);

    for (i = 0; i < 4; i++) {
        if (pthread_create(&threads[i], NULL, long_one, b) != 0) {
            printf("Bail out! no thread\n");
            exit(1);
        }
    }

    start = assess_mono_ms();

    do {
        n = children_of(program(), pids, 5);
    } while (n != 4 && assess_mono_ms() - start < 2000);

    is_int(n, 4, "four readers at once");

    if (n == 4) {
        (void) kill(pids[0], SIGSEGV);
        (void) kill(pids[2], SIGKILL);
    }

    for (i = 0, total = 0; i < 4; i++) {
        (void) pthread_join(threads[i], &failed);
        total += (intptr_t) failed;
    }

    is_int(total, 2, "two of them crash, and the others go on");
}


static void
test_many(assess_buf_t *b)
{
    int         i, before;
    void       *wrong;
    intptr_t    total;
    pthread_t   threads[THREADS];

    bomb(b);

    assess_extractor_close();

    before = descriptors();
    total = 0;

    for (i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, many, b) != 0) {
            printf("Bail out! no thread\n");
            exit(1);
        }
    }

    for (i = 0; i < THREADS; i++) {
        (void) pthread_join(threads[i], &wrong);
        total += (intptr_t) wrong;
    }

    is_int(total, 0, "200 extractions on 8 threads end as they should");

    assess_extractor_close();

    is_int(descriptors(), before, "no descriptor is left");
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
       "no process is left");
}


int
main(void)
{
    assess_buf_t  b;

    memset(&b, 0, sizeof(b));

    defaults();
    check();

    test_beside(&b);
    test_many(&b);

    assess_buf_free(&b);

    return done_testing();
}
