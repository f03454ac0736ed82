-- Idempotency keys of starts whose document is being fetched: a repeat in the
-- meantime is told so, and fetches nothing.

create table assess.idempotency_held (
    tenant      text not null,
    key         bytea not null check (length(key) between 1 and 255),

    -- The fetch that holds it; one that died holds it until this time.
    holder      uuid not null,
    expires_at  timestamptz not null,

    primary key (tenant, key)
);
