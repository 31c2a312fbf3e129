-- The doors to the world that an application of a revision may use while it is reached from outside.
alter table hosts add column doors text[] not null default '{}';
