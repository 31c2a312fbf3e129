-- Long work: leased rows with named steps, and watches without end.
-- Leases use the database's time; no other clock decides who may work.

create table jobs (
    id text primary key,
    kind text not null,
    deployment text not null,
    revision integer not null,
    run text not null,
    arguments jsonb not null,
    state text not null check (state in ('queued', 'running', 'done', 'failed', 'abandoned')),
    -- The step that is being done, or will be done next; null before the first.
    step text,
    -- What the steps of this run recorded, by step.
    results jsonb not null default '{}',
    -- What each step recorded last, in whichever run: the claim a new run verifies.
    previous jsonb not null default '{}',
    -- How often the current step was begun, and since when.
    attempt integer not null default 0,
    step_since timestamptz,
    -- How often a step has sent this run's job back.
    reentries integer not null default 0,
    -- A new run asked for the same work while it was being done.
    rearmed boolean not null default false,
    -- The run this work belongs to has been overtaken.
    abandoned boolean not null default false,
    lease_holder text,
    lease_until timestamptz,
    -- Rises with every claim: a worker that lost its lease cannot write any more.
    epoch bigint not null default 0,
    cause text,
    traceparent text,
    failure jsonb,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (kind, deployment, revision)
);

create unique index one_running_job_per_deployment on jobs (deployment) where state = 'running';
create index jobs_to_claim on jobs (created_at) where state in ('queued', 'running');

create table watches (
    kind text not null,
    deployment text not null,
    next_at timestamptz not null default now(),
    lease_until timestamptz,
    primary key (kind, deployment)
);
