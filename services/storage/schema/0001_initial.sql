-- Buckets and the keys that were announced. A row exists before its bucket does and until after it
-- is gone, so that nothing in a store is ever unknown here.

create table buckets (
    -- fdv-<deployment>-<application>-<purpose>, also the name of the bucket's holder.
    name text primary key,
    deployment text not null,
    application text not null,
    purpose text not null,
    -- Name of the object store in the provider configuration.
    store text not null,
    quota_gib integer,
    state text not null check (
        state in ('requested', 'creating', 'ready', 'unused', 'removing', 'kept')),
    kept_until timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (deployment, application, purpose)
);

create table access_keys (
    bucket text primary key references buckets (name) on delete cascade,
    id text not null,
    -- Sealed to deployer; storage cannot read it again.
    sealed_secret text not null,
    created_at timestamptz not null default now()
);
