
/* sources: store/ base/assess_base.c base/assess_cursor.c */
/* libs: -lpq -ljansson -lcrypto -lm */


/* Documents and question sets. */

#include "store.h"
#include "../../ngx_assess_module/store/assess_scanned.h"

#include <stdio.h>


#define BIG  (262144 * 2 + 1000)


static assess_scope_t  scope, other;


static void
test_content(void)
{
    int                i, failed;
    char              *data, *back;
    FILE              *f;
    size_t             created;
    assess_buf_t       out;
    assess_upload_t    up[2];
    assess_document_t  docs[2];

    static const struct {
        int64_t  offset;
        size_t   size;
    } ranges[] = {
        { 0, 1 }, { 0, BIG }, { 262143, 2 }, { 262144, 1 }, { 262140, 262152 },
        { BIG - 1, 10 }, { BIG, 10 }, { BIG + 262144, 10 }, { 1, 524288 },
        { 5, 0 }
    };

    data = store_bytes(BIG);

    f = tmpfile();
    (void) fwrite("xxx", 1, 3, f);
    (void) fwrite(data, 1, BIG, f);
    (void) fflush(f);

    up[0] = store_upload("b\xff.txt", data, BIG);
    up[0].fd = fileno(f);
    up[0].offset = 3;
    up[0].data = NULL;
    up[1] = store_upload("small", "small", 5);

    is_err(assess_documents_store(store_db, store_arena, &scope, up, 2, docs,
                                  &created, &store_err), ASSESS_OK,
           "two documents");
    is_int((long long) created, 2, "both new");
    is_str(docs[0].filename.data, "b\xEF\xBF\xBD.txt",
           "a filename that is no UTF-8");
    is_int(docs[0].bytes, BIG, "in order");
    is_str(docs[0].sha256, up[0].sha256, "with its sum");
    is_int(docs[0].pages, -1, "no pages yet");

    memset(&out, 0, sizeof(assess_buf_t));
    failed = 0;

    for (i = 0; i < (int) (sizeof(ranges) / sizeof(ranges[0])); i++) {
        size_t  want = ranges[i].offset >= BIG ? 0
                       : ranges[i].size < (size_t) (BIG - ranges[i].offset)
                         ? ranges[i].size : (size_t) (BIG - ranges[i].offset);

        assess_buf_reset(&out);
        is_err(assess_document_content(store_db, &scope, docs[0].document_id,
                                       ranges[i].offset, ranges[i].size, &out,
                                       &store_err), ASSESS_OK, "a range");
        failed += out.len != want
                  || memcmp(out.data ? out.data : "", data + (want
                            ? ranges[i].offset : 0), want) != 0;
    }

    is_int(failed, 0, "every range to the byte");

    is_err(assess_document_content(store_db, &other, docs[0].document_id, 0,
                                   1, &out, &store_err), ASSESS_NOT_FOUND,
           "another tenant reads nothing");

    (void) fclose(f);
    f = tmpfile();
    is_err(assess_document_copy(store_db, &scope, docs[0].document_id,
                                fileno(f), &store_err), ASSESS_OK, "a copy");
    back = assess_palloc(store_arena, BIG + 1);
    is_int((long long) fread(back, 1, BIG + 1, f), BIG, "of its length");
    ok(memcmp(back, data, BIG) == 0, "to the byte");
    (void) fclose(f);
    assess_buf_free(&out);

    up[1] = up[0];
    up[1].fd = up[0].fd = -1;
    up[1].data = up[0].data = data;
    is_err(assess_documents_store(store_db, store_arena, &scope, up, 2, docs,
                                  &created, &store_err), ASSESS_OK,
           "the same bytes");
    is_int((long long) created, 0, "are known");
    is_str(docs[0].document_id, docs[1].document_id, "as one document");

    is_err(assess_documents_store(store_db, store_arena, &other, up, 2, docs,
                                  &created, &store_err), ASSESS_OK,
           "of another tenant");
    is_int((long long) created, 1, "they are another document");
}


static void
test_torn(void)
{
    FILE              *f;
    size_t             created;
    long long          before;
    assess_upload_t    up;
    assess_document_t  doc;

    before = store_sql("select count(*) from assess.documents");

    f = tmpfile();
    (void) fwrite("abc", 1, 3, f);
    (void) fflush(f);
    up = store_upload("torn", "abcdef", 6);
    up.fd = fileno(f);

    is_err(assess_documents_store(store_db, store_arena, &scope, &up, 1, &doc,
                                  &created, &store_err), ASSESS_ERROR,
           "a file cut short");
    is_int(store_sql("select count(*) from assess.documents"), before,
           "leaves nothing");
    (void) fclose(f);

    is_err(assess_documents_store(store_db, store_arena,
               &(assess_scope_t) { assess_str("bad\xff"), assess_null_str },
               &up, 1, &doc, &created, &store_err), ASSESS_INVALID,
           "a tenant that is no UTF-8 is refused, never mended");
}


static void
test_pages(void)
{
    size_t              n, i;
    char               *big;
    assess_page_t       pages[1200], *got;
    assess_document_t   doc;

    doc = store_document(&scope, "pages");

    is_err(assess_document_text(store_db, store_arena, &scope,
                                doc.document_id, 1, 9, &got, &n, &store_err),
           ASSESS_CONFLICT, "no text before it is extracted");

    big = assess_palloc(store_arena, 300000);
    memset(big, '\\', 300000);

    for (i = 0; i < 1200; i++) {
        pages[i].page = (int) i + 1;
        pages[i].text = store_str("text, \"quoted\" {and} \\ NULL");
        pages[i].picture = i % 2 ? 7 : 0;
    }

    pages[3].text.data = big;
    pages[3].text.len = 300000;
    pages[4].text.data = (char *) "a\0b\xc0\x80";
    pages[4].text.len = 5;
    pages[5].text = store_str("");
    pages[6].text = store_str(NULL);
    pages[7].text = store_str("NULL");

    is_err(assess_document_save_pages(store_db, &scope, doc.document_id, 3,
                                      pages, 1200, &store_err), ASSESS_OK,
           "pages are saved");
    is_err(assess_document_save_pages(store_db, &scope, doc.document_id, 3,
                                      pages, 1200, &store_err), ASSESS_OK,
           "and again");
    is_err(assess_document_pages(store_db, store_arena, &scope,
                                 doc.document_id, 3, &got, &n, &store_err),
           ASSESS_OK, "and read");
    is_int((long long) n, 1200, "all of them");
    is_str(got[0].text.data, pages[0].text.data, "to the byte");
    is_int((long long) got[3].text.len, 300000, "a long one");
    is_str(got[4].text.data, "a\xEF\xBF\xBD" "b\xEF\xBF\xBD\xEF\xBF\xBD",
           "NUL and bad UTF-8 replaced");
    is_str(got[5].text.data, "", "an empty one");
    is_str(got[6].text.data, "", "one of nothing");
    is_str(got[7].text.data, "NULL", "a word is a word");
    is_int(got[0].picture, 0, "one that is no picture");
    is_int(got[1199].picture, 1, "and one that is");

    is_err(assess_document_pages(store_db, store_arena, &scope,
                                 doc.document_id, 4, &got, &n, &store_err),
           ASSESS_CONFLICT, "another extractor has yet to come");
    is_err(assess_document_text(store_db, store_arena, &scope,
                                doc.document_id, 8, 9, &got, &n, &store_err),
           ASSESS_OK, "some pages");
    is_int((long long) n, 2, "two");
    is_err(assess_document_text(store_db, store_arena, &other,
                                doc.document_id, 8, 9, &got, &n, &store_err),
           ASSESS_NOT_FOUND, "not another tenant's");

    is_err(assess_document_save_pages(store_db, &scope, doc.document_id, 5,
                                      pages, 0, &store_err), ASSESS_OK,
           "a document without pages");
    is_err(assess_document_pages(store_db, store_arena, &scope,
                                 doc.document_id, 5, &got, &n, &store_err),
           ASSESS_OK, "is extracted");
    is_int((long long) n, 0, "and has none");
}


static void
test_scanned(void)
{
    size_t              n;
    assess_page_t       pages[3], *got;
    assess_document_t   doc;

    static const assess_reader_t  three = { 3, "eng" };
    static const assess_reader_t  russian = { 3, "rus" };
    static const assess_reader_t  four = { 4, "eng" };

    doc = store_document(&scope, "scanned");
    memset(pages, 0, sizeof(pages));

    pages[0].page = 7;
    pages[0].picture = 1;
    pages[0].text = store_str("Seven.");
    pages[1].page = 3;
    pages[1].picture = 1;
    pages[1].text = store_str("");
    pages[2].page = 7;
    pages[2].picture = 1;
    pages[2].text = store_str("Seven, again.");

    is_err(assess_scanned_kept(store_db, store_arena, &scope, doc.document_id,
                               &three, &got, &n, &store_err), ASSESS_OK,
           "of a document that is new");
    is_int((long long) n, 0, "no scanned page is kept");
    is_err(assess_scanned_keep(store_db, &scope, doc.document_id, &three, pages, 2,
                               &store_err), ASSESS_OK, "two are");
    is_err(assess_scanned_keep(store_db, &scope, doc.document_id, &three,
                               &pages[2], 1, &store_err), ASSESS_OK,
           "one of them again");
    is_err(assess_scanned_keep(store_db, &other, doc.document_id, &three, pages, 2,
                               &store_err), ASSESS_OK,
           "another tenant's keeps none");
    is_err(assess_scanned_kept(store_db, store_arena, &scope, doc.document_id,
                               &three, &got, &n, &store_err), ASSESS_OK,
           "they are there");

    if (is_int((long long) n, 2, "both")) {
        is_int(got[0].page, 3, "in their order");
        is_str(got[0].text.data, "", "an empty one");
        is_int(got[1].page, 7, "and one");
        is_str(got[1].text.data, "Seven, again.", "as it was read last");
        is_int(got[1].picture, 1, "which is a picture");
    }

    is_err(assess_scanned_kept(store_db, store_arena, &other, doc.document_id,
                               &three, &got, &n, &store_err), ASSESS_OK,
           "another tenant");
    is_int((long long) n, 0, "sees none");
    is_err(assess_scanned_kept(store_db, store_arena, &scope, doc.document_id,
                               &four, &got, &n, &store_err), ASSESS_OK,
           "another extractor");
    is_int((long long) n, 0, "has none, either");
    is_err(assess_scanned_kept(store_db, store_arena, &scope, doc.document_id,
                               &russian, &got, &n, &store_err), ASSESS_OK,
           "one of other languages");
    is_int((long long) n, 0, "would read them differently");
    is_err(assess_scanned_keep(store_db, &scope, doc.document_id, &four, pages, 1,
                               &store_err), ASSESS_OK, "it keeps its own");
    is_err(assess_scanned_kept(store_db, store_arena, &scope, doc.document_id,
                               &three, &got, &n, &store_err), ASSESS_OK,
           "in the place");
    is_int((long long) n, 1, "of the other's");

    is_err(assess_document_text(store_db, store_arena, &scope,
                                doc.document_id, 1, 9, &got, &n, &store_err),
           ASSESS_CONFLICT, "they are no text of the document");
    is_err(assess_document_save_pages(store_db, &scope, doc.document_id, 4,
                                      pages, 2, &store_err), ASSESS_OK,
           "that comes");
    is_int(store_sql("select count(*) from assess.scanned_pages"), 0,
           "and they go");
    is_err(assess_scanned_keep(store_db, &scope, doc.document_id, &four, pages, 2,
                               &store_err), ASSESS_OK,
           "one who comes late");
    is_int(store_sql("select count(*) from assess.scanned_pages"), 0,
           "keeps none");
}


static void
test_list(void)
{
    int                        i;
    char                       name[40];
    size_t                     n, created, seen;
    int64_t                    total;
    assess_str_t               next;
    assess_scope_t             list;
    assess_upload_t            up;
    assess_document_t          doc, *docs;
    assess_document_filter_t   filter;

    list = store_scope("list", NULL);

    for (i = 0; i < 7; i++) {
        (void) snprintf(name, sizeof(name), "%s-%d.TXT",
                        i % 2 ? "100%_a\\b" : "100xya", i);
        up = store_upload(name, name, strlen(name));
        (void) assess_documents_store(store_db, store_arena, &list, &up, 1,
                                      &doc, &created, &store_err);
    }

    memset(&filter, 0, sizeof(assess_document_filter_t));
    filter.reviewed = -1;
    filter.paging.limit = 2;

    for (seen = 0, i = 0; i < 9; i++) {
        is_err(assess_documents_list(store_db, store_arena, &list, &filter,
                                     &docs, &n, &next, &total, &store_err),
               ASSESS_OK, "a page");
        is_int(total, 7, "of seven");
        seen += n;

        if (next.data == NULL) {
            break;
        }
        filter.paging.cursor = next;
    }

    is_int((long long) seen, 7, "each once");

    memset(&filter, 0, sizeof(assess_document_filter_t));
    filter.reviewed = -1;
    filter.paging.limit = 50;
    filter.q = store_str("%_A\\");
    (void) assess_documents_list(store_db, store_arena, &list, &filter, &docs,
                                 &n, &next, &total, &store_err);
    is_int((long long) n, 3, "a pattern is text, in any case");
    filter.q = store_str(".txt");
    (void) assess_documents_list(store_db, store_arena, &list, &filter, &docs,
                                 &n, &next, &total, &store_err);
    is_int((long long) n, 7, "a part of the name");
    filter.reviewed = 1;
    (void) assess_documents_list(store_db, store_arena, &list, &filter, &docs,
                                 &n, &next, &total, &store_err);
    is_int((long long) n, 0, "none is reviewed");

    /* what is kept counted, before and after it is added up */

    filter.q.len = 0;
    filter.q.data = NULL;
    (void) store_sql("update assess.documents set reviewed = true where"
                     " tenant = 'list' and filename like '100x%'");
    (void) store_sql("update assess.documents set reviewed = false where"
                     " tenant = 'list' and filename like '%-0.TXT'");

    for (i = 0; i < 2; i++) {

        for (filter.reviewed = -1; filter.reviewed < 2; filter.reviewed++) {
            (void) assess_documents_list(store_db, store_arena, &list, &filter,
                                         &docs, &n, &next, &total, &store_err);
            is_int(total, (long long) n, "as many as there are");
        }

        is_err(assess_documents_add_up(store_db, &store_err), ASSESS_OK,
               "changes are added up");
    }

    is_int(store_sql("select count(*) from assess.document_changes"), 0,
           "and are in the counts");
    is_int(store_sql("select total * 10 + reviewed from assess.document_counts"
                     " where tenant = 'list'"), 73, "so many");
    (void) store_sql("delete from assess.documents where tenant = 'list'"
                     " and reviewed");
    filter.reviewed = 1;
    (void) assess_documents_list(store_db, store_arena, &list, &filter,
                                 &docs, &n, &next, &total, &store_err);
    is_int(total, 0, "what is deleted is not counted");

    filter.paging.cursor = store_str("====");
    is_err(assess_documents_list(store_db, store_arena, &list, &filter, &docs,
                                 &n, &next, &total, &store_err),
           ASSESS_INVALID, "a bad cursor");
}


static void
test_delete(void)
{
    int                changed;
    char             (*jobs)[37];
    size_t             njobs, n;
    assess_job_t       job;
    assess_event_t    *events;
    assess_change_t    change;
    assess_document_t  doc;

    (void) store_set(&scope, "set", 3);
    doc = store_document(&scope, "delete me");
    job = store_job(&scope, doc.document_id);

    is_err(assess_document_delete(store_db, store_arena, &scope,
                                  doc.document_id, &jobs, &njobs, &store_err),
           ASSESS_CONFLICT, "not while a job is queued");
    is_err(assess_document_delete(store_db, store_arena, &other,
                                  doc.document_id, &jobs, &njobs, &store_err),
           ASSESS_NOT_FOUND, "not by another tenant");
    (void) assess_job_cancel(store_db, store_arena, &scope, job.job_id,
                             &change, &changed, &store_err);

    is_err(assess_events_latest(store_db, store_arena, &scope, NULL, 0,
               &(assess_str_t) { 36, doc.document_id }, 1, &events, &n,
               &store_err), ASSESS_OK, "its latest event");
    is_int((long long) n, 1, "is one");
    is_str(events[0].type.data, "cancelled", "the last one");

    is_err(assess_document_delete(store_db, store_arena, &scope,
                                  doc.document_id, &jobs, &njobs, &store_err),
           ASSESS_OK, "gone");
    is_int((long long) njobs, 1, "with its job");
    is_str(jobs[0], job.job_id, "named");
    is_err(assess_document_read(store_db, store_arena, &scope,
                                doc.document_id, &doc, &store_err),
           ASSESS_NOT_FOUND, "not there any more");
    is_int(store_sql("select (select count(*) from assess.assessment_jobs)"
                     " + (select count(*) from assess.assessment_answers)"
                     " + (select coalesce(sum(jobs), 0)"
                     " from assess.job_counts)"
                     " + (select count(*)"
                     " from assess.assessment_progress_events)"), 0,
           "nothing of it is");
    is_err(assess_document_delete(store_db, store_arena, &scope,
                                  doc.document_id, &jobs, &njobs, &store_err),
           ASSESS_NOT_FOUND, "once");
}


static void *
put_thread(void *arg)
{
    int                    i, created;
    assess_err_t           err;
    assess_arena_t        *arena;
    assess_question_set_t  set;

    arena = assess_arena_create();

    for (i = 0; i < 5; i++) {
        memset(&set, 0, sizeof(assess_question_set_t));
        set.name = store_str("race");
        set.question_count = 1;
        set.questions = store_str(arg ? "[1]" : "[2]");

        if (assess_question_set_put(store_db, arena, &scope, &set, &created,
                                    &err) != ASSESS_OK)
        {
            printf("# %s\n", err.message);
        }
    }

    assess_arena_destroy(arena);

    return NULL;
}


static void
test_sets(void)
{
    int                     i, created;
    size_t                  n;
    int64_t                 total;
    pthread_t               threads[8];
    assess_str_t            next, name;
    assess_paging_t         paging;
    assess_question_set_t   set, *sets;

    memset(&set, 0, sizeof(assess_question_set_t));
    set.name = store_str("b-set");
    set.title = store_str("T \xff");
    set.question_count = 1;
    set.questions = store_str("[{\"id\": \"x\",  \"text\":\"\\u0000\"}]");
    is_err(assess_question_set_put(store_db, store_arena, &scope, &set,
                                   &created, &store_err), ASSESS_OK, "a set");
    is_int(set.version * 10 + created, 11, "version 1, new");
    is_str(set.questions.data, "[{\"id\": \"x\",  \"text\":\"\\u0000\"}]",
           "kept as it is");

    set.title = store_str("T \xff");
    is_err(assess_question_set_put(store_db, store_arena, &scope, &set,
                                   &created, &store_err), ASSESS_OK, "again");
    is_int(set.version * 10 + created, 10, "it is the same");

    set.title = store_str(NULL);
    is_err(assess_question_set_put(store_db, store_arena, &scope, &set,
                                   &created, &store_err), ASSESS_OK,
           "without the title");
    is_int(set.version * 10 + created, 21, "version 2");

    name = store_str("b-set");
    is_err(assess_question_set_read(store_db, store_arena, &scope, &name, 1,
                                    &set, &store_err), ASSESS_OK, "the first");
    is_int(set.version, 1, "by its version");
    is_err(assess_question_set_read(store_db, store_arena, &scope, &name, 0,
                                    &set, &store_err), ASSESS_OK,
           "the newest");
    is_int(set.version, 2, "without one");
    is_err(assess_question_set_read(store_db, store_arena, &other, &name, 0,
                                    &set, &store_err), ASSESS_NOT_FOUND,
           "not another tenant's");

    for (i = 0; i < 8; i++) {
        (void) pthread_create(&threads[i], NULL, put_thread,
                              i % 2 ? &scope : NULL);
    }

    for (i = 0; i < 8; i++) {
        (void) pthread_join(threads[i], NULL);
    }

    is_int(store_sql("select count(*) - max(version) from"
                     " assess.question_sets where name = 'race'"), 0,
           "versions without a gap");
    is_int(store_sql("select count(*) from (select questions, lag(questions)"
                     " over (order by version) before"
                     " from assess.question_sets where name = 'race') r"
                     " where questions = before"), 0,
           "no version is the same as the one before");

    paging.limit = 2;
    paging.cursor = store_str(NULL);
    is_err(assess_question_sets_list(store_db, store_arena, &scope, &paging,
                                     &sets, &n, &next, &total, &store_err),
           ASSESS_OK, "a list");
    is_int((long long) n * 10 + total, 23, "two of three");
    is_str(sets[0].name.data, "b-set", "by name");
    is_int(sets[0].version, 2, "the newest of each");
    ok(sets[0].questions.data == NULL, "without the questions");
    paging.cursor = next;
    is_err(assess_question_sets_list(store_db, store_arena, &scope, &paging,
                                     &sets, &n, &next, &total, &store_err),
           ASSESS_OK, "goes on");
    is_int((long long) n, 1, "with the last");
    ok(next.data == NULL, "and ends");
}


int
main(void)
{
    if (!store_begin(1)) {
        return 0;
    }

    scope = store_scope("acme", "ann");
    other = store_scope("globex", NULL);

    test_content();
    test_torn();
    test_pages();
    test_scanned();
    test_list();
    test_delete();
    test_sets();

    return store_end();
}
