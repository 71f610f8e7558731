/* SPDX-License-Identifier: Apache-2.0 */
#include "wire/message.h"

#include "wire/fields.h"

#include <string.h>

enum {
    LEASE_MAX = 7 * 86400, /* seconds */
    GPUS_MAX = 64,
    PLANS_MAX = 64,
    CACHED_MAX = 1024,
    MIB_MAX = 1 << 30,
    NAME_MAX_BYTES = 256,
};

static const char *const phase_words[WIRE_PHASE_MAX] = {
    [WIRE_ACCEPTED] = "accepted",   [WIRE_RUNNING] = "running",
    [WIRE_SUCCEEDED] = "succeeded", [WIRE_FAILED] = "failed",
    [WIRE_CANCELLED] = "cancelled", [WIRE_LOST] = "lost",
};

const char *
wire_phase_word(enum wire_phase phase)
{
    return (unsigned)phase < WIRE_PHASE_MAX ? phase_words[phase] : "";
}

static bool
is_hex(struct jb_str s, size_t n)
{
    if (s.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
            return false;
    return true;
}

bool
wire_id_valid(struct jb_str id)
{
    return is_hex(id, WIRE_ID_SIZE - 1);
}

#define HEX (SPEC_HASH_HEX - 1)

static const struct field offer_fields[] = {
    FIELD_SPAN(wire_offer, id, FIELD_CHARS, 32, 32),
    FIELD_SPAN(wire_offer, job, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(wire_offer, fence, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(wire_offer, lease_seconds, FIELD_INT, 1, LEASE_MAX),
    FIELD_SPAN(wire_offer, spec_hash, FIELD_CHARS, HEX, HEX),
    FIELD_ROW(wire_offer, spec, FIELD_GROUP, .items = spec_fields),
    {0},
};

static const struct field state_fields[] = {
    FIELD_SPAN(wire_state, id, FIELD_CHARS, 32, 32),
    FIELD_SPAN(wire_state, fence, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_ROW(wire_state, phase, FIELD_WORD, .max = WIRE_PHASE_MAX, .words = phase_words),
    FIELD_SPAN(wire_state, progress, FIELD_NUMBER, -1, 1),
    FIELD_SPAN(wire_state, step, FIELD_TEXT, 0, 64),
    FIELD_SPAN(wire_state, failure, FIELD_TEXT, 0, 64),
    FIELD_SPAN(wire_state, reason, FIELD_TEXT, 0, 512),
    FIELD_SPAN(wire_state, log_epoch, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_state, log_end, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_ITEMS(wire_state, done, n_done, FIELD_TEXTS, 0, SPEC_TASKS_MAX,
                .item_size = NAME_MAX_BYTES),
    {0},
};

static const struct field gpu_fields[] = {
    FIELD_SPAN(wire_gpu, name, FIELD_TEXT, 0, 128),
    FIELD_SPAN(wire_gpu, total_mib, FIELD_INT, 0, MIB_MAX),
    FIELD_SPAN(wire_gpu, free_mib, FIELD_INT, 0, MIB_MAX),
    {0},
};

static const struct field info_fields[] = {
    FIELD_SPAN(wire_info, host, FIELD_TEXT, 0, 128),
    FIELD_SPAN(wire_info, boot_id, FIELD_TEXT, 1, 64),
    FIELD_SPAN(wire_info, version, FIELD_TEXT, 0, 64),
    FIELD_SPAN(wire_info, protocol_min, FIELD_INT, 1, 1000),
    FIELD_SPAN(wire_info, protocol_max, FIELD_INT, 1, 1000),
    FIELD_SPAN(wire_info, monotonic_ms, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_info, wall_us, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_info, slots, FIELD_INT, 0, WIRE_ATTEMPTS_MAX),
    FIELD_SPAN(wire_info, slots_free, FIELD_INT, 0, WIRE_ATTEMPTS_MAX),
    FIELD_SPAN(wire_info, memory_mib, FIELD_INT, 0, MIB_MAX),
    FIELD_SPAN(wire_info, disk_free_mib, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_info, engine, FIELD_TEXT, 1, 64),
    FIELD_SPAN(wire_info, policy, FIELD_TEXT, 0, 64),
    FIELD_TRUTH(wire_info, draining),
    FIELD_ITEMS(wire_info, gpus, n_gpus, FIELD_LIST, 0, GPUS_MAX, .items = gpu_fields,
                .item_size = sizeof(struct wire_gpu)),
    FIELD_ITEMS(wire_info, plans, n_plans, FIELD_TEXTS, 0, PLANS_MAX,
                .item_size = NAME_MAX_BYTES),
    FIELD_ITEMS(wire_info, cached, n_cached, FIELD_TEXTS, 0, CACHED_MAX,
                .item_size = NAME_MAX_BYTES),
    {0},
};

static const struct field renewal_fields[] = {
    FIELD_SPAN(wire_renewal, id, FIELD_CHARS, 32, 32),
    FIELD_SPAN(wire_renewal, fence, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(wire_renewal, lease_seconds, FIELD_INT, 0, LEASE_MAX),
    FIELD_TRUTH(wire_renewal, cancel),
    {0},
};

static const struct field renew_fields[] = {
    FIELD_SPAN(wire_renew, stamp_ms, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_ITEMS(wire_renew, items, n, FIELD_LIST, 0, WIRE_ATTEMPTS_MAX, .items = renewal_fields,
                .item_size = sizeof(struct wire_renewal)),
    {0},
};

static const struct field renewed_fields[] = {
    FIELD_SPAN(wire_renewed, monotonic_ms, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_renewed, boot_id, FIELD_TEXT, 1, 64),
    FIELD_ITEMS(wire_renewed, states, n, FIELD_LIST, 0, WIRE_ATTEMPTS_MAX,
                .items = state_fields, .item_size = sizeof(struct wire_state)),
    {0},
};

const struct field part_fields[] = {
    FIELD_SPAN(wire_part, benchmark, FIELD_TEXT, 1, 64),
    FIELD_SPAN(wire_part, size, FIELD_INT, 0, FIELD_INT_MAX),
    FIELD_SPAN(wire_part, sha256, FIELD_CHARS, HEX, HEX),
    FIELD_SPAN(wire_part, seconds, FIELD_NUMBER, 0, FIELD_INT_MAX),
    {0},
};

static const struct field manifest_fields[] = {
    FIELD_SPAN(wire_manifest, id, FIELD_CHARS, 32, 32),
    FIELD_SPAN(wire_manifest, fence, FIELD_INT, 1, FIELD_INT_MAX),
    FIELD_SPAN(wire_manifest, spec_hash, FIELD_CHARS, HEX, HEX),
    FIELD_SPAN(wire_manifest, plan, FIELD_TEXT, 1, 64),
    FIELD_SPAN(wire_manifest, plan_version, FIELD_TEXT, 0, 128),
    FIELD_SPAN(wire_manifest, environment, FIELD_TEXT, 0, 1024),
    FIELD_ITEMS(wire_manifest, parts, n, FIELD_LIST, 0, SPEC_TASKS_MAX, .items = part_fields,
                .item_size = sizeof(struct wire_part)),
    FIELD_SPAN(wire_manifest, key, FIELD_TEXT, 0, PKI_PUBLIC_SIZE),
    FIELD_SPAN(wire_manifest, signature, FIELD_TEXT, 0, PKI_SIGNATURE_SIZE),
    {0},
};

static const struct field drain_fields[] = {
    FIELD_TRUTH(wire_drain, drain),
    {0},
};

static const struct field refusal_fields[] = {
    FIELD_SPAN(wire_refusal, error, FIELD_TEXT, 0, 512),
    {0},
};

static int
bad_id(const char *id, struct jb_error *err)
{
    return wire_id_valid(jb_str(id))
               ? 0
               : jb_fail(err, JB_EUNPROC, "id: must be 32 lower-case hex digits");
}

static int
bad_hash(const char *hash, struct jb_error *err)
{
    return is_hex(jb_str(hash), SPEC_HASH_HEX - 1)
               ? 0
               : jb_fail(err, JB_EUNPROC, "a hash must be 64 lower-case hex digits");
}

void
wire_offer_put(const struct wire_offer *offer, struct jb_buf *out)
{
    fields_put(offer_fields, offer, out);
}

int
wire_offer_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                struct wire_offer *ret_offer)
{
    char hash[SPEC_HASH_HEX];
    struct wire_offer offer;
    int rc = fields_read(offer_fields, json, SPEC_BODY_MAX, arena, err, &offer, sizeof(offer));

    if (!rc)
        rc = bad_id(offer.id, err);
    if (!rc && spec_check(&offer.spec, err)) {
        jb_error_prefix(err, "spec");
        rc = JB_EUNPROC;
        if (err)
            err->code = rc;
    }
    if (!rc)
        rc = spec_hash(&offer.spec, hash);
    if (!rc && strcmp(hash, offer.spec_hash) != 0)
        rc = jb_fail(err, JB_EUNPROC, "spec_hash: is not the hash of this spec");
    if (!rc)
        *ret_offer = offer;
    return rc;
}

void
wire_state_put(const struct wire_state *state, struct jb_buf *out)
{
    fields_put(state_fields, state, out);
}

int
wire_state_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                struct wire_state *ret_state)
{
    struct wire_state state;
    int rc = fields_read(state_fields, json, WIRE_BODY_MAX, arena, err, &state, sizeof(state));

    if (!rc)
        rc = bad_id(state.id, err);
    if (!rc)
        *ret_state = state;
    return rc;
}

void
wire_info_put(const struct wire_info *info, struct jb_buf *out)
{
    fields_put(info_fields, info, out);
}

int
wire_info_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
               struct wire_info *ret_info)
{
    return fields_read(info_fields, json, WIRE_BODY_MAX, arena, err, ret_info,
                       sizeof(*ret_info));
}

void
wire_renew_put(const struct wire_renew *renew, struct jb_buf *out)
{
    fields_put(renew_fields, renew, out);
}

int
wire_renew_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                struct wire_renew *ret_renew)
{
    struct wire_renew renew;
    int rc = fields_read(renew_fields, json, WIRE_BODY_MAX, arena, err, &renew, sizeof(renew));

    for (size_t i = 0; !rc && i < renew.n; i++)
        rc = bad_id(renew.items[i].id, err);
    if (!rc)
        *ret_renew = renew;
    return rc;
}

void
wire_renewed_put(const struct wire_renewed *renewed, struct jb_buf *out)
{
    fields_put(renewed_fields, renewed, out);
}

int
wire_renewed_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                  struct wire_renewed *ret_renewed)
{
    struct wire_renewed renewed;
    int rc =
        fields_read(renewed_fields, json, WIRE_BODY_MAX, arena, err, &renewed, sizeof(renewed));

    for (size_t i = 0; !rc && i < renewed.n; i++)
        rc = bad_id(renewed.states[i].id, err);
    if (!rc)
        *ret_renewed = renewed;
    return rc;
}

void
wire_manifest_put(const struct wire_manifest *manifest, struct jb_buf *out)
{
    fields_put(manifest_fields, manifest, out);
}

int
wire_manifest_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                   struct wire_manifest *ret_manifest)
{
    struct wire_manifest m;
    int rc = fields_read(manifest_fields, json, WIRE_BODY_MAX, arena, err, &m, sizeof(m));

    if (!rc)
        rc = bad_id(m.id, err);
    if (!rc)
        rc = bad_hash(m.spec_hash, err);
    for (size_t i = 0; !rc && i < m.n; i++)
        rc = bad_hash(m.parts[i].sha256, err);
    if (!rc)
        *ret_manifest = m;
    return rc;
}

void
wire_drain_put(const struct wire_drain *drain, struct jb_buf *out)
{
    fields_put(drain_fields, drain, out);
}

int
wire_drain_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                struct wire_drain *ret_drain)
{
    return fields_read(drain_fields, json, WIRE_BODY_MAX, arena, err, ret_drain,
                       sizeof(*ret_drain));
}

void
wire_refusal_put(const struct wire_refusal *refusal, struct jb_buf *out)
{
    fields_put(refusal_fields, refusal, out);
}

int
wire_refusal_read(struct jb_str json, struct jb_arena *arena, struct jb_error *err,
                  struct wire_refusal *ret_refusal)
{
    return fields_read(refusal_fields, json, WIRE_BODY_MAX, arena, err, ret_refusal,
                       sizeof(*ret_refusal));
}
