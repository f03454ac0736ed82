
/* How many CPU tasks a worker has at once. */

#include "ngx_http_assess_module.h"


#define NGX_HTTP_ASSESS_CPU_TASKS  1024


static ngx_int_t ngx_http_assess_cpu_number(u_char *data, size_t len);
static char *ngx_http_assess_cpu_bound(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_uint_t *bound);


/*
 *     assess_cpu_tasks  number;
 *     assess_cpu_tasks  auto [min=number] [max=number];
 */

char *
ngx_http_assess_cpu_tasks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char        *rv;
    ngx_int_t    n;
    ngx_str_t   *value;
    ngx_uint_t   i, *bound;

    if (mcf->cpu_given) {
        return "is duplicate";
    }

    mcf->cpu_given = 1;
    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") != 0) {

        n = ngx_http_assess_cpu_number(value[1].data, value[1].len);

        if (n == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" must be \"auto\" or a number from 1 to "
                               "1024, not \"%V\"", &cmd->name, &value[1]);
            return NGX_CONF_ERROR;
        }

        if (cf->args->nelts > 2) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[2],
                                                "which goes with \"auto\"");
        }

        mcf->cpu_tasks = (ngx_uint_t) n;
        mcf->cpu_tasks_min = (ngx_uint_t) n;

        return NGX_CONF_OK;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        bound = ngx_strncmp(value[i].data, "min=", 4) == 0
                ? &mcf->cpu_tasks_min
                : ngx_strncmp(value[i].data, "max=", 4) == 0
                  ? &mcf->cpu_tasks : NULL;

        rv = ngx_http_assess_cpu_bound(cf, cmd, &value[i], bound);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    ngx_http_assess_cpu_init(mcf);

    if (mcf->cpu_tasks_min > mcf->cpu_tasks) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has a \"min\" of %ui, which is above its "
                           "\"max\" of %ui", &cmd->name, mcf->cpu_tasks_min,
                           mcf->cpu_tasks);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_assess_cpu_number(u_char *data, size_t len)
{
    ngx_int_t  n;

    n = ngx_atoi(data, len);

    return n < 1 || n > NGX_HTTP_ASSESS_CPU_TASKS ? NGX_ERROR : n;
}


static char *
ngx_http_assess_cpu_bound(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_str_t *value, ngx_uint_t *bound)
{
    ngx_int_t  n;

    if (bound == NULL) {
        return ngx_http_assess_conf_invalid(cf, cmd, value, NULL);
    }

    if (*bound != NGX_CONF_UNSET_UINT) {
        return ngx_http_assess_conf_twice(cf, cmd, value);
    }

    n = ngx_http_assess_cpu_number(value->data + 4, value->len - 4);

    if (n == NGX_ERROR) {
        return ngx_http_assess_conf_invalid(cf, cmd, value,
                                        "it takes a number from 1 to 1024");
    }

    *bound = (ngx_uint_t) n;

    return NGX_CONF_OK;
}


/*
 * As many as there are cores; and a quarter of them always, so that work goes
 * on.
 */

void
ngx_http_assess_cpu_init(ngx_http_assess_main_conf_t *mcf)
{
    if (mcf->cpu_tasks == NGX_CONF_UNSET_UINT) {
        mcf->cpu_tasks = ngx_ncpu > 0 ? (ngx_uint_t) ngx_ncpu : 1;

        if (mcf->cpu_tasks_min != NGX_CONF_UNSET_UINT) {
            mcf->cpu_tasks = ngx_max(mcf->cpu_tasks, mcf->cpu_tasks_min);
        }
    }

    if (mcf->cpu_tasks_min == NGX_CONF_UNSET_UINT) {
        mcf->cpu_tasks_min = ngx_max(mcf->cpu_tasks / 4, 1);
    }
}
