
/* Keys, networks, files and URLs as several directives have them. */

#include "ngx_http_assess_module.h"

#include <curl/curl.h>


static char *ngx_http_assess_conf_key_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, ngx_str_t *key);


/* env:NAME and file:PATH keep a key out of the configuration */

char *
ngx_http_assess_conf_key(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *value,
    assess_str_t *dst)
{
    char       *env;
    u_char     *p;
    ngx_str_t   key, source;

    key = *value;

    if (ngx_strncmp(value->data, "env:", 4) == 0) {

        env = getenv((char *) value->data + 4);

        if (env == NULL || *env == '\0') {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" names the environment variable \"%s\", "
                               "which is not set", name, value->data + 4);
            return NGX_CONF_ERROR;
        }

        source.data = (u_char *) env;
        source.len = ngx_strlen(env);

        key.len = source.len;
        key.data = ngx_pstrdup(cf->pool, &source);
        if (key.data == NULL) {
            return NGX_CONF_ERROR;
        }

    } else if (ngx_strncmp(value->data, "file:", 5) == 0) {

        source.data = value->data + 5;
        source.len = value->len - 5;

        if (source.len == 0) {
            return "needs the path of a file after \"file:\"";
        }

        if (ngx_http_assess_conf_key_file(cf, name, &source, &key)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (key.len == 0) {
        return "must not be empty";
    }

    /* it goes into a header */

    for (p = key.data; p < key.data + key.len; p++) {
        if (*p <= 0x20 || *p >= 0x7f) {
            return "has a key with a character that no key has";
        }
    }

    *dst = ngx_http_assess_str(&key);

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_conf_key_file(ngx_conf_t *cf, ngx_str_t *name,
    ngx_str_t *path, ngx_str_t *key)
{
    u_char    buf[4096];
    ssize_t   n;
    ngx_fd_t  fd;

    if (ngx_conf_full_name(cf->cycle, path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);
    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" names the file \"%V\", which cannot "
                           "be opened", name, path);
        return NGX_CONF_ERROR;
    }

    n = ngx_read_fd(fd, buf, sizeof(buf));

    if (ngx_close_file(fd) == NGX_FILE_ERROR || n == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" names the file \"%V\", which cannot "
                           "be read", name, path);
        return NGX_CONF_ERROR;
    }

    if (n == sizeof(buf)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" names the file \"%V\", which is too "
                           "long for a key", name, path);
        return NGX_CONF_ERROR;
    }

    while (n > 0 && (buf[n - 1] == LF || buf[n - 1] == CR)) {
        n--;
    }

    key->len = (size_t) n;
    key->data = ngx_pnalloc(cf->pool, (size_t) n + 1);
    if (key->data == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(key->data, buf, (size_t) n);
    key->data[n] = '\0';

    return NGX_CONF_OK;
}


char *
ngx_http_assess_conf_nets(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t     *value;
    ngx_uint_t     i;
    ngx_array_t   *nets;
    assess_net_t  *net;

    nets = (ngx_array_t *) (p + cmd->offset);
    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        net = ngx_array_push(nets);
        if (net == NULL) {
            return NGX_CONF_ERROR;
        }

        if (assess_net_parse((char *) value[i].data, net) != 0) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[i],
                                    "it takes networks, such as 10.1.0.0/16 "
                                    "or fd00::/8, with no bits behind the "
                                    "prefix");
        }
    }

    return NGX_CONF_OK;
}


/* libcurl reads it with each transfer: that it is there is told now */

char *
ngx_http_assess_conf_certificate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    char  *p = conf;

    ngx_fd_t      fd;
    ngx_str_t    *value;
    const char  **file;

    file = (const char **) (p + cmd->offset);

    if (*file) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_conf_full_name(cf->cycle, &value[1], 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    fd = ngx_open_file(value[1].data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" names the file \"%V\", which cannot be "
                           "opened", &cmd->name, &value[1]);
        return NGX_CONF_ERROR;
    }

    (void) ngx_close_file(fd);

    *file = (char *) value[1].data;

    return NGX_CONF_OK;
}


/* What is wrong with it, or NULL; it is not shown, it may hold a password. */

char *
ngx_http_assess_conf_url(const char *text)
{
    char        *why, *part;
    CURLU       *url;
    ngx_uint_t   i;

    static const struct {
        CURLUPart    part;
        char        *why;
    } unwanted[] = {
        { CURLUPART_USER, "must not have a user, a key has a directive of "
          "its own" },
        { CURLUPART_PASSWORD, "must not have a password, a key has a "
          "directive of its own" },
        { CURLUPART_QUERY, "must not have a query" },
        { CURLUPART_FRAGMENT, "must not have a fragment" },
    };

    if (ngx_strncmp(text, "http://", 7) != 0
        && ngx_strncmp(text, "https://", 8) != 0)
    {
        return "must begin with \"http://\" or \"https://\"";
    }

    url = curl_url();
    if (url == NULL) {
        return "could not be read: out of memory";
    }

    why = NULL;

    /* libcurl takes "http:///path" for a host of that name */

    if (curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK
        || *(strchr(text, ':') + 3) == '/')
    {
        why = "is no URL with a host";
        goto done;
    }

    for (i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {

        if (curl_url_get(url, unwanted[i].part, &part, 0) == CURLUE_OK) {
            curl_free(part);
            why = unwanted[i].why;
            goto done;
        }
    }

done:

    curl_url_cleanup(url);

    return why;
}
