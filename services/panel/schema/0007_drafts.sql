-- New deployments that somebody is still describing; nothing of them is reserved.

create table drafts (
    id text primary key,
    operator text not null references operators (id),
    domain text not null,
    -- Application, host, what stands in its form, and secrets that were sealed when they were given.
    applications jsonb not null default '[]',
    version integer not null default 1,
    created_at timestamptz not null default now(),
    saved_at timestamptz not null default now(),
    saved_by text not null references people (id),
    -- What it became; it is not changed any more then.
    deployment text references deployments (id),
    run text references runs (id)
);

create index drafts_by_operator on drafts (operator, id);
