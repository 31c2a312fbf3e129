-- What the blog says, who listens, and what still has to be said to them.

create table posts (
    id text primary key,
    text text not null,
    alt text not null,
    -- The operator's own domain: the store behind it can change, what others have saved cannot.
    picture_url text,
    picture_key text,
    picture_type text,
    published_at timestamptz not null default now()
);
create index posts_newest on posts (published_at desc, id desc);

-- Readable only with the secret column-key.
create table drafts (
    id text primary key,
    sealed bytea not null,
    created_at timestamptz not null default now()
);

create table profile (
    single boolean primary key default true check (single),
    avatar text
);
insert into profile (avatar) values (null);

-- One row per secret that belongs to this data: a new one in its place is noticed.
create table secret_proofs (
    name text primary key,
    proof bytea not null
);

create table followers (
    actor text primary key,
    inbox text not null,
    shared_inbox text,
    host text not null,
    follow text not null,
    followed_at timestamptz not null default now()
);

create table deliveries (
    id bigint generated always as identity primary key,
    inbox text not null,
    host text not null,
    body text not null,
    attempts int not null default 0,
    due_at timestamptz not null default now()
);
create index deliveries_due on deliveries (due_at);
create index deliveries_host on deliveries (host);
