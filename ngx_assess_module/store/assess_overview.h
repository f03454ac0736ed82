
/*
 * The queue as an operator sees it, over all tenants: how it is, and whether it
 * is paused.  While it is, no instance begins a job.
 */

#ifndef ASSESS_OVERVIEW_H
#define ASSESS_OVERVIEW_H


#include "assess_job.h"
#include "assess_worker.h"


typedef struct {
    int64_t       since;             /* ms; 0: it is not paused */
    assess_str_t  by;                /* null: nobody said who */
} assess_pause_t;


typedef struct {
    int      priority;
    int64_t  queued;
    int64_t  processing;
} assess_depth_t;


typedef struct {
    assess_pause_t         pause;
    int64_t                jobs[ASSESS_STATUSES];
    assess_depth_t        *depths;   /* the highest priority first */
    size_t                 ndepths;
    int64_t                oldest;   /* ms, when it was queued; 0: none is */
    int64_t                now;      /* ms, by the database's clock */
    assess_worker_t       *workers;
    size_t                 nworkers;

    /* within the last minute */
    int64_t                queued;
    int64_t                completed;
    int64_t                failed;
    int64_t                cancelled;
} assess_overview_t;


assess_err_e assess_overview_read(assess_db_t *db, assess_arena_t *arena,
    assess_overview_t *queue, assess_err_t *err);
void assess_overview_json(assess_buf_t *b, const assess_overview_t *queue);

/*
 * pause is how it is then.  One that was paused already stays so since then, by
 * whoever did it.
 */
assess_err_e assess_pause_begin(assess_db_t *db, assess_arena_t *arena,
    const assess_str_t *by, assess_pause_t *pause, assess_err_t *err);
assess_err_e assess_pause_end(assess_db_t *db, assess_err_t *err);
assess_err_e assess_paused(assess_db_t *db, int *paused,
    assess_err_t *err);

/* {"paused","pausedSince","pausedBy"}, without its braces */
void assess_pause_json(assess_buf_t *b, const assess_pause_t *pause);

/* Whose job that is; ASSESS_NOT_FOUND when it is unknown. */
assess_err_e assess_job_tenant(assess_db_t *db, assess_arena_t *arena,
    const char *job_id, assess_str_t *tenant, assess_err_t *err);


#endif /* ASSESS_OVERVIEW_H */
