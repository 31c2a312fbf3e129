-- Where anybody may read the bucket's objects; null: nowhere.
alter table buckets add column public_host text;
