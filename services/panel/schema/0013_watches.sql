-- What is looked at again and again: the records of domains, and the age of backups.

alter table domains
-- Whether all records were right, as it was told last; and since when looks found the opposite.
add column is_right boolean not null default false,
add column doubted_at timestamptz,
-- When all records were last seen to be right.
add column good_at timestamptz,
-- When they are looked at again.
add column recheck_at timestamptz not null default now() + interval '5 minutes';

-- Not all at once: what is there already gets its turn within some hours.
update domains set recheck_at = now() + random() * interval '6 hours';

create index domains_by_recheck on domains (recheck_at);

-- When people were told that there is no newer one.
alter table backups add column stale_told_at timestamptz;

create index backups_complete on backups (deployment, taken_at) where state = 'complete';

-- How many backups an operator may keep; null: as many as there is room for.
alter table quotas add column backups integer;
