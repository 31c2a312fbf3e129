-- A machine without applications is removed by the watch, one of a removed deployment by its job.
alter table machines drop constraint machines_state_check;
alter table machines add constraint machines_state_check
    check (state in ('reserved', 'changing', 'ready', 'surplus', 'removing'));
