
/*
 * The bytes of documents, in pieces in the database or in a storage, and the
 * pages found in them.
 */

#include "assess_document_int.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


#define ASSESS_PIECE        262144

/* of an object, asked for at a time where it is copied */
#define ASSESS_PART         1048576

/* of the text of pages, sent in one statement */
#define ASSESS_PAGES_BYTES  1048576
#define ASSESS_PAGES        1000


/* Where a content lies; storage is "" where that is the database. */

typedef struct {
    int64_t   bytes;
    char      storage[ASSESS_OBJECT_LEN];
    char      object[ASSESS_OBJECT_LEN];
} assess_place_t;


assess_err_e
assess_upload_read(const assess_upload_t *upload, int64_t offset, char *data,
    size_t size, assess_err_t *err)
{
    ssize_t  n;

    if (upload->fd == -1) {
        memcpy(data, upload->data + offset, size);
        return ASSESS_OK;
    }

    while (size) {
        n = pread(upload->fd, data, size, (off_t) (upload->offset + offset));

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n <= 0) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "the upload cannot be read: %s",
                               n ? strerror(errno) : "it is cut short");
        }

        data += n;
        offset += n;
        size -= (size_t) n;
    }

    return ASSESS_OK;
}


assess_err_e
assess_content_save(assess_conn_t *conn, const char *document_id,
    const assess_upload_t *upload, assess_err_t *err)
{
    int            seq;
    char          *piece;
    size_t         size;
    int64_t        offset;
    const char    *data;
    assess_err_e   rc;
    assess_args_t  args;

    piece = NULL;
    rc = ASSESS_OK;

    if (upload->fd != -1) {
        piece = malloc(ASSESS_PIECE);
        if (piece == NULL) {
            return assess_db_no_memory(err);
        }
    }

    for (offset = 0, seq = 0;
         offset < upload->bytes && rc == ASSESS_OK;
         offset += ASSESS_PIECE, seq++)
    {
        size = upload->bytes - offset < ASSESS_PIECE
               ? (size_t) (upload->bytes - offset) : ASSESS_PIECE;

        if (piece) {
            rc = assess_upload_read(upload, offset, piece, size, err);
            if (rc != ASSESS_OK) {
                break;
            }
            data = piece;

        } else {
            data = upload->data + offset;
        }

        assess_args_init(&args);
        assess_arg_id(&args, document_id);
        assess_arg_int(&args, seq);
        assess_arg_bytes(&args, data, size);

        rc = assess_db_run(conn, "insert into assess.document_contents"
                           " (document_id, seq, data) values ($1, $2, $3)",
                           &args, NULL, err);
    }

    free(piece);

    return rc;
}


static int64_t
assess_content_int8(const char *data)
{
    int       i;
    uint64_t  value;

    for (value = 0, i = 0; i < 8; i++) {
        value = (value << 8) | (unsigned char) data[i];
    }

    return (int64_t) value;
}


/*
 * Where the content lies, and if that is the database the part of one piece
 * from offset on, at most size bytes of it.
 */

static assess_err_e
assess_content_piece(assess_conn_t *conn, const assess_scope_t *scope,
    const char *document_id, int64_t offset, size_t size, assess_buf_t *out,
    assess_place_t *place, assess_err_t *err)
{
    size_t         room, n;
    int64_t        left;
    PGresult      *res;
    assess_err_e   rc;
    assess_args_t  args;

    static const char  sql[] =
        "select d.bytes, substr(c.data, $4::int, $5::int), d.storage, d.object"
        " from assess.documents d left join assess.document_contents c"
        " on c.document_id = d.document_id and c.seq = $3::int"
        " where d.tenant = $1 and d.document_id = $2";

    room = (size_t) (ASSESS_PIECE - offset % ASSESS_PIECE);
    if (size > room) {
        size = room;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);
    assess_arg_int(&args, offset / ASSESS_PIECE < INT32_MAX
                          ? offset / ASSESS_PIECE : INT32_MAX);
    assess_arg_int(&args, offset % ASSESS_PIECE + 1);
    assess_arg_int(&args, (int64_t) size);

    res = assess_db_exec_binary(conn, sql, &args, err);
    if (res == NULL) {
        return err->kind;
    }

    if (PQntuples(res) == 0) {
        PQclear(res);
        return assess_document_unknown(err);
    }

    place->bytes = assess_content_int8(PQgetvalue(res, 0, 0));

    (void) snprintf(place->storage, sizeof(place->storage), "%s",
                    PQgetvalue(res, 0, 2));
    (void) snprintf(place->object, sizeof(place->object), "%s",
                    PQgetvalue(res, 0, 3));

    if (place->storage[0]) {
        PQclear(res);
        return ASSESS_OK;
    }

    left = place->bytes > offset ? place->bytes - offset : 0;

    if ((int64_t) size > left) {
        size = (size_t) left;
    }

    n = PQgetisnull(res, 0, 1) ? 0 : (size_t) PQgetlength(res, 0, 1);
    rc = ASSESS_OK;

    if (n != size) {
        rc = assess_fail(err, ASSESS_ERROR, "internal",
                         "a piece of the document's content is missing");
    } else {
        assess_buf_add(out, PQgetvalue(res, 0, 1), n);
        if (out->failed) {
            rc = assess_db_no_memory(err);
        }
    }

    PQclear(res);

    return rc;
}


/* The same out of a storage, where no connection is held meanwhile */

static assess_err_e
assess_content_object(assess_db_t *db, const assess_place_t *place,
    int64_t offset, size_t size, assess_buf_t *out, assess_err_t *err)
{
    int64_t            left, start;
    assess_err_e       rc;
    assess_storage_t  *storage;

    left = place->bytes > offset ? place->bytes - offset : 0;

    if ((int64_t) size > left) {
        size = (size_t) left;
    }

    if (size == 0) {
        return ASSESS_OK;
    }

    storage = assess_storage_find(db, place->storage, err);

    if (storage == NULL
        || assess_storage_known(storage, db, 0, err) != ASSESS_OK)
    {
        return err->kind;
    }

    start = assess_mono_ms();

    rc = assess_storage_get(storage, place->object, offset, size, out, err);

    assess_db_elsewhere(assess_mono_ms() - start);

    return rc;
}


assess_err_e
assess_document_check(const assess_scope_t *scope, const char *document_id,
    assess_err_t *err)
{
    if (!assess_uuid_valid(document_id, strlen(document_id))) {
        return assess_document_unknown(err);
    }

    return assess_scope_check(scope, err);
}


assess_err_e
assess_document_content(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int64_t offset, size_t size, assess_buf_t *out,
    assess_err_t *err)
{
    size_t           before, got;
    assess_err_e     rc;
    assess_conn_t   *conn;
    assess_place_t   place;

    if (offset < 0) {
        return assess_fail(err, ASSESS_INVALID, NULL, "a negative offset");
    }

    if (assess_document_check(scope, document_id, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    do {
        before = out->len;

        rc = assess_content_piece(conn, scope, document_id, offset, size, out,
                                  &place, err);

        got = out->len - before;
        offset += (int64_t) got;
        size -= got;

    } while (rc == ASSESS_OK && size && got && place.bytes > offset);

    assess_db_release(conn);

    if (rc == ASSESS_OK && place.storage[0]) {
        rc = assess_content_object(db, &place, offset, size, out, err);
    }

    return rc;
}


assess_err_e
assess_document_open(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int *fd, assess_err_t *err)
{
    assess_buf_t       none;
    assess_err_e       rc;
    assess_conn_t     *conn;
    assess_place_t     place;
    assess_storage_t  *storage;

    *fd = -1;

    /* nothing can be a file */

    if (assess_storage_next(db, NULL) == NULL) {
        return ASSESS_OK;
    }

    if (assess_document_check(scope, document_id, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    memset(&none, 0, sizeof(assess_buf_t));

    rc = assess_content_piece(conn, scope, document_id, 0, 0, &none, &place,
                              err);

    assess_buf_free(&none);
    assess_db_release(conn);

    if (rc != ASSESS_OK || place.storage[0] == '\0') {
        return rc;
    }

    storage = assess_storage_find(db, place.storage, err);

    if (storage == NULL
        || assess_storage_known(storage, db, 0, err) != ASSESS_OK)
    {
        return err->kind;
    }

    return assess_storage_open(storage, place.object, place.bytes, fd, err);
}


static assess_err_e
assess_content_write(int fd, const char *data, size_t size, int64_t offset,
    assess_err_t *err)
{
    ssize_t  n;

    while (size) {
        n = pwrite(fd, data, size, (off_t) offset);

        if (n < 0 && errno == EINTR) {
            continue;
        }

        if (n < 0 && (errno == ENOSPC || errno == EDQUOT)) {

            /* somebody makes room, and until then it has to wait */

            return assess_fail(err, ASSESS_UNAVAILABLE, NULL,
                               "the document cannot be written to a file "
                               "yet: %s", strerror(errno));
        }

        if (n <= 0) {
            return assess_fail(err, ASSESS_ERROR, "internal",
                               "the document cannot be written to a file: %s",
                               n ? strerror(errno) : "nothing is taken");
        }

        data += n;
        offset += n;
        size -= (size_t) n;
    }

    return ASSESS_OK;
}


/* What of a storage is copied, a part at a time */

static assess_err_e
assess_content_copy(assess_db_t *db, const assess_place_t *place, int fd,
    assess_err_t *err)
{
    int64_t       offset;
    assess_buf_t  part;
    assess_err_e  rc;

    memset(&part, 0, sizeof(assess_buf_t));

    for (offset = 0, rc = ASSESS_OK;
         offset < place->bytes && rc == ASSESS_OK;
         offset += (int64_t) part.len)
    {
        assess_buf_reset(&part);

        rc = assess_content_object(db, place, offset, ASSESS_PART, &part,
                                   err);

        if (rc == ASSESS_OK) {
            rc = assess_content_write(fd, part.data, part.len, offset, err);
        }
    }

    assess_buf_free(&part);

    return rc;
}


assess_err_e
assess_document_copy(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int fd, assess_err_t *err)
{
    int64_t          offset;
    assess_buf_t     piece;
    assess_err_e     rc;
    assess_conn_t   *conn;
    assess_place_t   place;

    if (assess_document_check(scope, document_id, err) != ASSESS_OK
        || assess_db_acquire(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    memset(&piece, 0, sizeof(assess_buf_t));
    offset = 0;

    do {
        assess_buf_reset(&piece);

        rc = assess_content_piece(conn, scope, document_id, offset,
                                  ASSESS_PIECE, &piece, &place, err);

        if (rc == ASSESS_OK && piece.len) {
            rc = assess_content_write(fd, piece.data, piece.len, offset, err);
        }

        offset += (int64_t) piece.len;

    } while (rc == ASSESS_OK && piece.len && place.bytes > offset);

    assess_buf_free(&piece);
    assess_db_release(conn);

    if (rc == ASSESS_OK && place.storage[0]) {
        rc = assess_content_copy(db, &place, fd, err);
    }

    return rc;
}


/* As many of the pages as one statement should carry; how many that were */

static assess_err_e
assess_pages_insert(assess_conn_t *conn, const char *document_id,
    const assess_page_t *pages, size_t n, size_t *done, assess_err_t *err)
{
    size_t         i;
    assess_buf_t   numbers, texts, pictures;
    assess_args_t  args;

    memset(&numbers, 0, sizeof(assess_buf_t));
    memset(&texts, 0, sizeof(assess_buf_t));
    memset(&pictures, 0, sizeof(assess_buf_t));

    for (i = 0; i < n && i < ASSESS_PAGES; i++) {

        if (i && texts.len + pages[i].text.len > ASSESS_PAGES_BYTES) {
            break;
        }

        assess_array_int(&numbers, pages[i].page);
        assess_array_int(&pictures, pages[i].picture);

        if (pages[i].text.data) {
            assess_array_add(&texts, &pages[i].text);

        } else {
            assess_array_cstr(&texts, "");
        }
    }

    *done = i;

    assess_args_init(&args);
    assess_arg_id(&args, document_id);
    assess_arg_array(&args, &numbers);
    assess_arg_array(&args, &texts);
    assess_arg_array(&args, &pictures);

    return assess_db_run(conn, "insert into assess.document_pages"
                         " (document_id, page, text, picture)"
                         " select $1::uuid, page, text, picture <> 0 from"
                         " unnest($2::int[], $3::text[], $4::int[])"
                         " as p (page, text, picture)",
                         &args, NULL, err);
}


static assess_err_e
assess_pages_replace(assess_conn_t *conn, const assess_scope_t *scope,
    const char *document_id, int extractor, const assess_page_t *pages,
    size_t n, assess_err_t *err)
{
    size_t         i;
    int64_t        rows, bytes;
    assess_args_t  args;

    for (i = 0, bytes = 0; i < n; i++) {
        bytes += (int64_t) pages[i].text.len;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);
    assess_arg_int(&args, (int64_t) n);
    assess_arg_int(&args, extractor);
    assess_arg_int(&args, bytes);

    if (assess_db_run(conn, "update assess.documents"
                      " set pages = $3, extractor = $4, text_bytes = $5,"
                      " read_at = clock_timestamp()"
                      " where tenant = $1 and document_id = $2",
                      &args, &rows, err) != ASSESS_OK)
    {
        return err->kind;
    }

    if (rows == 0) {
        return assess_document_unknown(err);
    }

    /* scanned ones were kept until now */

    assess_args_init(&args);
    assess_arg_id(&args, document_id);

    return assess_db_run(conn, "with kept as (delete from assess.scanned_pages"
                         " where document_id = $1)"
                         " delete from assess.document_pages"
                         " where document_id = $1", &args, NULL, err);
}


assess_err_e
assess_document_save_pages(assess_db_t *db, const assess_scope_t *scope,
    const char *document_id, int extractor, const assess_page_t *pages,
    size_t n, assess_err_t *err)
{
    size_t          done;
    assess_err_e    rc;
    assess_conn_t  *conn;

    if (assess_document_check(scope, document_id, err) != ASSESS_OK
        || assess_db_begin(db, &conn, err) != ASSESS_OK)
    {
        return err->kind;
    }

    rc = assess_pages_replace(conn, scope, document_id, extractor, pages, n,
                              err);

    while (rc == ASSESS_OK && n) {
        rc = assess_pages_insert(conn, document_id, pages, n, &done, err);
        pages += done;
        n -= done;
    }

    if (rc == ASSESS_OK) {
        rc = assess_db_commit(conn, err);
    }

    assess_db_release(conn);

    return rc;
}


/*
 * Rows of extractor, page, text and whether it is a picture; a document without
 * pages gives one row with no page.  extractor is -1 where any version will do.
 */

static assess_err_e
assess_pages_rows(assess_arena_t *arena, const PGresult *res, int extractor,
    assess_page_t **pages, size_t *n, assess_err_t *err)
{
    int             i, rows;
    assess_page_t  *page;

    rows = PQntuples(res);

    if (rows == 0) {
        return assess_document_unknown(err);
    }

    if (PQgetisnull(res, 0, 0)
        || (extractor != -1 && assess_col_int(res, 0, 0) != extractor))
    {
        return assess_fail(err, ASSESS_CONFLICT, NULL,
                           "the document's text is not extracted yet");
    }

    *pages = assess_palloc(arena, (size_t) rows * sizeof(assess_page_t));
    if (*pages == NULL) {
        return assess_db_no_memory(err);
    }

    for (i = 0; i < rows; i++) {

        if (PQgetisnull(res, i, 1)) {
            continue;
        }

        page = &(*pages)[(*n)++];
        page->page = (int) assess_col_int(res, i, 1);
        page->picture = *PQgetvalue(res, i, 3) == 't';

        if (assess_col_str(arena, res, i, 2, &page->text) != 0) {
            return assess_db_no_memory(err);
        }
    }

    return ASSESS_OK;
}


assess_err_e
assess_pages_read(assess_db_t *db, assess_arena_t *arena, const char *sql,
    assess_args_t *args, int extractor, assess_page_t **pages, size_t *n,
    assess_err_t *err)
{
    PGresult       *res;
    assess_err_e    rc;
    assess_conn_t  *conn;

    *pages = NULL;
    *n = 0;

    if (assess_db_acquire(db, &conn, err) != ASSESS_OK) {
        assess_args_free(args);
        return err->kind;
    }

    res = assess_db_exec(conn, sql, args, err);
    assess_db_release(conn);

    if (res == NULL) {
        return err->kind;
    }

    rc = assess_pages_rows(arena, res, extractor, pages, n, err);
    PQclear(res);

    return rc;
}


static assess_err_e
assess_pages_between(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int extractor,
    int first, int last, assess_page_t **pages, size_t *n, assess_err_t *err)
{
    assess_args_t  args;

    static const char  sql[] =
        "select d.extractor, p.page, p.text, p.picture"
        " from assess.documents d"
        " left join assess.document_pages p"
        " on p.document_id = d.document_id and p.page between $3 and $4"
        " where d.tenant = $1 and d.document_id = $2 order by p.page";

    if (assess_document_check(scope, document_id, err) != ASSESS_OK) {
        return err->kind;
    }

    assess_args_init(&args);
    assess_arg_text(&args, &scope->tenant);
    assess_arg_id(&args, document_id);
    assess_arg_int(&args, first);
    assess_arg_int(&args, last);

    return assess_pages_read(db, arena, sql, &args, extractor, pages, n, err);
}


assess_err_e
assess_document_pages(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int extractor,
    assess_page_t **pages, size_t *n, assess_err_t *err)
{
    return assess_pages_between(db, arena, scope, document_id, extractor, 1,
                                INT32_MAX, pages, n, err);
}


assess_err_e
assess_document_text(assess_db_t *db, assess_arena_t *arena,
    const assess_scope_t *scope, const char *document_id, int first, int last,
    assess_page_t **pages, size_t *n, assess_err_t *err)
{
    return assess_pages_between(db, arena, scope, document_id, -1, first, last,
                                pages, n, err);
}
