
#include "assess_document_int.h"
#include "assess_scanned.h"

#include <string.h>


#define ASSESS_SCANNED_BYTES  1048576      /* of text, in one statement */


/*
 * The document's row is locked as who saves its text locks it: whoever comes
 * second sees what the first has done, and two who keep the same pages do not
 * wait for each other in a circle.
 */

static const char  assess_scanned_sql[] =
    "insert into assess.scanned_pages"
    " (document_id, page, extractor, languages, text)"
    " select d.document_id, p.page, $3, $4, p.text from assess.documents d,"
    " unnest($5::int[], $6::text[]) as p (page, text)"
    " where d.tenant = $1 and d.document_id = $2"
    " and d.extractor is distinct from $3 for no key update of d"
    " on conflict (document_id, page)"
    " do update set extractor = excluded.extractor,"
    " languages = excluded.languages, text = excluded.text";


/* As many of the pages as one statement should carry; how many that were */

static assess_err_e
assess_scanned_insert(assess_conn_t *conn, const assess_scope_t *scope,
    const char *document_id, const assess_reader_t *reader,
    const assess_page_t *pages, size_t n, size_t *done, assess_err_t *err)
{
    size_t         i;
    assess_buf_t   numbers, texts;
    assess_args_t  args;

    memset(&numbers, 0, sizeof(assess_buf_t));
    memset(&texts, 0, sizeof(assess_buf_t));

    for (i = 0; i < n && texts.len < ASSESS_SCANNED_BYTES; i++) {
        assess_array_int(&numbers, pages[i].page);
        assess_array_add(&texts, &pages[i].text);
    }

    *done = i;

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);
    assess_arg_int(&args, reader->extractor);
    assess_arg_cstr(&args, reader->languages);
    assess_arg_array(&args, &numbers);
    assess_arg_array(&args, &texts);

    return assess_db_run(conn, assess_scanned_sql, &args, NULL, err);
}


assess_err_e
assess_scanned_keep(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, const assess_reader_t *reader,
    const assess_page_t *pages, size_t n, assess_err_t *err)
{
    size_t          done;
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_document_check(scope, document_id, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = ASSESS_OK;

    while (rc == ASSESS_OK && n) {
        rc = assess_scanned_insert(conn, scope, document_id, reader, pages, n,
                                   &done, err);
        pages += done;
        n -= done;
    }

    assess_db_release(conn);

    return rc;
}


/* As those of a text are read: where there are none, one row without a page. */

assess_err_e
assess_scanned_kept(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id,
    const assess_reader_t *reader, assess_page_t **pages, size_t *n,
    assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "select $3::int, s.page, s.text, true from (select) as always"
        " left join (assess.scanned_pages s join assess.documents d"
        " using (document_id)) on d.tenant = $1 and document_id = $2"
        " and s.extractor = $3 and s.languages = $4 order by s.page";

    if (assess_document_check(scope, document_id, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);
    assess_arg_int(&args, reader->extractor);
    assess_arg_cstr(&args, reader->languages);

    return assess_pages_read(db, arena, sql, &args, reader->extractor, pages,
                             n, err);
}
