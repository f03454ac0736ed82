
/* The key of an answer changes with all that determines it. */

/* sources: engine/assess_key.c engine/assess_pictures.c base/assess_base.c */
/* libs: -lcrypto */

#include "tap.h"

#include "engine/assess_key.h"

#include <string.h>


typedef struct {
    assess_provider_conf_t   conf;
    assess_question_set_t    set;
    assess_document_t        document;
    assess_page_t            pages[3];
    assess_passage_t         passages[3];
    assess_question_t        question;
    assess_hit_t             hits[3];
    assess_item_t            item;
    assess_ask_t             ask;
} case_t;


static assess_str_t
str(const char *text)
{
    assess_str_t  s;

    s.len = strlen(text);
    s.data = (char *) text;

    return s;
}


static void
init(case_t *c)
{
    int  i;

    static const char *const  texts[] = { "one", "two", "three" };

    memset(c, 0, sizeof(case_t));

    c->conf.type = ASSESS_PROVIDER_OPENAI;
    c->conf.name = str("main");
    c->conf.url = str("http://127.0.0.1/v1");
    c->conf.model = str("m");

    c->set.instructions = str("Be fair.");
    c->document.filename = str("plan.pdf");

    for (i = 0; i < 3; i++) {
        c->passages[i].number = i;
        c->passages[i].page = i + 1;
        c->passages[i].text = str(texts[i]);
        c->hits[i].passage = &c->passages[i];
        c->hits[i].score = 3 - i;
    }

    c->question.id = str("q1");
    c->question.text = str("Is it so?");
    c->question.guidance = str("Look twice.");

    c->item.question = &c->question;
    c->item.hits = c->hits;
    c->item.nhits = 3;

    c->ask.set = &c->set;
    c->ask.document = &c->document;
    c->ask.items = &c->item;
    c->ask.nitems = 1;
}


static void
key_of(case_t *c, unsigned char key[ASSESS_KEY_LEN])
{
    assess_keys_t   *keys;
    assess_arena_t  *arena;

    arena = assess_arena_create();

    keys = assess_keys_create(arena, &c->conf, &c->ask, c->pages, 3,
                              c->passages, 3);
    if (keys == NULL || assess_keys_item(keys, &c->item, key) != 0) {
        printf("Bail out! out of memory\n");
    }

    assess_arena_destroy(arena);
}


static unsigned char  plain[ASSESS_KEY_LEN];


static void
changes(case_t *c, int wanted, const char *name)
{
    unsigned char  key[ASSESS_KEY_LEN];

    key_of(c, key);
    ok((memcmp(key, plain, sizeof(key)) != 0) == wanted, "%s", name);
    init(c);
}


int
main(void)
{
    case_t             c;
    unsigned char      key[ASSESS_KEY_LEN], shown[ASSESS_KEY_LEN];
    assess_passage_t   swapped;

    init(&c);
    key_of(&c, plain);

    changes(&c, 0, "the same again is the same");

    c.conf.name = str("other");
    changes(&c, 1, "the provider");

    c.conf.url = str("http://127.0.0.2/v1");
    changes(&c, 1, "its URL");

    c.conf.model = str("m2");
    changes(&c, 1, "its model");

    c.ask.model = str("m2");
    changes(&c, 1, "the job's model");

    c.ask.model = str("m");
    changes(&c, 0, "the job's model, where it is the provider's");

    c.conf.max_tokens = 100;
    changes(&c, 1, "a parameter");

    c.conf.concurrency = 7;
    c.conf.tries = 7;
    c.conf.questions_per_batch = 7;
    changes(&c, 0, "how it is asked, where that changes no answer");

    c.set.instructions = str("Be strict.");
    changes(&c, 1, "the instructions");

    c.set.instructions = str("");
    c.document.filename = str("Be fair.plan.pdf");
    changes(&c, 1, "the same bytes in another place");

    c.document.filename = str("plan2.pdf");
    changes(&c, 1, "the document's name");

    c.question.id = str("q2");
    changes(&c, 1, "the question's id");

    c.question.text = str("Is it not so?");
    changes(&c, 1, "its text");

    c.question.guidance = str("Look once.");
    changes(&c, 1, "its guidance");

    c.question.text = str("Is it so?Look twice.");
    c.question.guidance.data = NULL;
    c.question.guidance.len = 0;
    changes(&c, 1, "its text with the guidance in it");

    c.question.category = str("doors");
    c.question.weight = 3;
    changes(&c, 0, "its category and weight, which are not sent");

    c.item.nhits = 2;
    changes(&c, 1, "a passage less");

    c.passages[1].text = str("2");
    changes(&c, 1, "a passage's text");

    c.passages[1].page = 9;
    changes(&c, 1, "its page");

    c.passages[1].heading = str("Doors");
    changes(&c, 1, "its heading");

    c.hits[1].score = 2.5;
    changes(&c, 0, "its score");

    swapped = c.passages[0];
    c.passages[0] = c.passages[1];
    c.passages[1] = swapped;
    changes(&c, 1, "the order of passages");

    c.item.nhits = 0;
    changes(&c, 1, "no passage");

    c.conf.images = 2;
    strcpy(c.document.sha256, "aa");
    changes(&c, 0, "what the provider is shown, without a picture");

    c.pages[1].picture = 1;
    changes(&c, 0, "a picture that it is not shown");

    /* from here on page two is shown */

    c.conf.images = 2;
    c.pages[1].picture = 1;
    key_of(&c, shown);
    ok(memcmp(shown, plain, sizeof(plain)) != 0, "a picture");

    c.conf.images = 1;
    key_of(&c, key);
    ok(memcmp(key, shown, sizeof(key)) == 0, "not how many there may be");

    c.pages[2].picture = 1;
    key_of(&c, key);
    ok(memcmp(key, shown, sizeof(key)) == 0, "nor one that is too many");

    c.conf.images = 2;
    key_of(&c, key);
    ok(memcmp(key, shown, sizeof(key)) != 0, "but another picture");

    c.pages[2].picture = 0;
    strcpy(c.document.sha256, "bb");
    key_of(&c, key);
    ok(memcmp(key, shown, sizeof(key)) != 0, "and another document's");

    return done_testing();
}
