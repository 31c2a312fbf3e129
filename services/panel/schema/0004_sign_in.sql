-- How people sign in, stay signed in, let others in, and what is written down about it.

alter table people
-- What one signs in with, in small letters; null until it was chosen.
add column email text unique,
-- argon2id, with its parameters and salt; null until it was chosen.
add column password text,
add column password_set_at timestamptz,
-- Of the app that makes one-time codes, sealed to panel itself; null without such an app.
add column totp_secret text,
-- The newest 30 seconds whose code was used: no code is good twice.
add column totp_counter bigint not null default 0,
-- Acts for the hosting provider as well.
add column is_provider boolean not null default false,
-- As this person reads: a language tag and a zone of the IANA database; null: as the browser says.
add column language text,
add column time_zone text;

-- A membership that has ended stays: revisions and the audit trail name who it was.
alter table memberships add column ended_at timestamptz;

create table sessions (
    id text primary key,
    person text not null,
    -- The one the person acts for at the moment.
    operator text not null,
    -- SHA-256 of what the cookie holds; that itself is kept nowhere.
    digest bytea not null unique,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    -- When the person last proved who they are.
    confirmed_at timestamptz not null default now(),
    ended_at timestamptz,
    address text,
    -- How the browser calls itself.
    agent text,
    foreign key (person, operator) references memberships (person, operator)
);

create index sessions_by_person on sessions (person) where ended_at is null;

-- Codes that let somebody in once: printed by the provider, or between password and second factor.
create table sign_in_codes (
    -- SHA-256 of the code.
    digest bytea primary key,
    person text not null,
    operator text not null,
    purpose text not null check (purpose in ('sign_in', 'second_factor')),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz,
    foreign key (person, operator) references memberships (person, operator)
);

create table recovery_codes (
    person text not null references people (id),
    -- SHA-256 of the code.
    digest bytea not null,
    used_at timestamptz,
    primary key (person, digest)
);

-- Attempts to sign in, counted before each is looked at. Whose they were is kept as a digest.
create table sign_in_attempts (
    bucket bytea primary key,
    attempts integer not null,
    newest_at timestamptz not null default now()
);

create index sign_in_attempts_by_time on sign_in_attempts (newest_at);

create table invitations (
    id text primary key,
    operator text not null references operators (id),
    role text not null check (role in ('owner', 'editor', 'viewer')),
    -- Whom it was meant for, as the inviting person wrote it.
    email text not null,
    -- SHA-256 of the code in its link.
    digest bytea not null unique,
    invited_by text not null references people (id),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    accepted_at timestamptz,
    accepted_by text references people (id),
    revoked_at timestamptz
);

create index invitations_by_operator on invitations (operator, id);

create index tokens_by_operator on tokens (operator, id);

-- Sessions do work once as tokens do: `token` holds the id of either.
alter table idempotency_keys drop constraint idempotency_keys_token_fkey;

alter table audit
add column session text references sessions (id),
-- Where it was asked from, and the request that did it.
add column address text,
add column request text;

create index audit_by_operator on audit (operator, id);
create index audit_by_person on audit (person, id);
