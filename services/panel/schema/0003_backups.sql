-- What is kept of deployments apart from them, and what they are besides deployed.

alter table deployments
-- Since when its applications stand still because a person wished so.
add column paused_at timestamptz,
-- What deployer found to be wrong, and when: the newest finding counts.
add column ailments jsonb not null default '[]',
add column ailing_at timestamptz;

alter table revisions add column mode text not null default 'active';

create table backups (
    -- That of the run that makes it.
    id text primary key references runs (id),
    operator text not null references operators (id),
    -- What it was made of, which may be removed by now: its revision says how it was configured.
    deployment text not null references deployments (id),
    revision integer,
    -- Application, version and buckets that were asked to be saved.
    applications jsonb not null default '[]',
    state text not null check (state in ('making', 'complete', 'failed', 'removing', 'removed')),
    -- Made by a restore of what it was about to replace.
    automatic boolean not null,
    -- The run that worked on it last.
    run text not null references runs (id),
    created_at timestamptz not null default now(),
    taken_at timestamptz,
    bytes bigint,
    -- What is in it, as storage counted it.
    content jsonb not null default '[]',
    foreign key (deployment, revision) references revisions (deployment, number)
);

create index backups_by_deployment on backups (deployment, id);
create index backups_by_operator on backups (operator, id);

alter table runs
-- The run that has to succeed before this one begins.
add column after text references runs (id),
-- The backup that it makes, brings back or takes away; one that it makes is written after it.
add column backup text references backups (id) deferrable initially deferred;

create index runs_by_predecessor on runs (after) where after is not null;
create index runs_by_backup on runs (backup) where backup is not null;
