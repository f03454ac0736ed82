
#include "assess_answer_int.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>


static const char *const  assess_verdicts[ASSESS_VERDICTS] = {
    "compliant",
    "partially_compliant",
    "non_compliant",
    "not_applicable",
    "insufficient_evidence"
};


const char *
assess_verdict_name(assess_verdict_e verdict)
{
    if ((unsigned) verdict >= ASSESS_VERDICTS) {
        return NULL;
    }

    return assess_verdicts[verdict];
}


int
assess_verdict_by_name(const char *name, size_t len)
{
    int  i;

    for (i = 0; i < ASSESS_VERDICTS; i++) {
        if (strlen(assess_verdicts[i]) == len
            && memcmp(assess_verdicts[i], name, len) == 0)
        {
            return i;
        }
    }

    return -1;
}


void
assess_evidence_json(assess_buf_t *b, const assess_evidence_t *evidence,
    size_t n)
{
    size_t  i;

    assess_buf_char(b, '[');

    for (i = 0; i < n; i++) {
        assess_buf_str(b, i ? ",{\"quote\":" : "{\"quote\":");
        assess_buf_json(b, evidence[i].quote.data, evidence[i].quote.len);
        assess_buf_printf(b, ",\"page\":%d,\"verified\":%s}",
                          evidence[i].page,
                          evidence[i].verified ? "true" : "false");
    }

    assess_buf_char(b, ']');
}


void
assess_answer_json(assess_buf_t *b, const assess_answer_t *answer)
{
    assess_buf_str(b, "{\"questionId\":");
    assess_buf_json_str(b, &answer->question_id);
    assess_buf_str(b, ",\"verdict\":");
    assess_buf_json_cstr(b, assess_verdict_name(answer->verdict));
    assess_buf_str(b, ",\"confidence\":");
    assess_buf_json_num(b, answer->confidence);
    assess_buf_str(b, ",\"rationale\":");
    assess_buf_json(b, answer->rationale.data, answer->rationale.len);
    assess_buf_str(b, ",\"evidence\":");
    assess_evidence_json(b, answer->evidence, answer->nevidence);
    assess_buf_str(b, ",\"provider\":");
    assess_buf_json_str(b, &answer->provider);
    assess_buf_str(b, ",\"model\":");
    assess_buf_json_str(b, &answer->model);
    assess_buf_printf(b, ",\"cached\":%s}",
                      answer->cached ? "true" : "false");
}


static double
assess_answer_confidence(double confidence)
{
    if (!(confidence >= 0)) {
        return 0;
    }

    return confidence > 1 ? 1 : confidence;
}


static void
assess_array_text(assess_buf_t *array, const assess_str_t *s)
{
    /* these columns have no null: nothing said is the empty text */

    if (s->data) {
        assess_array_add(array, s);

    } else {
        assess_array_cstr(array, "");
    }
}


#define ASSESS_ANSWER_ARGS  12


static void
assess_answer_add(assess_buf_t *col, const assess_answers_of_t *of,
    const assess_answer_t *a, assess_buf_t *json)
{
    assess_str_t  s;

    assess_buf_reset(json);
    assess_evidence_json(json, a->evidence, a->nevidence);
    s.data = json->data;
    s.len = json->len;

    assess_array_add(&col[0], of->tenant);
    assess_array_id(&col[1], of->job_id);
    assess_array_int(&col[2], a->ordinal);
    assess_array_text(&col[3], &a->question_id);
    assess_array_cstr(&col[4], assess_verdict_name(a->verdict));
    assess_array_real(&col[5], assess_answer_confidence(a->confidence));
    assess_array_text(&col[6], &a->rationale);
    assess_array_text(&col[7], &s);
    assess_array_text(&col[8], &a->provider);
    assess_array_text(&col[9], &a->model);
    assess_array_flag(&col[10], a->cached);
    assess_array_bytes(&col[11], a->cached ? NULL : a->key, ASSESS_KEY_LEN);

    col[7].failed |= json->failed;
}


assess_err_e
assess_answers_save(assess_conn_t *conn, const assess_answers_of_t *of,
    size_t nof, assess_err_t *err)
{
    size_t         i, k, n;
    assess_buf_t   col[ASSESS_ANSWER_ARGS], json;
    assess_args_t  args;

    static const char  sql[] =
        "insert into assess.assessment_answers (tenant, job_id, ordinal,"
        " question_id, verdict, confidence, rationale, evidence, provider,"
        " model, cached, cache_key) select *"
        " from unnest($1::text[], $2::uuid[], $3::int[], $4::text[],"
        " $5::text[], $6::float8[], $7::text[], $8::text[], $9::text[],"
        " $10::text[], $11::boolean[], $12::bytea[])"
        " on conflict (job_id, ordinal) do nothing";

    memset(col, 0, sizeof(col));
    memset(&json, 0, sizeof(assess_buf_t));

    for (i = 0, n = 0; i < nof; i++) {
        for (k = 0; k < of[i].n; k++) {
            assess_answer_add(col, &of[i], &of[i].answers[k], &json);
            n++;
        }
    }

    assess_buf_free(&json);

    if (n == 0) {
        return ASSESS_OK;
    }

    assess_args_init(&args);

    for (k = 0; k < ASSESS_ANSWER_ARGS; k++) {
        assess_arg_array(&args, &col[k]);
    }

    return assess_db_later(conn, sql, &args, err);
}


/* Our own JSON, but a row may have been changed by hand: what fails is void */

static int
assess_evidence_read(assess_arena_t *arena, const char *text, size_t len,
    assess_answer_t *answer)
{
    int                 rc;
    size_t              i, n;
    json_t             *array, *item, *quote;
    assess_evidence_t  *e;

    answer->evidence = NULL;
    answer->nevidence = 0;

    array = json_loadb(text, len, JSON_ALLOW_NUL, NULL);

    n = json_array_size(array);
    rc = 0;

    if (n) {
        answer->evidence = assess_pcalloc(arena,
                                          n * sizeof(assess_evidence_t));
        rc = answer->evidence ? 0 : -1;
    }

    for (i = 0; i < n && rc == 0; i++) {
        item = json_array_get(array, i);
        quote = json_object_get(item, "quote");

        if (!json_is_string(quote)) {
            continue;
        }

        e = &answer->evidence[answer->nevidence++];
        e->page = (int) json_integer_value(json_object_get(item, "page"));
        e->verified = json_is_true(json_object_get(item, "verified"));

        rc = assess_pstrdup(arena, &e->quote, json_string_value(quote),
                            json_string_length(quote));
    }

    json_decref(array);

    return rc;
}


int
assess_answer_row(assess_arena_t *arena, const PGresult *res, int row,
    assess_answer_t *answer)
{
    int  verdict;

    verdict = assess_verdict_by_name(PQgetvalue(res, row, 2),
                                     (size_t) PQgetlength(res, row, 2));

    answer->ordinal = (int) assess_col_int(res, row, 0);
    answer->verdict = verdict < 0 ? ASSESS_INSUFFICIENT_EVIDENCE
                                  : (assess_verdict_e) verdict;
    answer->confidence = assess_col_real(res, row, 3, 0);
    answer->cached = PQgetvalue(res, row, 8)[0] == 't';
    answer->key = NULL;

    if (assess_col_str(arena, res, row, 1, &answer->question_id) != 0
        || assess_col_str(arena, res, row, 4, &answer->rationale) != 0
        || assess_col_str(arena, res, row, 6, &answer->provider) != 0
        || assess_col_str(arena, res, row, 7, &answer->model) != 0)
    {
        return -1;
    }

    return assess_evidence_read(arena, PQgetvalue(res, row, 5),
                                (size_t) PQgetlength(res, row, 5), answer);
}


static assess_err_e
assess_results_rows(assess_arena_t *arena, const PGresult *res,
    assess_results_t *results, assess_err_t *err)
{
    int  i, rows;

    rows = PQntuples(res);

    if (rows == 0) {
        return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                           "there is no such job");
    }

    assess_col_id(res, 0, ASSESS_ANSWER_EXTRA, results->job_id);
    assess_col_id(res, 0, ASSESS_ANSWER_EXTRA + 1, results->assessment_id);
    assess_col_id(res, 0, ASSESS_ANSWER_EXTRA + 2, results->document_id);
    results->set_version = (int) assess_col_int(res, 0,
                                                ASSESS_ANSWER_EXTRA + 4);
    results->complete = strcmp(PQgetvalue(res, 0, ASSESS_ANSWER_EXTRA + 5),
                               "completed") == 0;

    results->answers = assess_palloc(arena,
                                     (size_t) rows * sizeof(assess_answer_t));

    if (results->answers == NULL
        || assess_col_str(arena, res, 0, ASSESS_ANSWER_EXTRA + 3,
                          &results->set_name) != 0)
    {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {

        if (PQgetisnull(res, i, 0)) {
            continue;
        }

        if (assess_answer_row(arena, res, i,
                              &results->answers[results->nanswers]) != 0)
        {
            return assess_db_no_memory(err);
        }

        results->nanswers++;
    }

    return ASSESS_OK;
}


assess_err_e
assess_results_read(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *job_id,
    assess_results_t *results, assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select a.ordinal," ASSESS_ANSWER_COLUMNS ", j.job_id,"
        " j.assessment_id, j.document_id, s.name, s.version, j.status"
        " from assess.assessment_jobs j join assess.question_sets s"
        " on s.tenant = j.tenant and s.question_set_id = j.question_set_id"
        " left join assess.assessment_answers a"
        " on a.tenant = j.tenant and a.job_id = j.job_id"
        " where j.tenant = $1 and j.job_id = $2 order by a.ordinal";

    memset(results, 0, sizeof(assess_results_t));

    if (!assess_uuid_valid(job_id, strlen(job_id))) {
        return assess_fail(err, ASSESS_NOT_FOUND, NULL,
                           "there is no such job");
    }

    if (assess_scope_check(scope, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, job_id);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_results_rows(arena, res, results, err);
    PQclear(res);

    return rc;
}
