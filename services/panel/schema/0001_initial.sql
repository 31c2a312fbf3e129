-- Who uses the panel, what operators want, and what became of it.

create table operators (
    id text primary key,
    name text not null unique,
    -- The newest number given to one of its runs.
    last_run_number integer not null default 0,
    created_at timestamptz not null default now()
);

create table people (
    id text primary key,
    name text not null,
    created_at timestamptz not null default now()
);

create table memberships (
    person text not null references people (id),
    operator text not null references operators (id),
    role text not null check (role in ('owner', 'editor', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (person, operator)
);

create table tokens (
    id text primary key,
    person text not null,
    operator text not null,
    name text not null,
    -- SHA-256 of the token; the token itself is shown once and kept nowhere.
    digest bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    foreign key (person, operator) references memberships (person, operator)
);

-- A domain belongs to one operator, together with every name below it.
create table domains (
    name text primary key,
    operator text not null references operators (id),
    created_at timestamptz not null default now()
);

create table deployments (
    id text primary key,
    operator text not null references operators (id),
    domain text not null,
    version integer not null default 1,
    deployed_revision integer,
    -- What leads to its applications from outside, as provisioner published it.
    routes jsonb not null default '[]',
    created_at timestamptz not null default now(),
    removal_requested_at timestamptz,
    removed_at timestamptz
);

create index deployments_by_operator on deployments (operator, id);

-- Hosts in use or reserved: one application each, whoever it belongs to.
create table hosts (
    host text primary key,
    deployment text not null references deployments (id),
    application text not null
);

create index hosts_by_deployment on hosts (deployment);

-- What is staged: one per deployment, replaced by the next.
create table configurations (
    deployment text primary key references deployments (id),
    version integer not null,
    applications jsonb not null,
    staged_at timestamptz not null default now(),
    staged_by text not null references people (id)
);

-- What was or will be deployed; a row never changes but for deployed_at.
create table revisions (
    deployment text not null references deployments (id),
    number integer not null,
    -- The version of the staged configuration it was made of.
    configuration integer not null,
    applications jsonb not null,
    resources jsonb not null,
    created_at timestamptz not null default now(),
    created_by text not null references people (id),
    deployed_at timestamptz,
    primary key (deployment, number)
);

create table runs (
    id text primary key,
    operator text not null references operators (id),
    number integer not null,
    deployment text not null references deployments (id),
    kind text not null,
    revision integer,
    state text not null,
    requested_by text not null references people (id),
    created_at timestamptz not null default now(),
    started_at timestamptz,
    ended_at timestamptz,
    failure jsonb,
    receipt jsonb,
    changed boolean,
    -- The dead letter that keeps this run from going on.
    held_by text,
    retry_of text references runs (id),
    -- Number of its newest event.
    sequence integer not null default 0,
    -- How far the stream of progress was read for it: what comes again is told from what is new.
    progress_place bigint not null default 0,
    traceparent text,
    unique (operator, number),
    foreign key (deployment, revision) references revisions (deployment, number)
);

-- Two runs of one deployment at once cannot be written down.
create unique index one_active_run_per_deployment on runs (deployment)
where state in ('running', 'cancelling');
create index runs_by_deployment on runs (deployment, id);

create table run_steps (
    run text not null references runs (id),
    position integer not null,
    service text not null,
    name text not null,
    status text not null,
    attempt integer not null default 0,
    started_at timestamptz,
    ended_at timestamptz,
    done bigint,
    total bigint,
    unit text,
    -- Its service has said that it is over: late progress changes nothing any more.
    settled boolean not null default false,
    primary key (run, position),
    unique (run, service, name)
);

create table run_events (
    run text not null references runs (id),
    sequence integer not null,
    at timestamptz not null default now(),
    kind text not null,
    body jsonb not null,
    primary key (run, sequence)
);

-- The same key on the same route gets the answer that the first request got.
create table idempotency_keys (
    token text not null references tokens (id),
    route text not null,
    key text not null,
    body_digest bytea not null,
    answer jsonb,
    created_at timestamptz not null default now(),
    primary key (token, route, key)
);

create table audit (
    id text primary key,
    at timestamptz not null default now(),
    person text references people (id),
    token text references tokens (id),
    operator text references operators (id),
    action text not null,
    object text not null,
    details jsonb not null default '{}'
);

-- Dead letters of the other services, as they announced them; panel's own are in `dead_letters`.
create table announced_dead_letters (
    id text primary key,
    service text not null,
    deployment text not null,
    run text,
    message text not null,
    event text not null,
    reason text not null,
    state text not null check (state in ('waiting', 'replayed', 'discarded')),
    announced_at timestamptz not null default now(),
    decided_at timestamptz
);

create index announced_dead_letters_by_state on announced_dead_letters (state, id);
