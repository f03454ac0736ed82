
#include "assess_turn.h"

#include <stdlib.h>
#include <string.h>


typedef struct {
    const assess_str_t  *tenant;
    int64_t              jobs[ASSESS_STATUSES];
} assess_of_tenant_t;


typedef struct {
    const assess_job_t  *job;            /* one of the lane */
    int64_t              queued;
    int64_t              running;
    int                  begun;          /* one, though another may have ended */
} assess_of_lane_t;


typedef struct {
    const assess_job_t  *job;            /* one of the batch */
    int                  begun;
    int64_t              completed;
    int64_t              failed;
    int64_t              cancelled;
    int64_t              input_tokens;
    int64_t              output_tokens;
    double               cost;
} assess_of_batch_t;


/* Few that differ, among many turns: the place of this one, or a new one */

static assess_of_tenant_t *
assess_turn_tenant(assess_of_tenant_t *list, size_t *n,
    const assess_turn_t *turn)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (assess_str_same(list[i].tenant, &turn->job->tenant)) {
            return &list[i];
        }
    }

    memset(&list[*n], 0, sizeof(assess_of_tenant_t));
    list[*n].tenant = &turn->job->tenant;

    return &list[(*n)++];
}


static assess_of_lane_t *
assess_turn_lane(assess_of_lane_t *list, size_t *n, const assess_turn_t *turn)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (list[i].job->lane == turn->job->lane) {
            return &list[i];
        }
    }

    memset(&list[*n], 0, sizeof(assess_of_lane_t));
    list[*n].job = turn->job;

    return &list[(*n)++];
}


static assess_of_batch_t *
assess_turn_batch(assess_of_batch_t *list, size_t *n,
    const assess_turn_t *turn)
{
    size_t  i;

    for (i = 0; i < *n; i++) {
        if (strcmp(list[i].job->batch_id, turn->job->batch_id) == 0) {
            return &list[i];
        }
    }

    memset(&list[*n], 0, sizeof(assess_of_batch_t));
    list[*n].job = turn->job;

    return &list[(*n)++];
}


static void
assess_turns_of_tenants(assess_args_t *args, const assess_turn_t *turns,
    size_t n)
{
    size_t               i, sums, status;
    assess_buf_t         tenants, statuses, counts;
    assess_of_tenant_t  *list, *sum;

    memset(&tenants, 0, sizeof(assess_buf_t));
    memset(&statuses, 0, sizeof(assess_buf_t));
    memset(&counts, 0, sizeof(assess_buf_t));

    sums = 0;
    list = malloc((n + 1) * sizeof(assess_of_tenant_t));

    if (list == NULL) {
        tenants.failed = 1;
        n = 0;
    }

    for (i = 0; i < n; i++) {

        if (turns[i].from == turns[i].to) {
            continue;
        }

        sum = assess_turn_tenant(list, &sums, &turns[i]);

        if (turns[i].from >= 0) {
            sum->jobs[turns[i].from] -= turns[i].jobs;
        }

        if (turns[i].to >= 0) {
            sum->jobs[turns[i].to] += turns[i].jobs;
        }
    }

    /* a job that is queued and claimed changes nothing */

    for (i = 0; i < sums; i++) {
        for (status = 0; status < ASSESS_STATUSES; status++) {
            if (list[i].jobs[status]) {
                assess_array_add(&tenants, list[i].tenant);
                assess_array_cstr(&statuses, assess_status_name(
                                                  (assess_status_e) status));
                assess_array_big(&counts, list[i].jobs[status]);
            }
        }
    }

    free(list);

    assess_arg_array(args, &tenants);
    assess_arg_array(args, &statuses);
    assess_arg_array(args, &counts);
}


static void
assess_turns_of_lanes(assess_args_t *args, const assess_turn_t *turns,
    size_t n)
{
    size_t               i, k, sums;
    assess_buf_t         col[ASSESS_TURNS_ARGS - 3];
    assess_of_lane_t    *list, *sum;
    const assess_job_t  *job;

    memset(col, 0, sizeof(col));

    sums = 0;
    list = malloc((n + 1) * sizeof(assess_of_lane_t));

    if (list == NULL) {
        col[0].failed = 1;
        n = 0;
    }

    for (i = 0; i < n; i++) {

        if (turns[i].from == turns[i].to) {
            continue;
        }

        sum = assess_turn_lane(list, &sums, &turns[i]);

        sum->queued += (turns[i].to == ASSESS_QUEUED ? turns[i].jobs : 0)
                       - (turns[i].from == ASSESS_QUEUED ? turns[i].jobs : 0);
        sum->running += (turns[i].to == ASSESS_PROCESSING ? turns[i].jobs : 0)
                        - (turns[i].from == ASSESS_PROCESSING ? turns[i].jobs
                                                              : 0);
        sum->begun |= turns[i].to == ASSESS_PROCESSING;
    }

    for (i = 0; i < sums; i++) {
        job = list[i].job;

        assess_array_big(&col[0], job->lane);
        assess_array_add(&col[1], &job->tenant);
        assess_array_add(&col[2], &job->user);
        assess_array_id(&col[3], job->batch_id);
        assess_array_int(&col[4], job->priority);
        assess_array_add(&col[5], &job->provider);
        assess_array_big(&col[6], list[i].queued);
        assess_array_big(&col[7], list[i].running);
        assess_array_flag(&col[8], list[i].begun);
    }

    free(list);

    for (k = 0; k < ASSESS_TURNS_ARGS - 3; k++) {
        assess_arg_array(args, &col[k]);
    }
}


void
assess_turns_args(assess_args_t *args, const assess_turn_t *turns, size_t n)
{
    assess_turns_of_tenants(args, turns, n);
    assess_turns_of_lanes(args, turns, n);
}


int
assess_turns_batched(const assess_turn_t *turns, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        if (turns[i].job->batch_id[0]) {
            return 1;
        }
    }

    return 0;
}


/* One that leaves a status, or comes to it */

static void
assess_turn_ended(assess_of_batch_t *sum, int status, int64_t jobs)
{
    switch (status) {

    case ASSESS_COMPLETED:
        sum->completed += jobs;
        break;

    case ASSESS_JOB_FAILED:
    case ASSESS_BUDGET_EXCEEDED:
        sum->failed += jobs;
        break;

    case ASSESS_JOB_CANCELLED:
        sum->cancelled += jobs;
        break;

    default:
        break;
    }
}


assess_err_e
assess_turns_batches(assess_conn_t *conn, const assess_turn_t *turns,
    size_t n, assess_err_t *err)
{
    size_t               i, k, sums;
    assess_buf_t         col[8];
    assess_args_t        args;
    assess_of_batch_t   *list, *sum;

    static const char  sql[] =
        "update assess.batch_assessments b set"
        " completed_documents = b.completed_documents + w.completed,"
        " failed_documents = b.failed_documents + w.failed,"
        " cancelled_documents = b.cancelled_documents + w.cancelled,"
        " input_tokens = b.input_tokens + w.input,"
        " output_tokens = b.output_tokens + w.output,"
        " cost = b.cost + coalesce(w.cost, 0), changes = b.changes + 1,"
        " open = true, completed_at = case when b.completed_documents"
        " + b.failed_documents + b.cancelled_documents + w.completed + w.failed"
        " + w.cancelled >= b.total_documents then b.completed_at end,"
        " measured_from = case when b.completed_at is null"
        " then b.measured_from else now() end,"
        " started_at = coalesce(b.started_at, case when w.begun then now() end)"
        " from unnest($1::uuid[], $2::boolean[], $3::bigint[], $4::bigint[],"
        " $5::bigint[], $6::bigint[], $7::bigint[], $8::text[]::numeric[])"
        " as w (batch_id, begun, completed, failed, cancelled, input, output,"
        " cost) where b.batch_id = w.batch_id";

    sums = 0;
    list = malloc((n + 1) * sizeof(assess_of_batch_t));

    if (list == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < n; i++) {

        if (turns[i].job->batch_id[0] == '\0') {
            continue;
        }

        sum = assess_turn_batch(list, &sums, &turns[i]);

        sum->begun |= turns[i].to == ASSESS_PROCESSING;
        sum->input_tokens += turns[i].input_tokens;
        sum->output_tokens += turns[i].output_tokens;
        sum->cost += turns[i].cost;

        if (turns[i].from != turns[i].to) {
            assess_turn_ended(sum, turns[i].from, -turns[i].jobs);
            assess_turn_ended(sum, turns[i].to, turns[i].jobs);
        }
    }

    memset(col, 0, sizeof(col));

    for (i = 0; i < sums; i++) {
        assess_array_id(&col[0], list[i].job->batch_id);
        assess_array_flag(&col[1], list[i].begun);
        assess_array_big(&col[2], list[i].completed);
        assess_array_big(&col[3], list[i].failed);
        assess_array_big(&col[4], list[i].cancelled);
        assess_array_big(&col[5], list[i].input_tokens);
        assess_array_big(&col[6], list[i].output_tokens);
        assess_array_money(&col[7], list[i].cost);
    }

    free(list);

    assess_args_init(&args);

    for (k = 0; k < 8; k++) {
        assess_arg_array(&args, &col[k]);
    }

    return assess_db_later(conn, sql, &args, err);
}
