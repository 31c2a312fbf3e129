-- A database in which there is some of everything that is hard to carry.
create schema odd;
create schema "Empty ""schema""";
create type colour as enum ('red', 'green', 'sea blue');
create type pair as (a int, b text);
create domain positive as int check (value > 0);
create function shout(t text) returns text language sql immutable as $$ select upper(t) $$;
create function note_change() returns trigger language plpgsql as $$
begin
  insert into public.journal (what) values (tg_table_name || ': ' || new.id);
  return new;
end $$;

create table journal (id bigint generated always as identity primary key, what text);
create table kinds (
  id serial primary key,
  c colour, p pair, d positive, small smallint, large bigint, n numeric, r real, f double precision,
  m money, b boolean, ch char(5), vc varchar(20), t text, by bytea, u uuid, j json, jb jsonb,
  da date, ti time, tz timetz, ts timestamp, tsz timestamptz, iv interval, bi bit(5), vb varbit,
  ip inet, ci cidr, ma macaddr, po point, li line, bo box, pa path, pg polygon, cr circle,
  ir int4range, nr numrange, im int4multirange, tv tsvector, tq tsquery, xi xid8, lsn pg_lsn,
  rc regclass, ca "char", na name, oi oid, ia int[], ta text[][], ea colour[], ja jsonb[], pb pair[]
);
insert into kinds (c, p, d, small, large, n, r, f, m, b, ch, vc, t, by, u, j, jb, da, ti, tz, ts, tsz, iv,
  bi, vb, ip, ci, ma, po, li, bo, pa, pg, cr, ir, nr, im, tv, tq, xi, lsn, rc, ca, na, oi, ia, ta, ea, ja, pb)
values
  ('sea blue', row(1, E'a\t"b"\n\\N'), 3, -32768, 9223372036854775807, 'NaN', 1e-30, 'Infinity',
   '-12.34', true, 'a', 'ö', E'tab\t newline\n return\r back\\slash \\. \\N 😀', '\x00ff0a5c00',
   '00000000-0000-4000-8000-000000000001', '{"a" : 1,  "a": 2}', '{"b": [1, null, "x"], "a": 1.10}',
   '4713-01-01 BC', '24:00', '12:00+05:30', 'infinity', '1900-01-01 00:00:00.000001+00',
   '1 year -2 days 3.000001 seconds', '10101', '1', '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03',
   '(0.1,1e300)', '{1,-1,0}', '((0,0),(1,1))', '[(0,0),(1,2)]', '((0,0),(1,0),(0,1))', '<(0,0),3>',
   '[1,5)', '(,3.5]', '{[1,2),[5,7)}', 'a:1A fat:2 cat', 'fat & (rat | !cat)', '42', '16/B374D848',
   'journal', 'x', 'a name', 17, '{1,NULL,3}', '{{a,"b c"},{"",NULL}}', '{red,"sea blue"}',
   array['{"x": 1}'::jsonb, null], array[row(1, 'x')::pair, row(null, null)::pair]),
  (null, null, null, null, null, 1234567890123456789012345678901234567890.123456789, 'NaN', 0.1,
   null, false, '', '', '', '', null, 'null', 'null', 'infinity', null, null, null, '-infinity', null,
   null, '', null, null, null, null, null, null, null, null, null, 'empty', null, '{}', '', '', null,
   null, null, null, null, null, '{}', '{}', '{}', '{}', '{}');

create table "odd"."Table 1" ("Column "" 1" int primary key, "select" text default 'x', "é%s'" text);
insert into odd."Table 1" select i, chr(64 + i % 26), repeat('''', i) from generate_series(1, 50) i;
create sequence odd."Sequence 1" start 1000 increment 21;
select nextval('odd."Sequence 1"'), nextval('odd."Sequence 1"');
create sequence never_called start 7;

create table many (id int primary key, t text);
insert into many select i, repeat(md5(i::text), 40) from generate_series(1, 1000) i;
delete from many where id % 2 = 0;
insert into many select i, md5(i::text) from generate_series(2000, 2499) i;
create table wide (id int primary key, t text);
-- Stored outside of the table, so that few pages hold much more than they are long.
alter table wide alter t set storage external;
insert into wide select i, repeat(md5(i::text), 30000) from generate_series(1, 15) i;
alter table wide add gone int default 3;
alter table wide drop gone;

create table generated (base int primary key, doubled int generated always as (base * 2) stored, note text);
insert into generated (base, note) select i, shout('n' || i) from generate_series(1, 100) i;
create table only_generated (always_one int generated always as (1) stored);
insert into only_generated default values;
create table zero_columns ();
insert into zero_columns default values;
insert into zero_columns default values;
insert into zero_columns default values;
insert into zero_columns default values;
create table empty_table (id int primary key, t text);
create table no_key (a int, b text);
insert into no_key values (1, 'twice'), (1, 'twice'), (2, null);
create unlogged table unlogged (id int primary key);
insert into unlogged values (1), (2);
create table cache (key text primary key);
insert into cache values ('a'), ('b');

create table parted (id int, made date, t text, primary key (id, made)) partition by range (made);
create table parted_old partition of parted for values from (minvalue) to ('2020-01-01');
create table parted_new partition of parted for values from ('2020-01-01') to (maxvalue) partition by list (id);
create table parted_new_one partition of parted_new for values in (1);
create table parted_new_rest partition of parted_new default;
insert into parted select i % 3, date '2019-06-01' + i * 10, 'p' || i from generate_series(1, 60) i;
create table parent (id int primary key, t text);
create table child (more text) inherits (parent);
insert into parent values (1, 'parent');
insert into child values (2, 'child', 'more');

create table hen (id int primary key, egg int not null);
create table egg (id int primary key, hen int not null references hen deferrable initially deferred);
alter table hen add foreign key (egg) references egg deferrable initially deferred;
begin;
insert into hen values (1, 10), (2, 20);
insert into egg values (10, 1), (20, 2);
commit;

create table things (id int primary key, c colour, t text);
create trigger things_changed after insert on things for each row execute function note_change();
insert into things values (1, 'red', 'apple'), (2, 'green', 'leaf'), (3, 'sea blue', 'sea');
create index things_t on things (lower(t)) where c <> 'red';
create view red_things as select id, t from things where c = 'red';
create materialized view things_by_colour as select c, count(*) from things group by c;
create materialized view things_summed as select sum(count) from things_by_colour;
create materialized view never_filled as select 1 as one with no data;
create unique index on things_by_colour (c);
create rule no_delete as on delete to things do instead nothing;
alter table things enable row level security;
create policy everybody on things using (true);
comment on table things is 'It''s a table;
--
-- Name: trap; Type: TABLE
--
with a comment';
create statistics things_statistics on c, t from things;
create collation odd.plain (provider = libc, locale = 'POSIX');

select lo_from_bytea(0, '\x00010203ff');
select lo_from_bytea(0, '');
select lo_from_bytea(987654, decode(repeat(md5('a'), 80000), 'hex'));
