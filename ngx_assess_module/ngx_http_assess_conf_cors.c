
#include "ngx_http_assess_module.h"
#include "http/ngx_http_assess_cors.h"


#define NGX_HTTP_ASSESS_CORS_AGE      600       /* seconds */
#define NGX_HTTP_ASSESS_CORS_AGE_MAX  86400


static const char *ngx_http_assess_cors_origin(ngx_str_t *origin);
static const char *ngx_http_assess_cors_host(u_char *p, u_char *last,
    const char *usual);
static char *ngx_http_assess_cors_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_cors_t *cors, ngx_str_t *value);


/* origin ... [credentials] [max_age=time]; or off */

char *
ngx_http_assess_cors(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_loc_conf_t *lcf = conf;

    ngx_int_t                n;
    ngx_str_t               *value, age;
    ngx_uint_t               i;
    ngx_http_assess_cors_t  *cors;

    if (lcf->cors != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        lcf->cors = NULL;
        return NGX_CONF_OK;
    }

    cors = ngx_pcalloc(cf->pool, sizeof(ngx_http_assess_cors_t));
    if (cors == NULL
        || ngx_array_init(&cors->origins, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    lcf->cors = cors;

    n = NGX_CONF_UNSET;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_strcmp(value[i].data, "credentials") == 0) {

            if (cors->credentials) {
                return ngx_http_assess_conf_twice(cf, cmd, &value[i]);
            }

            cors->credentials = 1;
            continue;
        }

        if (ngx_strncmp(value[i].data, "max_age=", 8) == 0) {

            if (n != NGX_CONF_UNSET) {
                return ngx_http_assess_conf_twice(cf, cmd, &value[i]);
            }

            age.data = value[i].data + 8;
            age.len = value[i].len - 8;
            n = ngx_parse_time(&age, 1);

            if (n == NGX_ERROR || n > NGX_HTTP_ASSESS_CORS_AGE_MAX) {
                return ngx_http_assess_conf_invalid(cf, cmd, &value[i],
                                         "it takes a time from 0 to 24h");
            }

            continue;
        }

        if (ngx_http_assess_cors_add(cf, cmd, cors, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (!cors->any && cors->origins.nelts == 0) {
        return "needs an origin, such as \"https://app.example.com\", "
               "or \"*\"";
    }

    if (cors->any && cors->origins.nelts) {
        return "takes \"*\" or origins, not both";
    }

    /* any page could do in somebody's name what that one may */

    if (cors->any && cors->credentials) {
        return "takes \"credentials\" with listed origins only, not with "
               "\"*\"";
    }

    if (n == NGX_CONF_UNSET) {
        n = NGX_HTTP_ASSESS_CORS_AGE;
    }

    cors->max_age.data = ngx_pnalloc(cf->pool, NGX_INT_T_LEN);
    if (cors->max_age.data == NULL) {
        return NGX_CONF_ERROR;
    }

    cors->max_age.len = (size_t) (ngx_sprintf(cors->max_age.data, "%i", n)
                                  - cors->max_age.data);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_cors_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_cors_t *cors, ngx_str_t *value)
{
    ngx_str_t   *origin;
    ngx_uint_t   i;
    const char  *why;

    if (ngx_strcmp(value->data, "*") == 0) {

        if (cors->any) {
            return ngx_http_assess_conf_twice(cf, cmd, value);
        }

        cors->any = 1;
        return NGX_CONF_OK;
    }

    ngx_strlow(value->data, value->data, value->len);

    why = ngx_http_assess_cors_origin(value);
    if (why) {
        return ngx_http_assess_conf_invalid(cf, cmd, value, why);
    }

    origin = cors->origins.elts;

    for (i = 0; i < cors->origins.nelts; i++) {
        if (origin[i].len == value->len
            && ngx_memcmp(origin[i].data, value->data, value->len) == 0)
        {
            return ngx_http_assess_conf_twice(cf, cmd, value);
        }
    }

    origin = ngx_array_push(&cors->origins);
    if (origin == NULL) {
        return NGX_CONF_ERROR;
    }

    *origin = *value;

    return NGX_CONF_OK;
}


/* what would never be equal to what a browser sends is told now */

static const char *
ngx_http_assess_cors_origin(ngx_str_t *origin)
{
    u_char  *last;

    last = origin->data + origin->len;

    if (ngx_strncmp(origin->data, "https://", 8) == 0) {
        return ngx_http_assess_cors_host(origin->data + 8, last, ":443");
    }

    if (ngx_strncmp(origin->data, "http://", 7) == 0) {
        return ngx_http_assess_cors_host(origin->data + 7, last, ":80");
    }

    return "it takes \"*\", or origins such as \"https://app.example.com\"";
}


static const char *
ngx_http_assess_cors_host(u_char *p, u_char *last, const char *usual)
{
    size_t   len;
    u_char  *start, *port;

    start = p;
    port = NULL;
    len = ngx_strlen(usual);

    for ( /* void */ ; p < last; p++) {

        if (*p == '/') {
            return "an origin has no path, nor a slash at its end";
        }

        if (*p == ':' && (*start != '[' || p[-1] == ']')) {
            port = p;
            break;
        }

        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
              || *p == '-' || *p == '.' || *p == '_'
              || (*start == '[' && (*p == '[' || *p == ']' || *p == ':'))))
        {
            return "its host is none, as a browser would write it";
        }
    }

    if (p == start) {
        return "it has no host";
    }

    if (port && (size_t) (last - port) == len
        && ngx_strncmp(port, usual, len) == 0)
    {
        return "a browser leaves out the port that is usual";
    }

    if (port && (last - port < 2 || last - port > 6
                 || ngx_atoi(port + 1, (size_t) (last - port - 1)) < 1
                 || ngx_atoi(port + 1, (size_t) (last - port - 1)) > 65535))
    {
        return "its port is none";
    }

    return NULL;
}
