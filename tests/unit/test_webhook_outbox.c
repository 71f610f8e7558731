/* SPDX-License-Identifier: Apache-2.0 */
/* From the change log to deliveries, and what becomes of these; without a network. */
#include <config.h>

#include "import_help.h"

#include "dispatch/webhook.h"
#include "queue/state.h"

#include <utlist.h>

#define NOW    INT64_C(1764028800000000)
#define SECOND INT64_C(1000000)

struct outbox_fixture {
    struct fixture *f;
    struct conf_webhook hooks[3];
    struct dispatch d;
    struct webhooks w;
    uint64_t request;
};

static void
configure(struct outbox_fixture *x, size_t n)
{
    x->f->conf.webhooks = (struct setting_list){n, x->hooks};
    if (webhook_targets_take(&x->w, &x->f->conf, &x->f->err))
        fail_msg("%s", x->f->err.text);
}

static int
setup(void **state)
{
    static const char *const some[] = {"failed", "finished"};
    struct outbox_fixture *x = calloc(1, sizeof *x);
    struct request r = a_request("o/m");
    enum store_outcome outcome;
    void *f = NULL;

    assert_non_null(x);
    assert_int_equal(fixture_setup(&f), 0);
    x->f = f;
    write_text(x->f, "secret", "key\nnot the key\n");
    for (int i = 0; i < 3; i++)
        x->hooks[i] = (struct conf_webhook){.url = "https://receiver.example",
                                            .secret_file = below(x->f, "secret")};
    x->hooks[0].name = "all";
    x->hooks[1].name = "some";
    x->hooks[1].events = (struct setting_strings){2, some};
    x->hooks[2].name = "third";
    x->f->conf.site.mount = "";
    x->f->conf.webhook_retries = 1;
    x->f->conf.webhook_retry_first = 1000;
    x->d = (struct dispatch){.conf = &x->f->conf, .store = x->f->store};
    x->w.d = &x->d;
    x->w.arena = jb_arena_new(64 << 20);
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_request_put(txn, &r, &outcome), 0);
    fixture_commit(x->f, txn);
    x->request = r.id;
    *state = x;
    return 0;
}

static void
forget(struct outbox_fixture *x)
{
    webhook_targets_free(&x->w);
    jb_arena_free(x->w.arena);
    free(x->w.dead);
    x->w = (struct webhooks){.d = &x->d, .arena = jb_arena_new(64 << 20)};
}

static int
teardown(void **state)
{
    struct outbox_fixture *x = *state;
    void *f = x->f;

    forget(x);
    jb_arena_free(x->w.arena);
    free(x);
    return fixture_teardown(&f);
}

static void
become(struct outbox_fixture *x, enum queue_state state)
{
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    struct job job = {.id = x->request,
                      .state = queue_state_word(state),
                      .failure = state == QUEUE_FAILED ? "timeout" : ""};
    enum store_outcome outcome;

    assert_int_equal(store_job_put(txn, &job, &outcome), 0);
    fixture_commit(x->f, txn);
}

static void
fill(struct outbox_fixture *x)
{
    bool more = true;

    while (more) {
        x->d.seq = fixture_seq(x->f);
        if (webhook_outbox_read(&x->w, &x->f->err) ||
            webhook_outbox_fill(&x->w, NOW, &more, &x->f->err))
            fail_msg("%s", x->f->err.text);
    }
}

struct listed {
    struct jb_arena *arena;
    char text[4096];
    size_t dead, waiting;
    uint64_t first;
};

static int
list_one(void *ctx, const struct delivery *d)
{
    struct listed *l = ctx;

    if (strlen(l->text) < sizeof l->text - 100)
        snprintf(l->text + strlen(l->text), 100, "%s:%s%s ", d->target, d->event,
                 d->dead ? "!" : "");
    if (!l->first)
        l->first = d->id;
    if (d->dead)
        l->dead++;
    else
        l->waiting++;
    jb_arena_reset(l->arena);
    return 0;
}

static struct listed
deliveries(struct outbox_fixture *x)
{
    struct listed l = {.arena = jb_arena_new(1 << 20)};
    struct store_txn *txn = fixture_begin(x->f, STORE_READ);

    assert_int_equal(store_deliveries_each(txn, l.arena, list_one, &l), 0);
    store_abort(txn);
    jb_arena_free(l.arena);
    return l;
}

static struct webhook_target *
target(struct outbox_fixture *x, const char *name)
{
    struct webhook_target *t;

    LL_FOREACH (x->w.targets, t)
        if (strcmp(t->conf.name, name) == 0)
            return t;
    fail_msg("no target %s", name);
    return NULL;
}

static void
test_events(void **state)
{
    struct outbox_fixture *x = *state;

    become(x, QUEUE_RUNNING); /* before anybody listens */
    configure(x, 2);
    assert_string_equal(target(x, "all")->key.p, "key");
    fill(x);
    assert_string_equal(deliveries(x).text, "");
    become(x, QUEUE_FAILED);
    become(x, QUEUE_SUBMITTED);
    become(x, QUEUE_CANCELLED);
    become(x, QUEUE_FINISHED);
    fill(x);
    assert_string_equal(deliveries(x).text,
                        "all:failed some:failed all:submitted all:finished some:finished ");
    fill(x);
    assert_int_equal(deliveries(x).waiting, 5);
    assert_int_equal(target(x, "all")->n_items, 3);
    assert_int_equal(target(x, "some")->n_items, 2);
}

/* Nobody is told twice, nobody misses anything, wherever the program ends. */
static void
test_restarts(void **state)
{
    struct outbox_fixture *x = *state;

    configure(x, 1);
    fill(x);
    become(x, QUEUE_RUNNING);
    forget(x);
    become(x, QUEUE_FINISHED);
    configure(x, 2); /* "some" is new */
    fill(x);
    assert_string_equal(deliveries(x).text, "all:started all:finished ");
    become(x, QUEUE_FAILED);
    forget(x);
    configure(x, 2);
    fill(x);
    assert_string_equal(deliveries(x).text, "all:started all:finished all:failed some:failed ");
    assert_int_equal(target(x, "all")->n_items, 3);
    /* One goes and comes back after something happened. */
    forget(x);
    configure(x, 1);
    become(x, QUEUE_FINISHED);
    fill(x);
    configure(x, 3);
    become(x, QUEUE_FAILED);
    fill(x);
    assert_string_equal(deliveries(x).text, "all:started all:finished all:failed some:failed "
                                            "all:finished all:failed ");
    become(x, QUEUE_FINISHED);
    fill(x);
    assert_string_equal(deliveries(x).text,
                        "all:started all:finished all:failed some:failed "
                        "all:finished all:failed all:finished some:finished "
                        "third:finished ");
}

static void
settle(struct outbox_fixture *x, struct webhook_target *t, bool delivered, int64_t now)
{
    assert_non_null(t->items);
    t->phase = WEBHOOK_SETTLING;
    t->sending = t->items->id;
    t->delivered = delivered;
    t->retry_after = -1;
    snprintf(t->error, sizeof t->error, "answered 500");
    if (webhook_outbox_settle(&x->w, now, &x->f->err))
        fail_msg("%s", x->f->err.text);
    assert_int_equal(t->phase, WEBHOOK_IDLE);
}

static void
test_settle(void **state)
{
    struct outbox_fixture *x = *state;
    struct webhook_target *t;

    configure(x, 1);
    fill(x);
    become(x, QUEUE_RUNNING);
    become(x, QUEUE_FINISHED);
    fill(x);
    t = target(x, "all");
    settle(x, t, false, NOW);
    assert_int_equal(t->n_items, 2);
    assert_in_range(t->items->due, NOW + SECOND * 8 / 10, NOW + SECOND * 12 / 10);
    settle(x, t, false, NOW);
    assert_int_equal(t->n_items, 1);
    assert_string_equal(deliveries(x).text, "all:started! all:finished ");
    settle(x, t, true, NOW);
    assert_string_equal(deliveries(x).text, "all:started! ");
    assert_int_equal(t->n_items, 0);
    /* Dropped by the operator while it was on its way. */
    become(x, QUEUE_RUNNING);
    fill(x);
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_delivery_delete(txn, t->items->id), 0);
    fixture_commit(x->f, txn);
    settle(x, t, false, NOW);
    assert_int_equal(t->n_items, 0);
    assert_string_equal(deliveries(x).text, "all:started! ");
}

/* What the operator does is seen. */
static void
test_touched(void **state)
{
    struct outbox_fixture *x = *state;
    struct delivery d = {.target = "all", .event = "ping", .body = "{}", .created = NOW};
    struct delivery away = {.target = "nobody", .event = "ping", .body = "{}", .created = NOW};
    struct store_txn *txn;

    configure(x, 1);
    fill(x);
    txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_delivery_put(txn, &d), 0);
    assert_int_equal(store_delivery_put(txn, &away), 0);
    fixture_commit(x->f, txn);
    fill(x);
    assert_int_equal(target(x, "all")->n_items, 0);
    txn = fixture_begin(x->f, STORE_WRITE);
    assert_int_equal(store_mark_put(txn, WEBHOOK_MARK_TOUCHED, 1), 0);
    fixture_commit(x->f, txn);
    fill(x);
    assert_int_equal(target(x, "all")->n_items, 1);
    assert_int_equal(deliveries(x).waiting, 2);
}

static void
test_dead_letters_are_bounded(void **state)
{
    struct outbox_fixture *x = *state;
    struct store_txn *txn = fixture_begin(x->f, STORE_WRITE);
    struct listed l;

    for (int i = 0; i < WEBHOOK_DEAD_MAX; i++) {
        struct delivery d = {
            .target = "all", .event = "failed", .body = "{}", .created = NOW, .dead = true};
        assert_int_equal(store_delivery_put(txn, &d), 0);
    }
    fixture_commit(x->f, txn);
    l = deliveries(x);
    assert_int_equal(l.dead, WEBHOOK_DEAD_MAX);
    uint64_t first = l.first;
    x->f->conf.webhook_retries = 0;
    configure(x, 1);
    fill(x);
    become(x, QUEUE_RUNNING);
    become(x, QUEUE_FINISHED);
    fill(x);
    settle(x, target(x, "all"), false, NOW);
    settle(x, target(x, "all"), false, NOW);
    l = deliveries(x);
    assert_int_equal(l.dead, WEBHOOK_DEAD_MAX);
    assert_true(l.first == first + 2);
}

static void
test_secrets(void **state)
{
    static const struct {
        const char *content, *reason;
    } bad[] = {{"", "the first line is empty"}, {"\nkey\n", "the first line is empty"}};
    struct outbox_fixture *x = *state;
    struct jb_error err = {0};

    for (size_t i = 0; i < 2; i++) {
        write_text(x->f, "secret", bad[i].content);
        err = (struct jb_error){0};
        x->f->conf.webhooks = (struct setting_list){2, x->hooks};
        assert_int_equal(webhook_check(&x->f->conf, &err), JB_EINVAL);
        assert_non_null(strstr(err.text, "webhook \"all\": "));
        assert_non_null(strstr(err.text, bad[i].reason));
    }
    unlink(below(x->f, "secret"));
    err = (struct jb_error){0};
    assert_int_equal(webhook_check(&x->f->conf, &err), JB_ENOENT);
    /* A reload that fails changes nothing. */
    write_text(x->f, "secret", "key\r\n");
    configure(x, 1);
    assert_int_equal(target(x, "all")->key.n, 3);
    unlink(below(x->f, "secret"));
    x->f->conf.webhooks.n = 2;
    assert_int_equal(webhook_targets_take(&x->w, &x->f->conf, &err), JB_ENOENT);
    assert_int_equal(x->w.n_targets, 1);
    assert_string_equal(target(x, "all")->key.p, "key");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settle, setup, teardown),
        cmocka_unit_test_setup_teardown(test_touched, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dead_letters_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
