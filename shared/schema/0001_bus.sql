-- What makes delivery count once, and publishing survive anything: written in the transaction
-- of the change they belong to.

create table outbox (
    -- Unlike the id it says in which order the rows were written.
    position bigint generated always as identity primary key,
    id text not null unique,
    subject text not null,
    type text not null,
    run text,
    -- Id of the message that led to this one.
    cause text,
    -- The span that wrote the row: the relay continues it and starts no trace of its own.
    traceparent text,
    payload bytea not null,
    created_at timestamptz not null default now()
);

create table inbox (
    consumer text not null,
    message text not null,
    at timestamptz not null default now(),
    primary key (consumer, message)
);

create table dead_letters (
    id text primary key,
    stream text not null,
    sequence bigint not null,
    subject text not null,
    -- Not jsonb: what could not be handled may hold what jsonb refuses, such as NUL.
    headers json not null,
    payload bytea not null,
    -- What could be read of it; empty where nothing could.
    message text not null,
    event text not null,
    deployment text not null,
    run text,
    reason text not null,
    replays integer not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
