-- A job whose end cannot be written is stuck: it waits for a person, as a dead letter does.

alter table jobs drop constraint jobs_state_check;
alter table jobs add constraint jobs_state_check
check (state in ('queued', 'running', 'stuck', 'done', 'failed', 'abandoned'));
-- The dead letter under which a stuck job was announced.
alter table jobs add column letter text unique;
