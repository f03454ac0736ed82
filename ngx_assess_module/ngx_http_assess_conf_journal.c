
#include "ngx_http_assess_module.h"
#include "runtime/ngx_http_assess_journal.h"


/* path; or off */

char *
ngx_http_assess_log(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    ngx_str_t        *value;
    ngx_open_file_t  *file;

    if (mcf->journal != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        mcf->journal = NULL;
        return NGX_CONF_OK;
    }

    if (value[1].len == 0 || ngx_strchr(value[1].data, '$')
        || ngx_strncmp(value[1].data, "syslog:", 7) == 0)
    {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                             "it takes the name of a file, without variables");
    }

    file = ngx_conf_open_file(cf->cycle, &value[1]);
    if (file == NULL) {
        return NGX_CONF_ERROR;
    }

    mcf->journal = file;

    return ngx_http_assess_journal_take(file);
}


/*
 * nginx has one hook a file, for whoever has to be told that it is opened again:
 * a log of its own that is buffered has it, too, and may come after this one.
 */

char *
ngx_http_assess_journal_take(ngx_open_file_t *file)
{
    if (file->flush && file->flush != ngx_http_assess_journal_reopen) {
        return "takes a file of its own, not that of a buffered log";
    }

    file->flush = ngx_http_assess_journal_reopen;

    return NGX_CONF_OK;
}
