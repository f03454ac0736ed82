
#include "ngx_http_assess_module.h"

#include "engine/assess_storage_s3.h"
#include "runtime/ngx_http_assess_scheduler.h"

#include <grp.h>


#define NGX_HTTP_ASSESS_STORAGE_LEN  64
#define NGX_HTTP_ASSESS_PREFIX_LEN   200


static char *ngx_http_assess_storage_kind(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_assess_main_conf_t *mcf,
    ngx_http_assess_storage_t *storage, ngx_uint_t *n);
static char *ngx_http_assess_storage_parameter(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_assess_storage_t *storage,
    ngx_str_t *value, ngx_uint_t *seen);
static char *ngx_http_assess_storage_value(
    ngx_http_assess_storage_t *storage, ngx_uint_t i, ngx_str_t *value);
static ngx_uint_t ngx_http_assess_storage_word(ngx_str_t *text, size_t max,
    const char *more);
static char *ngx_http_assess_storage_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_http_assess_storage_t *storage);
static char *ngx_http_assess_storage_directory(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_assess_storage_t *storage);
static ngx_err_t ngx_http_assess_storage_access(ngx_core_conf_t *ccf,
    const char *path);
static void *ngx_http_assess_storage_create(
    ngx_http_assess_storage_t *storage);
static int ngx_http_assess_storage_stop(void *ctx);
static void ngx_http_assess_storage_log(void *ctx, int good,
    const char *message);


/* what follows the kind and its place; the last two are of a bucket alone */

static ngx_str_t  ngx_http_assess_storage_parameters[] = {
    ngx_string("name="),
    ngx_string("keep="),
    ngx_string("bucket="),
    ngx_string("prefix="),
    ngx_null_string
};

#define NGX_HTTP_ASSESS_OF_BUCKET    2


/*
 *     assess_storage  postgresql;
 *     assess_storage  directory path [name=name] [keep=time];
 *     assess_storage  s3 account bucket=name [prefix=text] [name=name]
 *                     [keep=time];
 */

char *
ngx_http_assess_storage(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_assess_main_conf_t *mcf = conf;

    char                       *rv;
    ngx_str_t                  *value;
    ngx_uint_t                  i, seen;
    ngx_http_assess_storage_t   storage;

    value = cf->args->elts;

    ngx_memzero(&storage, sizeof(ngx_http_assess_storage_t));
    storage.name = value[1];
    ngx_str_set(&storage.prefix, "");

    rv = ngx_http_assess_storage_kind(cf, cmd, mcf, &storage, &i);

    for (seen = 0; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
        rv = ngx_http_assess_storage_parameter(cf, cmd, &storage, &value[i],
                                               &seen);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (storage.s3 && storage.bucket.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" must have a \"bucket\" parameter",
                           &cmd->name);
        return NGX_CONF_ERROR;
    }

    return ngx_http_assess_storage_add(cf, cmd, mcf, &storage);
}


/* n gets the place of the first parameter behind it */

static char *
ngx_http_assess_storage_kind(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_http_assess_storage_t *storage,
    ngx_uint_t *n)
{
    ngx_str_t   *value;
    ngx_uint_t   missing;

    value = cf->args->elts;
    missing = cf->args->nelts < 3 || value[2].len == 0;
    *n = 3;

    if (ngx_strcmp(value[1].data, "postgresql") == 0) {
        *n = 2;
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(value[1].data, "directory") == 0) {

        if (missing) {
            return "needs the path of a directory";
        }

        storage->ops = &assess_directory_ops;
        storage->path = value[2];

        return ngx_http_assess_storage_directory(cf, cmd, storage);
    }

    if (ngx_strcmp(value[1].data, "s3") == 0) {

        if (missing) {
            return "needs the name of an \"assess_s3\" block";
        }

        storage->ops = &assess_storage_s3_ops;
        storage->s3 = ngx_http_assess_s3_named(mcf, (char *) value[2].data,
                                               value[2].len);

        if (storage->s3 == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" names \"%V\", which is no "
                               "\"assess_s3\" block above it", &cmd->name,
                               &value[2]);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                                        "it takes \"postgresql\", "
                                        "\"directory\" or \"s3\"");
}


static char *
ngx_http_assess_storage_parameter(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_storage_t *storage, ngx_str_t *value, ngx_uint_t *seen)
{
    char        *why;
    ngx_str_t    s, *name;
    ngx_uint_t   i;

    name = ngx_http_assess_storage_parameters;

    for (i = 0; name[i].len; i++) {
        if (ngx_strncmp(value->data, name[i].data, name[i].len) == 0) {
            break;
        }
    }

    if (name[i].len == 0 || storage->ops == NULL
        || (i >= NGX_HTTP_ASSESS_OF_BUCKET && storage->s3 == NULL))
    {
        return ngx_http_assess_conf_invalid(cf, cmd, value, NULL);
    }

    if (*seen & (1u << i)) {
        return ngx_http_assess_conf_twice(cf, cmd, value);
    }

    *seen |= 1u << i;

    s.data = value->data + name[i].len;
    s.len = value->len - name[i].len;

    why = ngx_http_assess_storage_value(storage, i, &s);

    return why ? ngx_http_assess_conf_invalid(cf, cmd, value, why)
               : NGX_CONF_OK;
}


/* NULL, or what the parameter takes */

static char *
ngx_http_assess_storage_value(ngx_http_assess_storage_t *storage,
    ngx_uint_t i, ngx_str_t *value)
{
    ngx_int_t  n;

    switch (ngx_http_assess_storage_parameters[i].data[0]) {

    case 'n':
        if (value->len == 0
            || !ngx_http_assess_storage_word(value,
                                           NGX_HTTP_ASSESS_STORAGE_LEN, "_-")
            || ngx_strcmp(value->data, "postgresql") == 0)
        {
            return "it takes 1 to 64 letters, digits, \"_\" or \"-\", but "
                   "not \"postgresql\"";
        }

        storage->name = *value;
        return NULL;

    case 'k':
        n = ngx_parse_time(value, 0);
        if (n == NGX_ERROR || n > 3650LL * 24 * 3600 * 1000) {
            return "it takes a time up to 3650d";
        }

        storage->keep = (ngx_msec_t) n;
        return NULL;

    case 'b':
        if (!assess_s3_bucket_valid((char *) value->data, value->len)) {
            return "it takes the name of a bucket";
        }

        storage->bucket = *value;
        return NULL;

    default:
        if (value->data[0] == '/'
            || !ngx_http_assess_storage_word(value,
                                        NGX_HTTP_ASSESS_PREFIX_LEN, "_-./"))
        {
            return "it takes up to 200 letters, digits, \"_\", \"-\", "
                   "\".\" or \"/\", without a \"/\" in front";
        }

        storage->prefix = *value;
        return NULL;
    }
}


/* Letters, digits and some more, at most so many of them */

static ngx_uint_t
ngx_http_assess_storage_word(ngx_str_t *text, size_t max, const char *more)
{
    size_t  i;
    u_char  c, ch;

    for (i = 0; i < text->len; i++) {

        c = text->data[i];
        ch = (u_char) (c | 0x20);

        if (!(ch >= 'a' && ch <= 'z') && !(c >= '0' && c <= '9')
            && ngx_strchr(more, c) == NULL)
        {
            return 0;
        }
    }

    return i <= max;
}


static char *
ngx_http_assess_storage_directory(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_storage_t *storage)
{
    ngx_file_info_t  fi;

    if (ngx_conf_full_name(cf->cycle, &storage->path, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    /* never made: an empty one in its place would be another one */

    if (ngx_file_info(storage->path.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%V\" names \"%V\", which is not there",
                           &cmd->name, &storage->path);
        return NGX_CONF_ERROR;
    }

    if (!ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" names \"%V\", which is no directory",
                           &cmd->name, &storage->path);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_assess_storage_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_http_assess_storage_t *storage)
{
    ngx_uint_t                  i;
    ngx_http_assess_storage_t  *s;

    if (mcf->storages == NULL) {
        mcf->storages = ngx_array_create(cf->pool, 2,
                                         sizeof(ngx_http_assess_storage_t));
        if (mcf->storages == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    s = mcf->storages->elts;

    for (i = 0; i < mcf->storages->nelts; i++) {

        if (ngx_strcmp(s[i].name.data, storage->name.data) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" has a name that is taken: \"%V\"",
                               &cmd->name, &storage->name);
            return NGX_CONF_ERROR;
        }
    }

    s = ngx_array_push(mcf->storages);
    if (s == NULL) {
        return NGX_CONF_ERROR;
    }

    *s = *storage;

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_assess_storage_check(ngx_http_assess_main_conf_t *mcf,
    ngx_log_t *log)
{
    ngx_err_t                   err;
    ngx_uint_t                  i;
    ngx_core_conf_t            *ccf;
    ngx_http_assess_storage_t  *s;

    if (mcf->storages == NULL) {
        return NGX_OK;
    }

    s = mcf->storages->elts;
    ccf = (ngx_core_conf_t *) ngx_get_conf(mcf->cycle->conf_ctx,
                                           ngx_core_module);

    for (i = 0; i < mcf->storages->nelts; i++) {

        if (s[i].path.len == 0) {
            continue;
        }

        err = ngx_http_assess_storage_access(ccf, (char *) s[i].path.data);

        if (err) {
            ngx_log_error(NGX_LOG_EMERG, log, err,
                          "\"assess_storage\" names \"%V\", which workers "
                          "cannot write to", &s[i].path);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * Asked by a process that has become what workers will be, since groups and
 * access lists are the system's to judge.  0, or an errno.
 */

static ngx_err_t
ngx_http_assess_storage_access(ngx_core_conf_t *ccf, const char *path)
{
    int        status;
    pid_t      pid;
    sigset_t   set, old;
    ngx_err_t  err;

    if (geteuid() != 0) {
        return access(path, R_OK|W_OK|X_OK) == -1 ? ngx_errno : 0;
    }

    /* nginx waits for whatever ends, at any time that it is told of it */

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, &old);

    err = 0;
    pid = fork();

    if (pid == 0) {

        /* as nginx does it, which goes on where groups cannot be had */

        (void) initgroups(ccf->username, ccf->group);

        if (setgid(ccf->group) == -1 || setuid(ccf->user) == -1
            || access(path, R_OK|W_OK|X_OK) == -1)
        {
            _exit(ngx_errno & 0xff);
        }

        _exit(0);
    }

    if (pid == -1 || waitpid(pid, &status, 0) == -1) {
        err = ngx_errno;

    } else if (!WIFEXITED(status)) {
        err = NGX_EACCES;

    } else {
        err = WEXITSTATUS(status);
    }

    (void) sigprocmask(SIG_SETMASK, &old, NULL);

    return err;
}


assess_storages_t *
ngx_http_assess_storages_create(ngx_http_assess_main_conf_t *mcf)
{
    ngx_uint_t                  i;
    assess_storages_t          *storages;
    ngx_http_assess_storage_t  *s;

    storages = assess_storages_create(ngx_http_assess_storage_log, NULL);

    if (storages == NULL || mcf->storages == NULL) {
        return storages;
    }

    s = mcf->storages->elts;

    for (i = 0; i < mcf->storages->nelts; i++) {

        if (s[i].ops
            && assess_storages_add(storages, (char *) s[i].name.data, s[i].ops,
                                   ngx_http_assess_storage_create(&s[i]),
                                   (int64_t) s[i].keep)
               != 0)
        {
            assess_storages_destroy(storages);
            return NULL;
        }
    }

    assess_storages_to(storages, (char *) s[0].name.data);

    return storages;
}


static void *
ngx_http_assess_storage_create(ngx_http_assess_storage_t *storage)
{
    if (storage->s3 == NULL) {
        return assess_directory_create((char *) storage->path.data);
    }

    return assess_storage_s3_create(storage->s3,
                                    (char *) storage->bucket.data,
                                    (char *) storage->prefix.data,
                                    ngx_http_assess_storage_stop, NULL);
}


/* on any thread; what is under way has as long as jobs have */

static int
ngx_http_assess_storage_stop(void *ctx)
{
    assess_engine_t  *engine;

    engine = ngx_http_assess_scheduler_engine();

    return engine->stopping(engine->ctx) > 1;
}


/* on any thread */

static void
ngx_http_assess_storage_log(void *ctx, int good, const char *message)
{
    ngx_uint_t  level;

    level = good ? NGX_LOG_NOTICE : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0, "assess %s", message);
}
