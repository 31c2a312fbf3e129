-- What looks back at runs: an operator's newest, and how long those of a kind took.

create index runs_by_operator on runs (operator, id);
create index runs_succeeded_by_kind on runs (kind, id) where state = 'succeeded';
