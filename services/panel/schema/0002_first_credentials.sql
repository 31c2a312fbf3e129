-- How operators sign in to applications for the first time, until they were told.

create table first_credentials (
    deployment text not null references deployments (id),
    application text not null,
    -- The run that told it: what a later run tells is newer.
    run text not null,
    username text not null,
    -- To panel itself; null once it was revealed, which happens once.
    sealed_password text,
    received_at timestamptz not null default now(),
    primary key (deployment, application)
);
