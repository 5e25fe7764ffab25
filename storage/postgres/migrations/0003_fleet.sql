-- The tables of package tracker/fleet: who works, and what there is to do. The
-- tables of its job engine, River, are made in the same step, by River.

-- When the next page may be asked for under a lease.
alter table leases add column next_page_at timestamptz not null default '-infinity';

-- What daemons tell of themselves. Whether one lives its lease says, whose key is
-- worker/ with the name behind it.
create table workers (
	name    text collate "C" primary key,
	version text not null,
	profile text not null,            -- of Chrome, by its name in the configuration; empty for none
	egress  text not null,            -- machines that marketplaces see at one address have the same
	queues  text[] not null,          -- of jobs that it takes
	applied bigint not null,          -- version of the configuration; 0 for the file of its machine
	ahead   interval not null,        -- by how much the clock of the database is ahead of its own
	trouble text not null,            -- why it cannot scan; empty when it can
	began   timestamptz not null,     -- when it worked for the first time
	seen    timestamptz not null      -- when it told this
);

-- The scans that are to be made and those that were: a row for each time that a
-- schedule names, and for each scan that somebody asks for.
create table slots (
	storefront text collate "C" not null,
	slot     timestamptz not null,    -- the time that the schedule names
	kind     text not null,           -- schedule, retry (of one that failed), ask, dry (an ask of which nothing is kept)
	tries    integer not null default 0, -- scans before it that failed, in a row
	queue    text not null,
	applied  bigint not null,         -- version of the configuration that made it; 0 for a file
	job      bigint,                  -- of River
	-- Another one each time somebody takes it or has it taken from him: who comes
	-- back finds that out in the transaction in which he writes.
	epoch    bigint not null default 0,
	worker   text,                    -- who is at it: name#epoch of its lease
	taken    timestamptz,
	cut      integer not null default 0, -- workers that died over it
	note     text,                    -- why it waits
	progress json,
	done     timestamptz,             -- null while it is to be done
	scan     timestamptz,             -- when the scan began that was kept; null for none
	reason   text,                    -- why none was kept
	result   json,                    -- for who asked
	primary key (storefront, slot)
);
create index slots_open on slots (slot) where done is null;
create index slots_newest on slots (storefront, slot desc) where kind = 'schedule';
create index slots_done on slots (done) where done is not null;

-- What shopwatch apply gave to all daemons. Secrets stand in it as ${NAME}.
create table config_versions (
	version bigint primary key,
	text    text not null,
	file    text not null,            -- what it was called, for messages
	who     text not null,
	applied timestamptz not null default now()
);
