-- What others were told of a finding, to tell them when it has become something else.
alter table findings add column told text not null default '';
update findings set told = message where is_told;
alter table findings drop column is_told;
