-- Large evidence may lie in a bucket: then content is null, place says in which, and
-- size how large it is. A place without a size is one where it may lie: it is being
-- written, or was when a process died, or the table has it.
alter table evidence add column place text;
alter table evidence add column size bigint;
