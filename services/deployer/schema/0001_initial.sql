-- What deployer remembers: the latest wish per deployment, the facts that answer it, and the
-- generation that each machine was left with. Secrets are stored sealed, inside the facts.

create table deployments (
    deployment text primary key,
    -- The run of the latest wish; facts of other runs complete nothing.
    run text not null,
    -- Null when nothing is wanted any more.
    revision integer
);

create table facts (
    deployment text not null,
    revision integer not null,
    run text not null,
    name text not null check (name in ('DeploymentRequested', 'VMReady', 'StorageReady')),
    payload jsonb not null,
    primary key (deployment, revision, run, name)
);

create table generations (
    deployment text not null,
    machine text not null,
    number integer not null,
    system text not null,
    -- The boot for which secrets and permit were placed last.
    boot_id text not null,
    revision integer not null,
    run text not null,
    primary key (deployment, machine)
);

-- At most one live copy of an application: the epoch belongs to its host and rises when it moves.
create table epochs (
    domain text not null,
    host text not null,
    deployment text not null,
    epoch integer not null check (epoch > 0),
    primary key (domain, host)
);
