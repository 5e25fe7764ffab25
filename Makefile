# What a developer does with shopwatch. A fresh machine needs Go and make: the
# targets that need a Chrome get one (chrome).

GO      ?= go
LINT    := $(GO) tool -modfile=tools/go.mod golangci-lint
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)

# Debian's versions begin with a digit; a commit before the first tag is older
# than it.
DEB_VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null | sed 's/^v//; s/-/+/g')
ifeq ($(DEB_VERSION),)
DEB_VERSION := 0~$(shell git log -1 --format=%cd.%h --date=format:%Y%m%d%H%M%S)
endif

.PHONY: all
all: build

# One static binary: it runs on a machine that has neither Go nor a C library.
.PHONY: build
build:
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/shopwatch ./cmd/shopwatch

# The whole loop on a simulated mall, with nothing to configure.
.PHONY: demo
demo: build chrome
	bin/shopwatch demo

# Many tests wait most of their time: four of a package run side by side, and twice
# as many packages as there are processors.
SIDE_BY_SIDE := -p $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN)) -parallel 4
.PHONY: test
test: chrome postgres
	$(GO) test -timeout 14m $(SIDE_BY_SIDE) ./...

# The accessibility checker of the dashboard's tests, from npm. With CI set they
# fail without it.
.PHONY: axe
axe:
	cd tracker/web/testdata/axe && npm install --no-package-lock --no-audit --no-fund --silent

# A client of the Model Context Protocol, from npm, for the test of shopwatch
# mcp. With CI set it fails without it.
.PHONY: mcp
mcp:
	cd cmd/shopwatch/testdata/mcp && npm install --no-package-lock --no-audit --no-fund --silent

# The viewer of the web's archivists for the tests of captures, from npm: nothing
# that it depends on is needed. With CI set they fail without it.
VIEWER := replaywebpage@2.5.3
.PHONY: viewer
viewer:
	cd tracker/archive/testdata/viewer && npm pack --silent $(VIEWER) >/dev/null && tar xzf replaywebpage-*.tgz && rm replaywebpage-*.tgz

# Time and weight of every page of the dashboard, over 100 storefronts of 1,000
# products and a year, and over 1,000 storefronts. Takes some minutes.
.PHONY: scale
scale:
	$(GO) test -count 1 -timeout 40m -v -run 'TestScale$$' ./tracker/web -scale

# What must hold before a commit, beside the tests themselves: the tests of the
# packages in which something can race run again here, under the race detector,
# without those that take long because a Chrome works for them, or one goroutine
# (-short): they race in Chrome, or not at all. The linter vets too.
.PHONY: check
check:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); \
	if [ -n "$$bad" ]; then echo "not formatted, run gofmt -w on:" $$bad; exit 1; fi
	$(LINT) run --allow-parallel-runners ./...
	$(GO) test -race -short -vet off -timeout 14m $(SIDE_BY_SIDE) $$(tools/racing)

# Measures the database, and the whole process side by side with an empty Chrome,
# with the floor that no reader can go below, with hand-written Puppeteer scripts
# and with jsdom (needs npm).
.PHONY: bench
bench: chrome postgres
	cd fixtures/bench && npm install --no-package-lock --no-audit --no-fund --silent
	SHOPWATCH_BENCH=1 $(GO) test -count 1 -timeout 60m -v -run TestBench ./fixtures/bench
	SHOPWATCH_BENCH=1 $(GO) test -count 1 -v -timeout 20m -run 'TestNumbers$$' ./storage/bolt ./storage/postgres
	$(GO) test -run '^$$' -bench . -benchmem ./...

# Every fault of the simulated mall at places of every layout, once and lasting,
# with and without true changes underneath: 400 trials of four scans each; and
# every fault of the other marketplaces, once and lasting.
# FAULTS=all plays all combinations, which takes about an hour.
FAULTS ?= 400
.PHONY: faults
faults: chrome
	SHOPWATCH_FAULTS=$(FAULTS) $(GO) test -count 1 -timeout 120m -v -run 'TestFaults$$|TestMarkets$$' ./tracker/scan

# The scorecard: scenarios of which the truth is known, played to the program as a
# user runs it, with the rules of others on what it read. ONLY plays some of them:
# ONLY='wall.*shopify'. TOOL scores another program by its adapter, as
# TOOL=fixtures/truth/naive.sh. Takes about 20 minutes.
ONLY ?=
TOOL ?=
.PHONY: truth
truth: build chrome
	$(GO) run ./fixtures/truth/score -only '$(ONLY)' -tool '$(TOOL)'

# Shows a mistake that was found once (docs/truth.md has their numbers) on the commit
# before its fix, and that it is gone: make again-24.
again-%: build chrome
	$(GO) run ./fixtures/truth/score -again $*

# The captures of the simulated marketplaces in fixtures/captures, each with what
# is read in it, made again. Look at what differs before it is committed.
.PHONY: captures
captures: chrome
	$(GO) test -count 1 -timeout 20m -v -run 'TestCaptures$$' ./tracker/scan -captures

# Every way that is known in which a page can fill the process that listens to
# it: what it takes at its height.
.PHONY: fill
fill: chrome
	SHOPWATCH_FILL=1 $(GO) test -count 1 -timeout 30m -v -run 'TestPagesDoNotFill|TestPicturesDoNotFill|TestEndless' ./tracker/scan

# 500 listing pages with one Chrome, then 100 bad ends of it.
.PHONY: soak
soak: chrome
	SHOPWATCH_SOAK=1 $(GO) test -count 1 -timeout 60m -v -run 'TestSoak$$' ./tracker/scan

# 1,000 times a process is killed at a random moment, and nothing is lost,
# doubled or half written: first one that only writes, then the whole daemon
# with its Chrome, which takes about an hour.
KILLS ?= 1000
.PHONY: killtest
killtest: chrome postgres
	SHOPWATCH_KILLS=$(KILLS) $(GO) test -count 1 -timeout 60m -v -run 'TestKilledWriter$$' ./storage/bolt
	SHOPWATCH_KILLS=$(KILLS) $(GO) test -count 1 -timeout 180m -v -run 'TestKilledDaemon$$' ./cmd/shopwatch

# The first hour by the README alone, from a clone of the last commit to the first
# report about a simulated storefront: commands, their seconds and what they print.
.PHONY: newcomer
newcomer: chrome
	SHOPWATCH_NEWCOMER=1 $(GO) test -count 1 -timeout 30m -v -run 'TestNewcomer$$' ./cmd/shopwatch

# A day of 50 storefronts, 60 times faster, with walls, crashes of Chrome, mail
# outages and kills of the daemon thrown in: every scan that was due and every
# change accounted for. Takes about 27 minutes.
DAY ?= 24
.PHONY: day
day: chrome
	SHOPWATCH_DAY=$(DAY) $(GO) test -count 1 -timeout 60m -v -run 'TestDay$$' ./cmd/shopwatch

# 1,000 reports through a mail server that fails at random, by daemons that are
# killed at random: every change told once to each channel, no letter lost.
.PHONY: storm
storm:
	$(GO) test -count 1 -timeout 20m -v -run 'TestStorm$$' ./tracker/notify -storm 500

# 100,000 steps of random histories against the law of tracker.Reconcile.
.PHONY: prove
prove:
	SHOPWATCH_STEPS=100000 $(GO) test -count 1 -timeout 60m -v -run 'TestStore/Law$$' ./storage/bolt
	SHOPWATCH_STEPS=10000 $(GO) test -count 1 -timeout 60m -v -run 'TestStore/Law$$' ./storage/postgres

# Every parser of what others wrote, for a while each.
FUZZTIME ?= 30s
.PHONY: fuzz
fuzz:
	@for pkg in $$(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

# A year of 100 storefronts of 1,000 products scanned hourly, with 1 % of the
# products changing a day: what the file and the process grow to.
.PHONY: year
year:
	SHOPWATCH_DAYS=365 $(GO) test -count 1 -timeout 120m -v -run 'TestYear$$' ./storage/bolt

# 1,000 storefronts of 600 products on three marketplaces, read by one daemon: the
# share of an hour, processors, memory, the file, and two pages. STOREFRONTS=60 for
# a shorter run.
STOREFRONTS ?= 1000
.PHONY: thousand
thousand: chrome
	SHOPWATCH_STOREFRONTS=$(STOREFRONTS) $(GO) test -count 1 -timeout 200m -v -run 'TestThousand$$' ./fixtures/bench

# The manifests for Kubernetes, against the types of its API.
.PHONY: manifests
manifests:
	cd tools/kubernetes && $(GO) test -count 1 ./...

# A Debian package for this machine, in dist: binary, service, user, completion
# and manual page.
.PHONY: deb
deb:
	tools/release $(VERSION) $(DEB_VERSION) deb

# All that is handed out, in dist: archives and packages for all systems, with
# an SBOM for each, and SHA256SUMS.
.PHONY: release
release:
	tools/release $(VERSION) $(DEB_VERSION)

# The pictures of the README, of what the demo prints, mails and shows.
.PHONY: pictures
pictures: build chrome
	tools/pictures

# Installs a headless Chrome and a font for Chinese text where there is none.
CHROMES := /usr/lib/chromium/chromium-headless-shell chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable

.PHONY: chrome
chrome:
	@for c in $(CHROMES) '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'; do \
		if command -v "$$c" >/dev/null 2>&1; then exit 0; fi; \
	done; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo='sudo -n'; \
	if command -v apt-get >/dev/null 2>&1 && $$sudo true 2>/dev/null; then \
		echo "no Chrome found: installing chromium-headless-shell and fonts-noto-cjk"; \
		$$sudo apt-get update -qq && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-noto-cjk; \
	else \
		echo "no Chrome found: install chromium-headless-shell, Chromium or Google Chrome, and a font for Chinese text (Noto Sans CJK)" >&2; \
		exit 1; \
	fi

# Four workers, two of them with a Chrome, that share the work on one PostgreSQL
# database, each with a wrong clock: 1,000 times one is killed, 100 times frozen for
# longer than its lease, 20 times the server crashes, 20 times one is cut off from it,
# and 100 times one's clock is set. Then the same, but for clocks, with processes that
# take turns. Nothing is lost, scanned twice, told twice, dated wrong or asked for under
# the pace. Takes 40 minutes.
FLEET ?= 1000 100 20 20 100
TURNS ?= 1000 100 20 20
.PHONY: fleet
fleet: chrome postgres
	SHOPWATCH_FLEET='$(FLEET)' $(GO) test -count 1 -timeout 120m -v -run 'TestNemesis$$' ./tracker/fleet
	SHOPWATCH_FLEET='$(TURNS)' $(GO) test -count 1 -timeout 120m -v -run 'TestNemesis$$' ./storage/postgres

# What a fleet does in numbers: how long until others make the scans of a worker that
# died or was cut off, how late slots are while daemons are killed, how many scans
# an hour, how long who asks for one waits, what a scan takes of the processors,
# and a commit of the disk. Takes about half an hour.
.PHONY: fleetbench
fleetbench: chrome postgres
	SHOPWATCH_BENCH=1 $(GO) test -count 1 -timeout 30m -v -run 'TestRecovery$$|TestSlotter$$|TestThroughput$$|TestWish$$' ./tracker/fleet
	SHOPWATCH_BENCH=1 $(GO) test -count 1 -timeout 30m -v -run 'TestFleet$$' ./fixtures/bench
	SHOPWATCH_BENCH=1 $(GO) test -count 1 -timeout 20m -v -run 'TestNumbers$$' ./storage/postgres

# Evidence in a bucket, on a real S3 server, which is compiled first: that takes 100
# seconds of a processor once, the tests a minute.
.PHONY: s3
s3: chrome postgres
	$(GO) build -modfile=tools/s3.mod -o bin/versitygw github.com/versity/versitygw/cmd/versitygw
	SHOPWATCH_S3=$(CURDIR)/bin/versitygw $(GO) test -count 1 -timeout 20m -run 'TestBucket|TestRefused$$|TestStoreWithBucket/(Evidence|Sweep|Captures)' ./storage/bucket ./storage/postgres ./cmd/shopwatch

# Installs PostgreSQL and PgBouncer where there is none, for tests of their own
# clusters. Nothing is started. Where they cannot be had the tests say that they
# skip, but in continuous integration they fail.
.PHONY: postgres
postgres:
	@if ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && [ -x /usr/sbin/pgbouncer ]; then exit 0; fi; \
	sudo=; [ "$$(id -u)" = 0 ] || sudo='sudo -n'; \
	if command -v apt-get >/dev/null 2>&1 && $$sudo true 2>/dev/null; then \
		echo "no PostgreSQL found: installing postgresql and pgbouncer"; \
		$$sudo mkdir -p /etc/postgresql-common/createcluster.d && \
		echo 'create_main_cluster = false' | $$sudo tee /etc/postgresql-common/createcluster.d/shopwatch.conf >/dev/null && \
		$$sudo apt-get update -qq && \
		$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql pgbouncer; \
	else \
		echo "no PostgreSQL found: the tests of storage/postgres need postgresql (and pgbouncer)" >&2; \
	fi

.PHONY: clean
clean:
	rm -rf bin dist
