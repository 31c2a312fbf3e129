-- What applications keep secret: made once, and the same until the deployment is removed. Restored
-- or moved data can only be read with the values of then.

create table application_secrets (
    deployment text not null,
    application text not null,
    name text not null,
    -- How the value was made, as its package said then.
    kind text not null,
    -- To deployer itself.
    sealed text not null,
    -- SHA-256 of the value: shows whether two are the same, and nothing else.
    fingerprint text not null,
    created_at timestamptz not null default now(),
    -- When an operator was told; null for what nobody has to be told.
    announced_at timestamptz,
    primary key (deployment, application, name)
);
