-- Names of storefronts, products and channels are compared byte by byte, as the
-- contract orders them. What is only read whole is json: unlike jsonb it keeps
-- every text, also one with a zero character.

-- What the database is. One row.
create table instance (
	one     boolean primary key default true check (one),
	id      text not null,
	created timestamptz not null default now(),
	signer  text not null,            -- the key that signs checkpoints of the log
	unwitnessed bigint not null default 0, -- changes that are older than the log's tree
	exact   timestamptz               -- since when absences are noted; null: always
);

-- The last number that was given to a change and to a report. Who gives one locks
-- the row until the transaction ends, so that numbers have no gaps and are seen
-- in their order. A sequence promises neither.
create table heads (
	name text primary key,
	last bigint not null
);
insert into heads values ('changes', 0), ('reports', 0);

-- Who writes a catalog locks the row of its storefront first.
create table storefronts (
	name  text collate "C" primary key,
	state json
) with (fillfactor = 50);

create table products (
	storefront  text collate "C" not null references storefronts,
	id          text collate "C" not null,
	fingerprint bigint not null,      -- of a settled product; 0 of others
	removed     timestamptz,          -- null while it is listed
	missing     integer not null,     -- complete scans in a row that did not list it
	title       bytea not null,       -- bytes, because a text holds no zero character
	price       bigint,               -- the lowest; null when it is not known
	folded      bytea not null,       -- what is searched: title and id, folded, with the byte FF between
	item        json not null,
	primary key (storefront, id)
) with (fillfactor = 80);
create index products_suspect on products (storefront, id) where removed is null and missing > 0;

create table scans (
	storefront text collate "C" not null references storefronts,
	began      timestamptz not null,
	complete   boolean not null,
	changes    integer not null,
	opened     integer not null,      -- pages asked of the marketplace
	scan       json not null,
	primary key (storefront, began)
);
create index scans_newest on scans (began desc, storefront);
create index scans_incomplete on scans (began desc, storefront) where not complete;

-- When complete scans did not show a product.
create table absences (
	storefront text collate "C" not null references storefronts,
	product    text collate "C" not null,
	began      timestamptz not null,  -- when the first scan that missed it began
	until      timestamptz,           -- when the scan that showed it again began; null while it lasts
	primary key (storefront, product, began)
);
create index absences_open on absences (storefront, product) where until is null;

create table changes (
	seq        bigint primary key,
	storefront text collate "C" not null references storefronts,
	at         timestamptz not null,
	kind       text not null,
	scan       timestamptz not null,
	product    text collate "C",      -- null when the change is about the storefront
	important  boolean not null,      -- a pattern marks it
	folded     bytea,                 -- what is searched: its titles and ids, folded, with the byte FF between
	change     json not null
);
create index changes_storefront on changes (storefront, seq);
create index changes_kind on changes (storefront, at, kind);
create index changes_important on changes (seq) where important;
create index changes_product on changes (storefront, product, seq) where product is not null;
create index changes_at on changes (at);
-- No scan tells the same of a product twice, whoever commits it again.
create unique index changes_once on changes (storefront, scan, product, kind) where product is not null and kind <> 'corrected';

-- The hashes that a change completes in the log's Merkle tree.
create table tree (
	seq    bigint primary key references changes,
	hashes bytea not null
);

-- All titles and ids with which a product stands in the log, folded.
create table titles (
	storefront text collate "C" not null references storefronts,
	product    text collate "C" not null,
	folded     bytea not null
);
create index titles_product on titles (storefront, product);

create table channels (
	name         text collate "C" primary key,
	told         bigint not null,     -- number of the last change that is behind it
	joined       timestamptz not null default now(),
	unsubscribed json not null default '[]',
	failures     integer not null default 0,
	until        timestamptz
);

create table reports (
	id      bigint primary key,
	channel text collate "C" not null,
	created timestamptz,
	states  text[] not null,          -- of its deliveries
	waiting boolean not null,         -- some delivery is to be sent
	report  json not null
);
create index reports_channel on reports (channel, id);
create index reports_waiting on reports (id) where waiting;

-- Which reports tell of a change.
create table told (
	seq    bigint,
	report bigint references reports,
	primary key (seq, report)
);

create table evidence (
	name    text collate "C" primary key, -- SHA-256 of the content, and an extension
	kept    timestamptz,              -- when it was kept last
	named   timestamptz,              -- time of the newest change that names it; null: none
	content bytea                     -- null: a change names it, and it is not here
);
alter table evidence alter column content set storage external; -- pictures are compressed already

create table cooldowns (
	key      text collate "C" primary key,
	walls    integer not null,
	asked_ms bigint not null,
	until    timestamptz
);

-- Who may do what only one process may do at a time. The epoch is another one
-- each time somebody else takes it: who comes back after it was taken finds that
-- out in the transaction in which it writes.
create table leases (
	key    text collate "C" primary key,
	holder text not null,             -- for people
	epoch  bigint not null,
	until  timestamptz not null       -- free from then on, by the clock of the database
);
