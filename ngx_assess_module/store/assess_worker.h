
/*
 * The workers that run jobs: who is alive, and whose leases are whose.  All
 * times are by the database's clock.  Every function blocks and belongs on a
 * pool thread.
 */

#ifndef ASSESS_WORKER_H
#define ASSESS_WORKER_H


#include "assess_db.h"


typedef struct {
    char          worker_id[ASSESS_UUID_LEN + 1];    /* of one process */
    char          instance_id[ASSESS_UUID_LEN + 1];  /* of its nginx */
    assess_str_t  host;
    int           pid;
    int           lease_ms;
    int64_t       started_at;        /* ms */
    int64_t       seen_at;           /* ms, the last beat */
    int           alive;             /* seen within a lease */
    int           running;           /* jobs under its leases */

    /* microseconds of the database: the last beat that was answered, or 0 */
    int64_t       beat;
} assess_worker_t;


/*
 * A sign of life, three times a lease: says that the worker is there, renews
 * the leases of its runs, named by their owners, and frees those jobs of it
 * whose owner is not named and that were claimed, or renewed, before its last
 * beat.  Nobody runs those: a claim whose commit was in doubt took them, or a
 * run that gave up.  Also removes the rows of workers not seen for ten leases,
 * a minute at least.
 *
 * The caller makes one beat at a time, lists the owners after the one before
 * it came back, and lists an owner from before its claim until nothing is done
 * under it any more.  worker is the caller's, with the ids, host and pid
 * filled in and the rest 0; it is the same one each time.  It takes a third of
 * a lease at most, and leaves the thread without assess_db_until().
 */
assess_err_e assess_worker_beat(assess_db_t *db, assess_worker_t *worker,
    const assess_str_t *owners, size_t n, int lease_ms, assess_err_t *err);

/*
 * The process of that worker has ended, or is known to be dead: its row goes,
 * and its jobs can be taken over at once.  freed gets how many.
 */
assess_err_e assess_worker_gone(assess_db_t *db, const char *worker_id,
    int64_t *freed, assess_err_t *err);

/* All that have a row, by instance and age. */
assess_err_e assess_workers_list(assess_db_t *db, assess_arena_t *arena,
    assess_worker_t **workers, size_t *n, assess_err_t *err);


#endif /* ASSESS_WORKER_H */
