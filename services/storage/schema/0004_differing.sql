-- What was in the deployment's buckets and not in the backup, or otherwise, when it was lent: bucket →
-- key → ETag. A restore touches nothing that has come since.
alter table loans add column differing jsonb not null default '{}';
