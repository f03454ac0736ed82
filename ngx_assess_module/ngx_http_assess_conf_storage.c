
#include "ngx_http_assess_module.h"

#include <grp.h>


#define NGX_HTTP_ASSESS_STORAGE_LEN  64


static char *ngx_http_assess_storage_parameter(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_assess_storage_t *storage,
    ngx_str_t *value, ngx_uint_t *seen);
static ngx_uint_t ngx_http_assess_storage_name_ok(ngx_str_t *name);
static char *ngx_http_assess_storage_add(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_main_conf_t *mcf, ngx_http_assess_storage_t *storage);
static char *ngx_http_assess_storage_directory(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_assess_storage_t *storage);
static ngx_err_t ngx_http_assess_storage_access(ngx_core_conf_t *ccf,
    const char *path);
static void ngx_http_assess_storage_log(void *ctx, int good,
    const char *message);


/*
 *     assess_storage  postgresql;
 *     assess_storage  directory path [name=name] [keep=time];
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
    i = 2;

    if (ngx_strcmp(value[1].data, "directory") == 0) {

        if (cf->args->nelts < 3 || value[2].len == 0) {
            return "needs the path of a directory";
        }

        storage.ops = &assess_directory_ops;
        storage.path = value[2];
        i = 3;

    } else if (ngx_strcmp(value[1].data, "postgresql") != 0) {
        return ngx_http_assess_conf_invalid(cf, cmd, &value[1],
                            "it takes \"postgresql\" or \"directory\"");
    }

    for (seen = 0; i < cf->args->nelts; i++) {

        rv = storage.ops ? ngx_http_assess_storage_parameter(cf, cmd,
                                                &storage, &value[i], &seen)
                         : ngx_http_assess_conf_invalid(cf, cmd, &value[i],
                                                        NULL);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    if (storage.path.len) {
        rv = ngx_http_assess_storage_directory(cf, cmd, &storage);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return ngx_http_assess_storage_add(cf, cmd, mcf, &storage);
}


static char *
ngx_http_assess_storage_parameter(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_assess_storage_t *storage, ngx_str_t *value, ngx_uint_t *seen)
{
    ngx_int_t   n;
    ngx_str_t   s;
    ngx_uint_t  bit;

    if (ngx_strncmp(value->data, "name=", 5) == 0) {

        s.data = value->data + 5;
        s.len = value->len - 5;

        if (!ngx_http_assess_storage_name_ok(&s)) {
            return ngx_http_assess_conf_invalid(cf, cmd, value,
                            "it takes 1 to 64 letters, digits, \"_\" or "
                            "\"-\", but not \"postgresql\"");
        }

        storage->name = s;
        bit = 1;

    } else if (ngx_strncmp(value->data, "keep=", 5) == 0) {

        s.data = value->data + 5;
        s.len = value->len - 5;

        n = ngx_parse_time(&s, 0);
        if (n == NGX_ERROR || n > 3650LL * 24 * 3600 * 1000) {
            return ngx_http_assess_conf_invalid(cf, cmd, value,
                                            "it takes a time up to 3650d");
        }

        storage->keep = (ngx_msec_t) n;
        bit = 2;

    } else {
        return ngx_http_assess_conf_invalid(cf, cmd, value, NULL);
    }

    if (*seen & bit) {
        return ngx_http_assess_conf_twice(cf, cmd, value);
    }

    *seen |= bit;

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_assess_storage_name_ok(ngx_str_t *name)
{
    size_t  i;
    u_char  c, ch;

    for (i = 0; i < name->len; i++) {

        c = name->data[i];
        ch = (u_char) (c | 0x20);

        if (!(ch >= 'a' && ch <= 'z') && !(c >= '0' && c <= '9') && c != '_'
            && c != '-')
        {
            return 0;
        }
    }

    return i > 0 && i <= NGX_HTTP_ASSESS_STORAGE_LEN
           && ngx_strcmp(name->data, "postgresql") != 0;
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

        if (setgid(ccf->group) == -1
            || initgroups(ccf->username, ccf->group) == -1
            || setuid(ccf->user) == -1
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
                              assess_directory_create((char *) s[i].path.data),
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


/* on any thread */

static void
ngx_http_assess_storage_log(void *ctx, int good, const char *message)
{
    ngx_uint_t  level;

    level = good ? NGX_LOG_NOTICE : NGX_LOG_ERR;

    ngx_log_error(level, ngx_cycle->log, 0, "assess %s", message);
}
