-- What the hosting provider decides about everybody, and what it has to look after.

-- How much of everything an operator may have; null: as much as there is.
create table quotas (
    operator text primary key references operators (id),
    version integer not null,
    deployments integer,
    applications integer,
    -- Disks of machines and quotas of buckets, as applications ask for them.
    storage_gib integer,
    set_at timestamptz not null default now(),
    set_by text not null references people (id)
);

-- Applications of the catalogue that nobody can choose anew.
create table withheld_applications (
    application text primary key,
    reason text not null,
    withheld_at timestamptz not null default now(),
    withheld_by text not null references people (id)
);

-- What every page says at its top; one at most.
create table notices (
    is_the_one boolean primary key default true check (is_the_one),
    message text not null,
    set_at timestamptz not null default now(),
    set_by text not null references people (id)
);

-- Machines as provisioner told of them last.
create table known_machines (
    machine text primary key,
    deployment text not null references deployments (id),
    -- The run that told it: what a later run tells is newer.
    run text not null,
    applications text[] not null,
    ssh_address text not null,
    http_address text not null,
    told_at timestamptz not null default now()
);

create index known_machines_by_deployment on known_machines (deployment);
create index runs_unfinished on runs (id) where ended_at is null;
create index runs_failed on runs (ended_at) where state = 'failed';
