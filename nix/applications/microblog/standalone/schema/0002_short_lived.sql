-- What no backup carries: who is signed in, and which signed requests have been seen.

create table sessions (
    token_hash bytea primary key,
    expires_at timestamptz not null
);

-- A signed request is good for some minutes and one time.
create table seen_signatures (
    hash bytea primary key,
    seen_at timestamptz not null default now()
);
create index seen_signatures_oldest on seen_signatures (seen_at);
