-- The edge says that an application stands still, instead of asking it.
alter table routes add column in_maintenance boolean not null default false;
