-- How the applications of deployments are.

-- Those that are to stand still.
create table pauses (
    deployment text primary key,
    since timestamptz not null default now()
);

-- What looks at them have shown to be wrong.
create table findings (
    deployment text not null,
    application text not null,
    kind text not null check (kind in ('unit', 'http', 'disk', 'certificate')),
    message text not null,
    since timestamptz not null,
    seen integer not null,
    missed integer not null,
    is_told boolean not null,
    primary key (deployment, application, kind)
);

-- What runs already is looked after from now on.
insert into watches (kind, deployment)
select 'health', deployment from watches where kind = 'contents'
on conflict do nothing;
