-- What was found when somebody looked at the records of a domain.

alter table domains
add column checked_at timestamptz,
add column findings jsonb;
