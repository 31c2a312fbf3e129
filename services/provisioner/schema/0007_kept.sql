-- A machine that no application of the revision that runs is on waits, in case one of them returns.
alter table machines add column kept_until timestamptz;
alter table machines drop constraint machines_state_check;
alter table machines add constraint machines_state_check
    check (state in ('reserved', 'changing', 'ready', 'kept', 'surplus', 'removing'));
alter table machines add constraint machines_are_kept_until_a_moment
    check (kept_until is not null or state <> 'kept');
