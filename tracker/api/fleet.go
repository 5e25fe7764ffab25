package api

import (
	"context"
	"time"

	"shopwatch/tracker"
)

// A Fleet is what several machines that work on one database are at.
type Fleet struct {
	Time    time.Time     `json:"time" doc:"when it was so, by the clock of the database"`
	Applied int64         `json:"applied" doc:"newest version of the configuration that shopwatch apply gave to all; 0 when each machine has its own file"`
	Workers []FleetWorker `json:"workers"`
	Leases  []FleetLease  `json:"leases" doc:"what is read at one pace: a marketplace with an address and a profile"`
	Queues  []FleetQueue  `json:"queues"`
	Slots   []FleetSlot   `json:"slots" doc:"scans that are due or run, the oldest first; 1,000 at most"`
}

// A FleetWorker is a machine, or one that was.
type FleetWorker struct {
	Name    string        `json:"name"`
	Process string        `json:"process" doc:"which one it is"`
	Alive   bool          `json:"alive" doc:"false when it ended, or was not heard of for longer than its lease lasts"`
	Heard   time.Time     `json:"heard" doc:"when it was heard of last"`
	Since   time.Time     `json:"since" doc:"when it worked for the first time"`
	Version string        `json:"version"`
	Applied int64         `json:"applied" doc:"version of the configuration that it works with; 0 for a file of its own"`
	Profile string        `json:"profile,omitempty" doc:"that lies on it"`
	Egress  string        `json:"egress" doc:"name of the address that marketplaces see"`
	Queues  []string      `json:"queues" doc:"that it takes jobs of"`
	Ahead   time.Duration `json:"ahead_ns" doc:"by how much the clock of the database is ahead of its own"`
	Trouble string        `json:"trouble,omitempty" doc:"why it cannot scan"`
}

// A FleetLease is something that is read at one pace.
type FleetLease struct {
	Key      string    `json:"key"`
	Worker   string    `json:"worker,omitempty" doc:"who reads now; empty for nobody"`
	Until    time.Time `json:"until,omitzero" doc:"when others may have it if that one is not heard of"`
	NextPage time.Time `json:"next_page,omitzero" doc:"when the next page may be asked for"`
	Cooling  time.Time `json:"cooling,omitzero" doc:"until when it is left alone after a wall"`
	Walls    int       `json:"walls" doc:"refusals in a row"`
}

// A FleetQueue is jobs of one kind, marketplace and profile.
type FleetQueue struct {
	Name    string    `json:"name"`
	Waiting int       `json:"waiting" doc:"jobs that nobody is at and that are due"`
	Later   int       `json:"later" doc:"jobs for a later time"`
	Running int       `json:"running"`
	Oldest  time.Time `json:"oldest,omitzero" doc:"since when the one that waits longest is due"`
	Workers int       `json:"workers" doc:"that take its jobs"`
}

// A FleetSlot is a scan that is due or runs.
type FleetSlot struct {
	Storefront tracker.StorefrontName `json:"storefront"`
	Slot       time.Time              `json:"slot" doc:"the time of the schedule for which it is made"`
	Kind       string                 `json:"kind" enum:"schedule,retry,ask,dry"`
	Queue      string                 `json:"queue"`
	Worker     string                 `json:"worker,omitempty" doc:"who is at it"`
	Taken      time.Time              `json:"taken,omitzero"`
	Progress   *tracker.Progress      `json:"progress,omitempty"`
	Waits      string                 `json:"waits,omitempty" doc:"why nobody is at it"`
	Cut        int                    `json:"cut" doc:"workers that were lost during it"`
}

func (s *Server) fleet(ctx context.Context, _ *struct{}) (*body[*Fleet], error) {
	if s.o.Fleet == nil { // one machine works alone
		return answer(&Fleet{Time: time.Now().UTC(), Workers: []FleetWorker{}, Leases: []FleetLease{}, Queues: []FleetQueue{}, Slots: []FleetSlot{}}, nil)
	}
	f, err := s.o.Fleet(ctx)
	return answer(f, err)
}
