-- Whoever asks for a scan may want all that it reads captured.
alter table slots add column capture boolean not null default false;
