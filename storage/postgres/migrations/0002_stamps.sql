-- What timestamp authorities said of checkpoints of the log.
create table stamps (
	size       bigint not null,       -- changes that the checkpoint covers
	authority  text collate "C" not null,
	at         timestamptz not null,  -- when the authority saw it
	checkpoint text not null,
	token      bytea not null,
	chain      bytea[] not null,      -- certificates, from that of the signer to the root
	primary key (size, authority)
);
