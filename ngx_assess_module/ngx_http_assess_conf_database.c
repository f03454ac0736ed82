
/* Which database it is, and how it is used. */

#include "ngx_http_assess_module.h"


char *
ngx_http_assess_database(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char          *why;
    ngx_int_t      n;
    ngx_str_t     *value, s;
    ngx_uint_t     i, *seen, connections, timeout;
    assess_err_t   err;

    if (mcf->conninfo.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    mcf->conninfo = value[1];
    mcf->db.conninfo = (char *) value[1].data;

    if (value[1].len == 0
        || assess_db_conninfo_check(mcf->db.conninfo, &err) != ASSESS_OK)
    {
        /* the message does not hold the string, which may hold a password */

        why = value[1].len ? err.message : "it is empty";

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" has an invalid connection string: %s",
                           &cmd->name, why);
        return NGX_CONF_ERROR;
    }

    connections = 0;
    timeout = 0;

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "connections=", 12) == 0) {

            seen = &connections;

            n = ngx_atoi(value[i].data + 12, value[i].len - 12);
            if (n < 1 || n > 1000) {
                return ngx_http_assess_conf_invalid(cf, cmd, &value[i],
                                        "it takes a number from 1 to 1000");
            }

            mcf->db.connections = (int) n;

        } else if (ngx_strncmp(value[i].data, "timeout=", 8) == 0) {

            seen = &timeout;

            s.data = value[i].data + 8;
            s.len = value[i].len - 8;

            n = ngx_parse_time(&s, 0);
            if (n < 1 || n > 3600 * 1000) {
                return ngx_http_assess_conf_invalid(cf, cmd, &value[i],
                                               "it takes a time from 1ms "
                                               "to 1h");
            }

            mcf->db.statement_ms = (int) n;

        } else {

            /*
             * Not shown: in a connection string without quotes around it, the
             * password is a parameter like this one.
             */

            return "takes the connection string, in quotes if it has spaces, "
                   "and after it \"connections=\" and \"timeout=\" only,";
        }

        if ((*seen)++) {
            return ngx_http_assess_conf_twice(cf, cmd, &value[i]);
        }
    }

    return NGX_CONF_OK;
}
