-- What runs, which is not what answered from outside: applications run before they can be reached.

alter table deployments
add column running_revision integer,
-- The run that brought it there; what is said of an earlier one later changes nothing.
add column running_since_run text;

-- What ran and never answered is known again with the next deploy.
update deployments set running_revision = deployed_revision;
