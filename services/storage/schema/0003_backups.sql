-- Backups, and the loans by which deployments are restored from them. A row exists before its
-- bucket or holder does and until after that is gone, so that nothing in a store is unknown here.

create table backups (
    id text primary key,
    -- What it was made of; it outlives that.
    deployment text not null,
    operator text not null,
    revision integer not null,
    -- The run that makes it.
    run text not null,
    -- Name of the object store in the provider configuration.
    store text not null,
    state text not null check (
        state in ('requested', 'exporting', 'complete', 'failed', 'removing')),
    -- What was asked for, application by application.
    applications jsonb not null,
    taken_at timestamptz not null default now(),
    -- What opens its bucket while a machine writes to it; sealed to deployer.
    access_key_id text,
    sealed_secret text,
    -- What deployer said of the export, secrets sealed to it included.
    saved jsonb not null default '[]',
    -- Of a complete one: the SHA-256 of its index, what a person reads of it, what it takes.
    index_sha256 text not null default '',
    summary jsonb not null default '[]',
    bytes bigint not null default 0,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create index backups_of_deployments on backups (deployment);

create table loans (
    -- The deployment that is restored.
    deployment text not null,
    backup text not null references backups (id),
    -- The run that restores it.
    run text not null,
    state text not null check (state in ('wanted', 'lent', 'over')),
    -- What is to be restored, application by application.
    applications jsonb not null,
    -- What opens the backup for reading; sealed to deployer.
    access_key_id text,
    sealed_secret text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (deployment, backup)
);

create index loans_of_backups on loans (backup);
