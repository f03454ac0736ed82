
#include "assess_db_int.h"
#include "assess_rate.h"

#include <string.h>


#define ASSESS_RATE_SUMS  7


/* After so many requests half of what was is forgotten. */
#define ASSESS_RATE_KEEP  "(case when r.requests > 5000 then 0.5 else 1 end)"

#define ASSESS_RATE_SUM(name)                                                \
    " " name " = r." name " * " ASSESS_RATE_KEEP " + excluded." name


/*
 * The row of all tenants has none's name.  Rows are written in one order, so
 * that those who write several at once do not wait for each other.
 */

static const char  assess_rates_sql[] =
    "insert into assess.token_rates as r (tenant, provider, model, requests,"
    " guess, input, cached, questions, output, ms)"
    " select t.tenant, w.provider, w.model, sum(w.requests), sum(w.guess),"
    " sum(w.input), sum(w.cached), sum(w.questions), sum(w.output), sum(w.ms)"
    " from unnest($1::text[], $2::text[], $3::text[], $4::float8[],"
    " $5::float8[], $6::float8[], $7::float8[], $8::float8[], $9::float8[],"
    " $10::float8[]) as w (tenant, provider, model, requests, guess, input,"
    " cached, questions, output, ms)"
    " cross join lateral (values (w.tenant), ('')) as t (tenant)"
    " group by t.tenant, w.provider, w.model"
    " order by t.tenant, w.provider, w.model"
    " on conflict (tenant, provider, model) do update set"
    ASSESS_RATE_SUM("requests") ","
    ASSESS_RATE_SUM("guess") ","
    ASSESS_RATE_SUM("input") ","
    ASSESS_RATE_SUM("cached") ","
    ASSESS_RATE_SUM("questions") ","
    ASSESS_RATE_SUM("output") ","
    ASSESS_RATE_SUM("ms");


assess_err_e
assess_rate_add(assess_db_t *db, const assess_rate_t *rates, size_t n,
    assess_err_t *err)
{
    size_t          i, k;
    PGresult       *res;
    assess_buf_t    names[3], sums[ASSESS_RATE_SUMS];
    assess_args_t   args;
    assess_conn_t  *conn;

    if (n == 0) {
        return ASSESS_OK;
    }

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    memset(names, 0, sizeof(names));
    memset(sums, 0, sizeof(sums));

    for (i = 0; i < n; i++) {
        assess_array_add(&names[0], &rates[i].tenant);
        assess_array_add(&names[1], &rates[i].provider);
        assess_array_add(&names[2], &rates[i].model);
        assess_array_real(&sums[0], rates[i].requests);
        assess_array_real(&sums[1], rates[i].guess);
        assess_array_real(&sums[2], rates[i].input);
        assess_array_real(&sums[3], rates[i].cached);
        assess_array_real(&sums[4], rates[i].questions);
        assess_array_real(&sums[5], rates[i].output);
        assess_array_real(&sums[6], rates[i].ms);
    }

    assess_args_init(&args);

    for (k = 0; k < 3; k++) {
        assess_arg_array(&args, &names[k]);
    }

    for (k = 0; k < ASSESS_RATE_SUMS; k++) {
        assess_arg_array(&args, &sums[k]);
    }

    res = assess_db_exec(conn, assess_rates_sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    PQclear(res);

    return ASSESS_OK;
}


assess_err_e
assess_rate_read(assess_db_t *db, assess_rate_t *rate, assess_err_t *err)
{
    PGresult       *res;
    assess_args_t   args;
    assess_conn_t  *conn;

    static const char  sql[] =
        "select requests, guess, input, cached, questions, output, ms"
        " from assess.token_rates where tenant in ($1, '')"
        " and provider = $2 and model = $3 order by tenant desc limit 1";

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &rate->tenant);
    assess_arg_text(&args, &rate->provider);
    assess_arg_text(&args, &rate->model);

    res = assess_db_exec(conn, sql, &args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rate->requests = 0;

    if (PQntuples(res)) {
        rate->requests = assess_col_real(res, 0, 0, 0);
        rate->guess = assess_col_real(res, 0, 1, 0);
        rate->input = assess_col_real(res, 0, 2, 0);
        rate->cached = assess_col_real(res, 0, 3, 0);
        rate->questions = assess_col_real(res, 0, 4, 0);
        rate->output = assess_col_real(res, 0, 5, 0);
        rate->ms = assess_col_real(res, 0, 6, 0);
    }

    PQclear(res);

    return ASSESS_OK;
}
