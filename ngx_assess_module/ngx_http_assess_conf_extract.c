
#include "ngx_http_assess_module.h"
#include "engine/assess_extractor.h"

#include <ctype.h>


/* the least that a document can be read in */
#define NGX_HTTP_ASSESS_MIN_MEMORY  (128 * 1024 * 1024)
#define NGX_HTTP_ASSESS_MIN_OUTPUT  4096

#define NGX_HTTP_ASSESS_LANGUAGES   200


static char *ngx_http_assess_extract_limit(
    ngx_http_assess_main_conf_t *mcf, ngx_uint_t i, ngx_str_t *value);


/* the parameters of assess_extract_limits */

static ngx_str_t  ngx_http_assess_limits[] = {
    ngx_string("memory="),
    ngx_string("output="),
    ngx_string("cpu="),
    ngx_string("time="),
    ngx_string("pages="),
    ngx_string("document="),
    ngx_null_string
};


char *
ngx_http_assess_extract(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    ngx_str_t        *value;
    ngx_file_info_t   fi;

    if (mcf->extract_program.len) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        return "needs the path of a program";
    }

    mcf->extract_program = value[1];

    if (ngx_conf_full_name(cf->cycle, &mcf->extract_program, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    mcf->extract.program = (char *) mcf->extract_program.data;

    if (ngx_file_info(mcf->extract_program.data, &fi) == NGX_FILE_ERROR
        || access(mcf->extract.program, X_OK) == -1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" names \"%V\", which cannot be run",
                           &cmd->name, &mcf->extract_program);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" names \"%V\", which is no program",
                           &cmd->name, &mcf->extract_program);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_assess_extract_limits(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char        *why;
    ngx_str_t   *value, s, *name;
    ngx_uint_t   i, n, seen;

    if (mcf->extract_limits) {
        return "is duplicate";
    }

    mcf->extract_limits = 1;

    value = cf->args->elts;
    seen = 0;

    for (i = 1; i < cf->args->nelts; i++) {

        name = NULL;

        for (n = 0; ngx_http_assess_limits[n].len; n++) {

            name = &ngx_http_assess_limits[n];

            if (value[i].len > name->len
                && ngx_strncmp(value[i].data, name->data, name->len) == 0)
            {
                break;
            }
        }

        if (ngx_http_assess_limits[n].len == 0) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[i], NULL);
        }

        if (seen & (1u << n)) {
            return ngx_http_assess_conf_twice(cf, cmd, &value[i]);
        }

        seen |= 1u << n;

        s.data = value[i].data + name->len;
        s.len = value[i].len - name->len;

        why = ngx_http_assess_extract_limit(mcf, n, &s);
        if (why) {
            return ngx_http_assess_conf_invalid(cf, cmd, &value[i], why);
        }
    }

    return NGX_CONF_OK;
}


/* Names of files below a directory of Tesseract's, "eng+script/Greek". */

char *
ngx_http_assess_ocr_languages(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    size_t      i;
    u_char      c;
    ngx_str_t  *value;

    if (mcf->extract.languages) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (i = 0; i < value[1].len; i++) {

        c = value[1].data[i];

        if (!isalnum(c) && c != '+' && c != '_' && c != '/') {
            break;
        }
    }

    if (i == 0 || i < value[1].len || i > NGX_HTTP_ASSESS_LANGUAGES) {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                                            "it takes languages of Tesseract, "
                                            "as in \"eng+deu\"");
    }

    mcf->extract.languages = (char *) value[1].data;

    return NGX_CONF_OK;
}


/* NULL, or what the parameter takes */

static char *
ngx_http_assess_extract_limit(ngx_http_assess_main_conf_t *mcf, ngx_uint_t i,
    ngx_str_t *value)
{
    off_t      size;
    ngx_int_t  n;

    switch (ngx_http_assess_limits[i].data[0]) {

    case 'm':
        size = ngx_parse_offset(value);
        if (size < NGX_HTTP_ASSESS_MIN_MEMORY) {
            return "it takes a size of 128m at least";
        }

        mcf->extract.memory = size;
        return NULL;

    case 'o':
        size = ngx_parse_offset(value);
        if (size < NGX_HTTP_ASSESS_MIN_OUTPUT) {
            return "it takes a size of 4k at least";
        }

        mcf->extract.output = size;
        return NULL;

    case 'p':
        n = ngx_atoi(value->data, value->len);
        if (n < 1 || n > 1000000) {
            return "it takes a number from 1 to 1000000";
        }

        mcf->extract.pages = (int) n;
        return NULL;

    default:
        n = ngx_parse_time(value, 1);
        if (n < 1 || n > 24 * 3600) {
            return "it takes a time from 1s to 24h";
        }

        switch (ngx_http_assess_limits[i].data[0]) {

        case 'c':
            mcf->extract.cpu_s = (int) n;
            return NULL;

        case 'd':
            mcf->extract.document_s = (int) n;
            return NULL;

        default: /* 't' */
            mcf->extract.wall_s = (int) n;
            return NULL;
        }
    }
}


/*
 * Says what of the sandbox this machine gives.  Nothing of it ends a start:
 * plain text is read without.
 */

void
ngx_http_assess_extract_check(ngx_cycle_t *cycle,
    ngx_http_assess_main_conf_t *mcf)
{
    int    rc, landlock;
    char  *p, said[512];

    rc = assess_extractor_check(mcf->extract.program, said, sizeof(said));

    if (rc != 0 || ngx_strstr(said, "seccomp ") == NULL) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, rc,
                      "assess: \"%V\" does not say what its sandbox has; can "
                      "it be run?", &mcf->extract_program);
        return;
    }

    if (ngx_strstr(said, "seccomp yes") == NULL) {
        ngx_log_error(NGX_LOG_CRIT, cycle->log, 0,
                      "assess: no seccomp here, no document but plain text "
                      "can be read: allow it to this process, or use a kernel "
                      "that has it");
    }

    p = ngx_strstr(said, "landlock ");
    landlock = p ? atoi(p + sizeof("landlock ") - 1) : 0;

    if (landlock == 0) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "assess: no Landlock here, seccomp alone keeps readers "
                      "of documents from files");
    }

    if (ngx_strstr(said, "memory limit yes") == NULL) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "assess: \"%V\" was built without a limit of memory",
                      &mcf->extract_program);
    }

    if (ngx_strstr(said, "seccomp yes") && landlock) {
        ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                      "assess: documents are read in a sandbox of seccomp and "
                      "Landlock (version %d)", landlock);
    }
}
