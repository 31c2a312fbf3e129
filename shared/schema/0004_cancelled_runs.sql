-- Runs that a person has cancelled. Their jobs end before the next step, and so do those that are
-- asked for later; rows go when the deployment's next run begins.

create table cancellations (
    run text primary key,
    deployment text not null,
    at timestamptz not null default now()
);
