package web

import (
	"net/http"

	"shopwatch/tracker/api"
)

// A machineRow is a machine with the scans that it is at.
type machineRow struct {
	api.FleetWorker
	At []api.FleetSlot
}

// machines shows what the machines are at that work on one database.
func (p *Pages) machines(w http.ResponseWriter, r *http.Request) error {
	if p.o.Fleet == nil {
		return notFound("One machine works alone here.")
	}
	pg := p.page(r, "machines", "Machines")
	pg.Refresh = 10
	f, err := p.o.Fleet(r.Context())
	if err != nil {
		return err
	}
	v := struct {
		*page
		Workers []machineRow
		Leases  []api.FleetLease
		Queues  []api.FleetQueue
		Waiting []api.FleetSlot
	}{page: pg, Leases: f.Leases, Queues: f.Queues}
	pg.Now = f.Time // of the database
	for _, m := range f.Workers {
		row := machineRow{FleetWorker: m}
		for _, s := range f.Slots {
			if s.Worker == m.Name {
				row.At = append(row.At, s)
			}
		}
		v.Workers = append(v.Workers, row)
	}
	for _, s := range f.Slots {
		if s.Worker == "" {
			v.Waiting = append(v.Waiting, s)
		}
	}
	return p.render(w, r, http.StatusOK, pg, v)
}
