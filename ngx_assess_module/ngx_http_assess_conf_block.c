
/* What the blocks of the module have in common: tables of their directives. */

#include "ngx_http_assess_module.h"


static void ngx_http_assess_block_unknown(ngx_conf_t *cf, const char *block);


void *
ngx_http_assess_block_find(ngx_conf_t *cf, const char *block, void *table,
    size_t size, uint64_t *seen)
{
    ngx_str_t   *value, *name;
    ngx_uint_t   i;

    value = cf->args->elts;

    for (i = 0; /* void */ ; i++) {

        name = (ngx_str_t *) ((u_char *) table + i * size);

        if (name->len == 0) {
            ngx_http_assess_block_unknown(cf, block);
            return NULL;
        }

        if (value[0].len == name->len
            && ngx_memcmp(value[0].data, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (cf->args->nelts != 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           name);
        return NULL;
    }

    if (*seen & ((uint64_t) 1 << i)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive is duplicate", name);
        return NULL;
    }

    *seen |= (uint64_t) 1 << i;

    return name;
}


/* "api_key=secret" is one word: what follows the name is not shown */

static void
ngx_http_assess_block_unknown(ngx_conf_t *cf, const char *block)
{
    size_t      len;
    ngx_str_t  *value, name;

    value = cf->args->elts;

    for (len = 0; len < value[0].len; len++) {
        if ((value[0].data[len] < 'a' || value[0].data[len] > 'z')
            && value[0].data[len] != '_')
        {
            break;
        }
    }

    name.len = len;
    name.data = value[0].data;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown directive \"%V\" in \"%s\"", &name, block);
}


char *
ngx_http_assess_block_said(ngx_conf_t *cf, char *rv)
{
    ngx_str_t  *value;

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR) {
        return rv;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                       &value[0], rv);

    return NGX_CONF_ERROR;
}
