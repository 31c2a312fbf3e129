-- What people and programs are told: in the panel, by e-mail, and by webhooks.

create table webhook_endpoints (
    id text primary key,
    operator text not null references operators (id),
    url text not null,
    description text not null,
    -- The types of happenings that are sent there.
    types text[] not null,
    version integer not null default 1,
    created_at timestamptz not null,
    -- Since when no delivery has succeeded, while some have failed.
    failing_since timestamptz,
    disabled_at timestamptz,
    disabled_reason text not null default ''
);

create index webhook_endpoints_by_operator on webhook_endpoints (operator, id);

-- What signs the messages to an endpoint: the newest key, and one before it during a rotation.
create table webhook_keys (
    id text primary key,
    endpoint text not null references webhook_endpoints (id) on delete cascade,
    -- Secret and private key, sealed to panel itself.
    sealed text not null,
    public_key text not null,
    created_at timestamptz not null,
    -- Null: the current one.
    expires_at timestamptz
);

create index webhook_keys_by_endpoint on webhook_keys (endpoint);

-- How many happenings about one object were sent, so that of two the newer can be told.
create table happening_sequences (
    object text primary key,
    sequence bigint not null
);

create table webhook_messages (
    -- The `webhook-id` of every attempt.
    id text primary key,
    operator text not null references operators (id),
    type text not null,
    -- As it is signed and sent, byte for byte.
    body bytea not null,
    created_at timestamptz not null
);

create index webhook_messages_by_time on webhook_messages (created_at);

create table webhook_deliveries (
    id text primary key,
    endpoint text not null references webhook_endpoints (id) on delete cascade,
    message text not null references webhook_messages (id) on delete cascade,
    state text not null check (state in ('waiting', 'delivered', 'failed')),
    attempt integer not null default 0,
    created_at timestamptz not null,
    next_at timestamptz,
    -- Until when it is in the hands of one process.
    lease_until timestamptz,
    last_at timestamptz,
    -- Of the last attempt: status, beginning of the answer, how long it took.
    answer jsonb
);

create index webhook_deliveries_due on webhook_deliveries (next_at) where state = 'waiting';
create index webhook_deliveries_by_endpoint on webhook_deliveries (endpoint, id);
create index webhook_deliveries_by_message on webhook_deliveries (message);

create table notifications (
    id text primary key,
    person text not null references people (id),
    operator text not null references operators (id),
    type text not null,
    -- What it is about, as in the body of a webhook, and what people are told besides.
    data jsonb not null,
    words jsonb not null default '{}',
    -- Whether it is listed in the panel; else it is only sent by e-mail.
    listed boolean not null default true,
    created_at timestamptz not null,
    read_at timestamptz
);

create index notifications_by_person on notifications (person, operator, id);
create index notifications_unread on notifications (person, operator) where read_at is null and listed;
create index notifications_by_time on notifications (created_at);

-- What a person decided; everything else is as it is for everybody.
create table notification_choices (
    person text not null references people (id),
    topic text not null,
    channel text not null check (channel in ('bell', 'email')),
    wanted boolean not null,
    primary key (person, topic, channel)
);

-- Notifications on their way to somebody's mailbox.
create table mails (
    id text primary key,
    notification text not null references notifications (id) on delete cascade,
    state text not null check (state in ('waiting', 'sent', 'failed')),
    attempt integer not null default 0,
    created_at timestamptz not null,
    next_at timestamptz,
    lease_until timestamptz,
    -- Why the last attempt did not succeed.
    reason text not null default ''
);

create index mails_due on mails (next_at) where state = 'waiting';
create index mails_by_notification on mails (notification);
