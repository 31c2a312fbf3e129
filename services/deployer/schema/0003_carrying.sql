-- What deployer remembers while it carries the state of applications to buckets and back.

-- The epoch that a machine was started under, and why it was not started again, if it was not.
alter table generations add column epoch integer not null default 1;
alter table generations add column refusal text not null default '';

-- The password of an export's files: made before anything is written with it, and the same
-- whenever the export goes on.
create table exports (
    deployment text not null,
    export text not null,
    -- To deployer itself.
    sealed_password text not null,
    primary key (deployment, export)
);

-- An import that has begun to change things and is not settled: it is completed or taken back.
create table imports (
    deployment text primary key,
    export text not null,
    run text not null,
    applications text[] not null,
    -- The new state is the one that counts; what was set aside only has to be removed.
    is_accepted boolean not null default false
);

-- The secrets from before an import, until it is settled.
create table exchanges (
    deployment text primary key
);
create table earlier_secrets (
    deployment text not null references exchanges on delete cascade,
    application text not null,
    name text not null,
    kind text not null,
    sealed text not null,
    fingerprint text not null,
    created_at timestamptz not null,
    announced_at timestamptz,
    primary key (deployment, application, name)
);
