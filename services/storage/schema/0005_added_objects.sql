-- What a restore adds to the deployment's buckets before its import: written down before it is there,
-- so that a restore that is taken back takes away what it has added, and nothing else.
create table added_objects (
    deployment text not null,
    backup text not null,
    bucket text not null,
    key text not null,
    -- That of the copy: an object with another one has been replaced since.
    etag text not null,
    primary key (deployment, backup, bucket, key),
    foreign key (deployment, backup) references loans (deployment, backup) on delete cascade
);
