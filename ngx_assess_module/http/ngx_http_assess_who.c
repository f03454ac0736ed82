
/* Whose a call is: its tenant and its user, or an operator's. */

#include "ngx_http_assess_call.h"


static ngx_int_t ngx_http_assess_call_admin(ngx_http_assess_call_t *call,
    ngx_http_complex_value_t *cv);
static ngx_int_t ngx_http_assess_call_value(ngx_http_assess_call_t *call,
    ngx_http_complex_value_t *cv, assess_str_t *value, size_t max);


ngx_int_t
ngx_http_assess_call_scope(ngx_http_assess_call_t *call)
{
    ngx_int_t                    rc;
    ngx_http_assess_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(call->request, ngx_http_assess_module);

    if (call->route->flags & NGX_HTTP_ASSESS_ADMIN) {
        rc = ngx_http_assess_call_admin(call, lcf->admin);
        goto user;
    }

    rc = ngx_http_assess_call_value(call, lcf->tenant, &call->scope.tenant,
                                    NGX_HTTP_ASSESS_TENANT_LEN);
    if (rc == NGX_DECLINED) {
        ngx_http_assess_call_problem(call, NGX_HTTP_FORBIDDEN, NULL,
                                     "the request belongs to no tenant");
        return NGX_ABORT;
    }

user:

    if (rc != NGX_OK || lcf->user == NULL) {
        return rc;
    }

    rc = ngx_http_assess_call_value(call, lcf->user, &call->scope.user,
                                    NGX_HTTP_ASSESS_USER_LEN);

    return rc == NGX_DECLINED ? NGX_OK : rc;
}


/* who is one says nginx's configuration: nobody, where it says nothing */

static ngx_int_t
ngx_http_assess_call_admin(ngx_http_assess_call_t *call,
    ngx_http_complex_value_t *cv)
{
    ngx_str_t  text;

    ngx_str_null(&text);

    if (cv && ngx_http_complex_value(call->request, cv, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0 || (text.len == 1 && text.data[0] == '0')) {
        ngx_http_assess_call_problem(call, NGX_HTTP_FORBIDDEN, NULL,
                                     "the request is not an operator's");
        return NGX_ABORT;
    }

    return NGX_OK;
}


/* NGX_DECLINED: it is empty */

static ngx_int_t
ngx_http_assess_call_value(ngx_http_assess_call_t *call,
    ngx_http_complex_value_t *cv, assess_str_t *value, size_t max)
{
    size_t       n;
    uint32_t     cp;
    ngx_str_t    text;
    const char  *p, *last;

    if (ngx_http_complex_value(call->request, cv, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    if (text.len == 0) {
        return NGX_DECLINED;
    }

    p = (char *) text.data;
    last = p + text.len;

    while (p < last && text.len <= max) {

        p = assess_plain(p, last);

        if (p == last) {
            break;
        }

        n = assess_utf8_next(p, last, &cp);

        if (n == 0 || cp < 0x20 || cp == 0x7f) {
            break;
        }

        p += n;
    }

    if (p < last) {
        ngx_http_assess_call_problem(call, NGX_HTTP_FORBIDDEN, NULL,
                                     "the tenant or user is longer than "
                                     "%d bytes or no plain text", (int) max);
        return NGX_ABORT;
    }

    return assess_pstrdup(call->arena, value, (char *) text.data, text.len)
           == 0 ? NGX_OK : NGX_ERROR;
}
