
#include "assess_db.h"

#include <libpq-fe.h>


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
