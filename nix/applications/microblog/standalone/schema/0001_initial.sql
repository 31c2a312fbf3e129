-- What the blog says, who listens, and what still has to be said to them.

create table posts (
    id text primary key,
    text text not null,
    alt text not null,
    -- The operator's own domain: the store behind it can change, what others have saved cannot.
    picture text,
    picture_type text,
    published_at timestamptz not null default now()
);
create index posts_newest on posts (published_at desc, id desc);

-- Pictures that lie in the bucket, or may, while no post names them.
create table uploads (
    key text primary key,
    begun_at timestamptz not null default now()
);

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

-- Servers from which somebody follows; when nobody does any more, everything about one goes.
create table hosts (
    host text primary key,
    failures int not null default 0,
    failing_since timestamptz,
    answered_at timestamptz,
    -- Of the first delivery that waits; null: none does.
    due_at timestamptz
);
create index hosts_due on hosts ((failures > 0), due_at);

create table followers (
    actor text primary key,
    host text not null references hosts on delete cascade,
    inbox text not null,
    shared_inbox text,
    follow text not null
);
create index followers_host on followers (host);

-- A post, or the body of anything else. They have no size of their own, so that there can be many.
create table deliveries (
    id bigint generated always as identity primary key,
    host text not null references hosts on delete cascade,
    inbox text not null,
    post text references posts on delete cascade,
    body text,
    check ((post is null) <> (body is null))
);
create index deliveries_host on deliveries (host, id);

-- A signed request is good for some minutes and one time. No backup carries these.
create table seen_signatures (
    hash bytea primary key,
    seen_at timestamptz not null default now()
);
create index seen_signatures_oldest on seen_signatures (seen_at);
