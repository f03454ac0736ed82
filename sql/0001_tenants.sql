-- Companies and their users.  Both are made by the first write of one who
-- is let in: who that may be is decided in front of us, not here.

-- Times leave the database as whole milliseconds since 1970.
create function assess.ms(timestamptz) returns bigint
    language sql immutable strict parallel safe
    return floor(extract(epoch from $1) * 1000)::bigint;

create table assess.companies (
    tenant      text primary key
                check (octet_length(tenant) between 1 and 128),
    created_at  timestamptz not null default now()
);

create table assess.users (
    tenant      text not null references assess.companies,
    user_name   text not null check (octet_length(user_name) between 1 and 512),
    created_at  timestamptz not null default now(),
    primary key (tenant, user_name)
);
