
#include "assess_conninfo.h"

#include <libpq-fe.h>
#include <string.h>


assess_err_e
assess_db_conninfo_check(const char *conninfo, assess_err_t *err)
{
    char              *why;
    PQconninfoOption  *options;

    why = NULL;
    options = PQconninfoParse(conninfo, &why);

    PQfreemem(why);

    if (options == NULL) {
        return assess_fail(err, ASSESS_INVALID, NULL,
                           "it is neither key=value pairs nor a URI as "
                           "PostgreSQL's clients take them");
    }

    PQconninfoFree(options);

    return ASSESS_OK;
}


static const char *
assess_conninfo_value(const PQconninfoOption *options, const char *keyword)
{
    for ( /* void */ ; options->keyword; options++) {
        if (strcmp(options->keyword, keyword) == 0) {
            return options->val ? options->val : "";
        }
    }

    return "";
}


static int
assess_conninfo_count(const char *list)
{
    int  n;

    for (n = 1; *list; list++) {
        n += *list == ',';
    }

    return n;
}


/* A single value, as of a port, is for all; an empty one is the default */

static void
assess_conninfo_rotate(const char *list, int nth, char *out, size_t size)
{
    size_t       len, head;
    const char  *p;

    len = strlen(list);
    out[0] = '\0';

    if (len == 0 || len + 2 > size) {
        return;
    }

    for (p = list; nth && (p = strchr(p, ',')) != NULL; nth--) {
        p++;
    }

    if (p == NULL || p == list) {
        memcpy(out, list, len + 1);
        return;
    }

    head = (size_t) (p - list) - 1;

    memcpy(out, p, len - head - 1);
    out[len - head - 1] = ',';
    memcpy(out + len - head, list, head);
    out[len] = '\0';
}


int
assess_conninfo_hosts(const char *conninfo)
{
    int                n, addresses;
    const char        *host, *address, *port;
    PQconninfoOption  *options;

    options = PQconninfoParse(conninfo, NULL);
    if (options == NULL) {
        return 1;
    }

    host = assess_conninfo_value(options, "host");
    address = assess_conninfo_value(options, "hostaddr");
    port = assess_conninfo_value(options, "port");

    n = assess_conninfo_count(host);
    addresses = assess_conninfo_count(address);

    if (addresses > n) {
        n = addresses;
    }

    if (strlen(host) + 2 > sizeof(((assess_hosts_t *) 0)->host)
        || strlen(address) + 2 > sizeof(((assess_hosts_t *) 0)->hostaddr)
        || strlen(port) + 2 > sizeof(((assess_hosts_t *) 0)->port))
    {
        n = 1;
    }

    PQconninfoFree(options);

    return n;
}


void
assess_conninfo_from(const char *conninfo, int nth, assess_hosts_t *hosts)
{
    PQconninfoOption  *options;

    memset(hosts, 0, sizeof(assess_hosts_t));

    options = PQconninfoParse(conninfo, NULL);
    if (options == NULL) {
        return;
    }

    assess_conninfo_rotate(assess_conninfo_value(options, "host"), nth,
                           hosts->host, sizeof(hosts->host));
    assess_conninfo_rotate(assess_conninfo_value(options, "hostaddr"), nth,
                           hosts->hostaddr, sizeof(hosts->hostaddr));
    assess_conninfo_rotate(assess_conninfo_value(options, "port"), nth,
                           hosts->port, sizeof(hosts->port));

    PQconninfoFree(options);
}
