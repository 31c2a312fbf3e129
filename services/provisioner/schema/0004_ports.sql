-- Each application answers at a port of its own, and each port has an address of its own.
alter table machines add column ports jsonb;
update machines set ports = coalesce(
    (select jsonb_object_agg(it, http_port) from unnest(applications) as it), '{}'
);
alter table machines alter column ports set not null;

alter table addresses add column guest_port integer;
update addresses set guest_port = case purpose when 'ssh' then 22 else machines.http_port end
from machines where machines.name = addresses.machine;
alter table addresses alter column guest_port set not null;
alter table addresses drop column purpose;
alter table addresses add unique (machine, guest_port);

-- A host leads to a port of a machine, or to what stands before the keys of objects in a store.
alter table routes add column guest_port integer;
update routes set guest_port = machines.http_port
from machines where machines.name = routes.machine;
alter table routes drop constraint routes_lead_to_one_place;
alter table routes add constraint routes_lead_to_one_place check (
    num_nonnulls(machine, media_url) = 1 and num_nonnulls(guest_port, media_url) = 1
);

alter table machines drop column applications;
alter table machines drop column http_port;
