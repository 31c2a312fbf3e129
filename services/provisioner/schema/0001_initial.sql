-- The machines that are meant to be. A name is derived from deployment and number.
create table machines (
    name text primary key,
    deployment text not null,
    number integer not null,
    identity uuid not null unique,
    state text not null check (state in ('reserved', 'changing', 'ready', 'removing')),
    applications text[] not null,
    cpus integer not null,
    memory_mib integer not null,
    disk_gib integer not null,
    http_port integer not null,
    image_packages text[] not null,
    created_at timestamptz not null default now(),
    unique (deployment, number)
);

-- Who may listen where: an address is one machine's, for as long as the machine exists.
create table addresses (
    host text not null,
    port integer not null,
    machine text not null references machines on delete cascade,
    purpose text not null check (purpose in ('ssh', 'http')),
    primary key (host, port),
    unique (machine, purpose)
);

-- What a revision publishes. ConfigDeployed says that it runs, not under which names.
create table hosts (
    deployment text not null,
    revision integer not null,
    application text not null,
    host text not null,
    is_routed boolean not null,
    primary key (deployment, revision, host)
);

-- The names that are meant to lead to the edge.
create table records (
    host text primary key,
    deployment text not null,
    checked_at timestamptz not null default now()
);
create index records_by_age on records (checked_at);

-- What the edge is meant to route. A host belongs to one deployment.
create table routes (
    host text primary key,
    deployment text not null,
    application text not null,
    machine text not null references machines on delete cascade
);
