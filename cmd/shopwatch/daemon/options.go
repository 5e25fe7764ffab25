package daemon

import (
	"log/slog"
	"time"

	"shopwatch/cmd/shopwatch/config"
)

// Options are what a Service needs beside its configuration and its database.
type Options struct {
	Version string // of shopwatch, as it names itself
	Timing  Timing
	Log     *slog.Logger
	// Reads says that nothing is sent: passwords of channels may be missing.
	Reads bool
	// Alone is set by a command: it makes no scans but those that it asks for.
	Alone bool
	// Silent is a daemon that answers nobody but the commands on its machine.
	Silent bool
	// Trouble says why this machine cannot scan now, beside the lack of a Chrome;
	// nil for nothing. It is asked where there are others that could.
	Trouble func(*config.Config) error
	// Process is how others are told of this process.
	Process string
}

// A Timing is the waits that nobody configures.
type Timing struct {
	Jitter     time.Duration // the most by which a scan begins later than its schedule says
	CoolDown   time.Duration // of a marketplace after the first wall
	Backoff    time.Duration // of a storefront after the first scan that failed
	PageRetry  time.Duration // before a page that failed in passing is asked for again
	RetryFirst time.Duration // before a report that was not taken is sent again
	RetryMost  time.Duration // the longest such wait
	Guard      time.Duration // between two looks whether the database is in place
	Rescue     time.Duration // between two tries to save one that is not
	Late       time.Duration // of a storefront whose scans were killed, the first time
	Tick       time.Duration // between two looks at what other machines do
}

// UsualTiming is that of every shopwatch.
func UsualTiming() Timing {
	return Timing{
		Jitter: 5 * time.Minute, CoolDown: 10 * time.Minute, Backoff: 10 * time.Minute, PageRetry: 2 * time.Second,
		RetryFirst: time.Minute, RetryMost: time.Hour, Guard: 5 * time.Second, Rescue: time.Minute, Late: time.Minute, Tick: 5 * time.Second,
	}
}
