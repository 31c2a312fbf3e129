-- A revision has a host of its own for the public objects of an application.
alter table hosts add column is_media boolean not null default false;

-- A host leads to a machine, or to what stands before the keys of objects in a store.
alter table routes alter column machine drop not null;
alter table routes add column media_url text;
alter table routes add constraint routes_lead_to_one_place
    check (num_nonnulls(machine, media_url) = 1);
