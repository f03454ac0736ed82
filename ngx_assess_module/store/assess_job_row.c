
/* A job as a row, as JSON, and as the event that tells of its change. */

#include "assess_job_int.h"
#include "assess_event_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


static const char *const  assess_statuses[ASSESS_STATUSES] = {
    "queued",
    "processing",
    "completed",
    "failed",
    "cancelled",
    "budget_exceeded"
};


static const char *const  assess_stages[] = {
    NULL,
    "extracting",
    "vector_lookup",
    "llm_processing",
    "finalizing"
};

/* most events are shorter */
#define ASSESS_EVENT_ROOM  640

#define ASSESS_STAGES  (sizeof(assess_stages) / sizeof(assess_stages[0]))


const char *
assess_status_name(assess_status_e status)
{
    if ((unsigned) status >= ASSESS_STATUSES) {
        return NULL;
    }

    return assess_statuses[status];
}


int
assess_status_by_name(const char *name, size_t len)
{
    int  i;

    for (i = 0; i < ASSESS_STATUSES; i++) {
        if (strlen(assess_statuses[i]) == len
            && memcmp(assess_statuses[i], name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


const char *
assess_stage_name(assess_stage_e stage)
{
    if ((size_t) stage >= ASSESS_STAGES) {
        return NULL;
    }

    return assess_stages[stage];
}


static assess_stage_e
assess_stage_by_name(const char *name)
{
    size_t  i;

    for (i = 1; i < ASSESS_STAGES; i++) {
        if (strcmp(assess_stages[i], name) == 0) {
            return (assess_stage_e) i;
        }
    }

    return ASSESS_STAGE_NONE;
}


int
assess_job_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_job_t *job)
{
    memset(job, 0, sizeof(assess_job_t));

    assess_col_id(res, row, 0, job->job_id);
    assess_col_id(res, row, 1, job->assessment_id);
    assess_col_id(res, row, 2, job->document_id);
    assess_col_id(res, row, 3, job->batch_id);

    job->status = (assess_status_e)
                  assess_status_by_name(PQgetvalue(res, row, 6),
                                        (size_t) PQgetlength(res, row, 6));
    job->stage = assess_stage_by_name(PQgetvalue(res, row, 7));
    job->progress = (int) assess_col_int(res, row, 8);
    job->total_batches = (int) assess_col_int(res, row, 9);
    job->completed_batches = (int) assess_col_int(res, row, 10);
    job->attempt = (int) assess_col_int(res, row, 11);
    job->priority = (int) assess_col_int(res, row, 12);
    job->estimated_completion = assess_col_int(res, row, 13);
    job->input_tokens = assess_col_int(res, row, 14);
    job->output_tokens = assess_col_int(res, row, 15);
    job->cost = assess_col_real(res, row, 16, 0);
    job->max_cost = assess_col_real(res, row, 17, -1);
    job->created_at = assess_col_int(res, row, 20);
    job->started_at = assess_col_int(res, row, 21);
    job->completed_at = assess_col_int(res, row, 22);
    job->lane = assess_col_int(res, row, 25);
    (void) snprintf(job->prices, sizeof(job->prices), "%s",
                    PQgetvalue(res, row, 26));
    (void) snprintf(job->traceparent, sizeof(job->traceparent), "%s",
                    PQgetvalue(res, row, 27));

    if (assess_col_str(arena, res, row, 4, &job->tenant) != 0
        || assess_col_str(arena, res, row, 5, &job->user) != 0
        || assess_col_str(arena, res, row, 18, &job->error_code) != 0
        || assess_col_str(arena, res, row, 19, &job->error_message) != 0
        || assess_col_str(arena, res, row, 23, &job->metadata) != 0
        || assess_col_str(arena, res, row, 24, &job->provider) != 0)
    {
        return -1;
    }

    return 0;
}


static void
assess_job_id_json(assess_buf_t *b, const char *id)
{
    assess_buf_json_cstr(b, id[0] ? id : NULL);
}


static void
assess_job_cost_json(assess_buf_t *b, double cost)
{
    if (cost < 0) {
        assess_buf_str(b, "null");
        return;
    }

    assess_buf_json_num(b, cost);
}


static void
assess_job_error_json(assess_buf_t *b, const assess_job_t *job)
{
    if (job->error_code.data == NULL) {
        assess_buf_str(b, "null");
        return;
    }

    assess_buf_str(b, "{\"code\":");
    assess_buf_json_str(b, &job->error_code);
    assess_buf_str(b, ",\"message\":");
    assess_buf_json(b, job->error_message.data, job->error_message.len);
    assess_buf_char(b, '}');
}


static void
assess_job_ids_json(assess_buf_t *b, const assess_job_t *job)
{
    assess_buf_str(b, "\"jobId\":");
    assess_buf_json_cstr(b, job->job_id);
    assess_buf_str(b, ",\"assessmentId\":");
    assess_buf_json_cstr(b, job->assessment_id);
    assess_buf_str(b, ",\"documentId\":");
    assess_buf_json_cstr(b, job->document_id);
    assess_buf_str(b, ",\"batchId\":");
    assess_job_id_json(b, job->batch_id);
}


/*
 * What the estimate was made of follows from where the job is: nothing of it was
 * measured before its text is there, and its own requests only when some have
 * been answered.
 */

static void
assess_job_estimate_json(assess_buf_t *b, const assess_job_t *job)
{
    const char  *quality;

    if (job->estimated_completion == 0) {
        quality = NULL;

    } else if (job->stage == ASSESS_STAGE_NONE
               || job->stage == ASSESS_EXTRACTING)
    {
        quality = "guess";

    } else {
        quality = job->completed_batches == 0 ? "fair" : "good";
    }

    assess_buf_str(b, ",\"estimatedCompletion\":");
    assess_buf_json_time(b, job->estimated_completion);
    assess_buf_str(b, ",\"estimateQuality\":");
    assess_buf_json_cstr(b, quality);
}


/* What stands between the braces of the Job */

static void
assess_job_members(assess_buf_t *b, const assess_job_t *job)
{
    assess_job_ids_json(b, job);
    assess_buf_str(b, ",\"user\":");
    assess_buf_json_str(b, &job->user);
    assess_buf_str(b, ",\"status\":");
    assess_buf_json_cstr(b, assess_status_name(job->status));
    assess_buf_str(b, ",\"stage\":");
    assess_buf_json_cstr(b, assess_stage_name(job->stage));
    assess_buf_str(b, ",\"progress\":");
    assess_buf_int(b, job->progress);
    assess_buf_str(b, ",\"totalBatches\":");
    assess_buf_int(b, job->total_batches);
    assess_buf_str(b, ",\"completedBatches\":");
    assess_buf_int(b, job->completed_batches);
    assess_buf_str(b, ",\"queuePosition\":");

    if (job->queue_position > 0) {
        assess_buf_int(b, job->queue_position);

    } else {
        assess_buf_str(b, "null");
    }

    assess_buf_str(b, ",\"attempt\":");
    assess_buf_int(b, job->attempt);
    assess_buf_str(b, ",\"priority\":");
    assess_buf_int(b, job->priority);
    assess_job_estimate_json(b, job);
    assess_buf_str(b, ",\"tokens\":{\"input\":");
    assess_buf_int(b, job->input_tokens);
    assess_buf_str(b, ",\"output\":");
    assess_buf_int(b, job->output_tokens);
    assess_buf_str(b, "},\"cost\":");
    assess_buf_json_num(b, job->cost);
    assess_buf_str(b, ",\"priceVersion\":");
    assess_job_id_json(b, job->prices);
    assess_buf_str(b, ",\"maxCost\":");
    assess_job_cost_json(b, job->max_cost);
    assess_buf_str(b, ",\"error\":");
    assess_job_error_json(b, job);
    assess_buf_str(b, ",\"createdAt\":");
    assess_buf_json_time(b, job->created_at);
    assess_buf_str(b, ",\"startedAt\":");
    assess_buf_json_time(b, job->started_at);
    assess_buf_str(b, ",\"completedAt\":");
    assess_buf_json_time(b, job->completed_at);
    assess_buf_str(b, ",\"metadata\":");

    if (job->metadata.len) {
        assess_buf_add(b, job->metadata.data, job->metadata.len);

    } else {
        assess_buf_str(b, "{}");
    }
}


void
assess_job_json(assess_buf_t *b, const assess_job_t *job)
{
    assess_buf_char(b, '{');
    assess_job_members(b, job);
    assess_buf_char(b, '}');
}


static void
assess_job_progress_json(assess_buf_t *b, const assess_job_t *job,
    const char *step, int64_t now)
{
    assess_job_ids_json(b, job);
    assess_buf_str(b, ",\"stage\":");
    assess_buf_json_cstr(b, assess_stage_name(job->stage));
    assess_buf_str(b, ",\"step\":");
    assess_buf_json_cstr(b, step);
    assess_buf_str(b, ",\"progress\":");
    assess_buf_int(b, job->progress);
    assess_buf_str(b, ",\"percentage\":");
    assess_buf_int(b, job->progress);
    assess_buf_str(b, ",\"batchCompleted\":");
    assess_buf_int(b, job->completed_batches);
    assess_buf_str(b, ",\"totalBatches\":");
    assess_buf_int(b, job->total_batches);
    assess_buf_str(b, ",\"cost\":");
    assess_buf_json_num(b, job->cost);
    assess_job_estimate_json(b, job);
    assess_buf_str(b, ",\"timestamp\":");
    assess_buf_json_time(b, now);
}


static void
assess_event_without(assess_str_t *s, char ch)
{
    char  *p, *end;

    end = s->data + s->len;

    for (p = s->data; p < end; p++) {

        p = memchr(p, ch, (size_t) (end - p));
        if (p == NULL) {
            return;
        }

        *p = ' ';
    }
}


/* Between the tokens of JSON a line break is only a space */

void
assess_event_one_line(assess_str_t *data)
{
    assess_event_without(data, '\n');
    assess_event_without(data, '\r');
}


int
assess_job_event(assess_arena_t *arena, const assess_job_t *job,
    const char *type, const char *step, int64_t now, assess_event_t *event)
{
    int           rc;
    assess_buf_t  b;

    memset(event, 0, sizeof(assess_event_t));
    memset(&b, 0, sizeof(assess_buf_t));

    event->type.data = (char *) type;
    event->type.len = strlen(type);
    event->tenant = job->tenant;
    event->user = job->user;
    memcpy(event->job_id, job->job_id, sizeof(event->job_id));
    memcpy(event->document_id, job->document_id, sizeof(event->document_id));
    memcpy(event->batch_id, job->batch_id, sizeof(event->batch_id));

    (void) assess_buf_reserve(&b, ASSESS_EVENT_ROOM);

    assess_buf_str(&b, "{\"type\":\"");
    assess_buf_str(&b, type);
    assess_buf_str(&b, "\",");

    if (strcmp(type, "queued") == 0 || strcmp(type, "progress") == 0) {
        assess_job_progress_json(&b, job, step, now);

    } else {
        assess_job_members(&b, job);
    }

    assess_buf_char(&b, '}');

    rc = b.failed ? -1 : assess_pstrdup(arena, &event->data, b.data, b.len);

    if (rc == 0) {
        assess_event_one_line(&event->data);
    }

    assess_buf_free(&b);

    return rc;
}


void
assess_job_event_time(assess_event_t *event, int64_t now)
{
    char  text[ASSESS_TIME_LEN + 1];

    assess_time(text, now);
    memcpy(event->data.data + event->data.len - ASSESS_TIME_LEN - 2, text,
           ASSESS_TIME_LEN);
}


void
assess_job_turn(assess_turn_t *turn, const assess_job_t *job, int from,
    int to)
{
    memset(turn, 0, sizeof(assess_turn_t));

    turn->job = job;
    turn->from = from;
    turn->to = to;
    turn->jobs = 1;
}


assess_err_e
assess_job_commit(assess_conn_t *conn, assess_arena_t *arena,
    const PGresult *res, const char *type, const char *step, int from,
    assess_change_t *change, assess_err_t *err)
{
    assess_turn_t  turn;

    change->nevents = 0;
    change->events = assess_palloc(arena, sizeof(assess_event_t));

    if (change->events == NULL
        || assess_job_row(arena, res, 0, &change->job) != 0
        || assess_job_event(arena, &change->job, type, step,
                            assess_col_int(res, 0, ASSESS_JOB_NOW),
                            change->events) != 0)
    {
        return assess_db_no_memory(err);
    }

    assess_job_turn(&turn, &change->job, from, (int) change->job.status);

    if (assess_events_commit(conn, change->events, 1, &turn, 1, err)
        != ASSESS_OK)
    {
        return err->kind;
    }

    change->nevents = 1;

    return ASSESS_OK;
}


assess_err_e
assess_job_unknown(assess_err_t *err)
{
    return assess_fail(err, ASSESS_NOT_FOUND, NULL, "there is no such job");
}


assess_err_e
assess_job_find(assess_conn_t *conn, assess_arena_t *arena,
    const assess_str_t *tenant, const char *job_id, assess_job_t *job,
    assess_err_t *err)
{
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    if (!assess_uuid_valid(job_id, strlen(job_id))) {
        return assess_job_unknown(err);
    }

    assess_args_init(&args);
    assess_arg_text(&args, tenant);
    assess_arg_id(&args, job_id);

    res = assess_db_exec(conn, "select" ASSESS_JOB_COLUMNS
                         "from assess.assessment_jobs j"
                         " where j.tenant = $1 and j.job_id = $2",
                         &args, err);
    if (res == NULL) {
        return err->kind;
    }

    rc = ASSESS_OK;

    if (PQntuples(res) == 0) {
        rc = assess_job_unknown(err);

    } else if (assess_job_row(arena, res, 0, job) != 0) {
        rc = assess_db_no_memory(err);
    }

    PQclear(res);

    return rc;
}
