package bolt

import (
	"shopwatch/storage"
	"shopwatch/tracker"
)

type reportValue struct {
	Channel    string          `json:"c"`
	Created    int64           `json:"t"`
	First      uint64          `json:"f,omitempty"`
	Last       uint64          `json:"l,omitempty"`
	Changes    [][2]uint64     `json:"n,omitempty"` // runs: first and last number of each
	About      string          `json:"a,omitempty"`
	Deliveries []deliveryValue `json:"w,omitempty"`
}

func newReport(r *tracker.Report) reportValue {
	v := reportValue{Channel: r.Channel, Created: storage.Millis(r.Created), First: r.First, Last: r.Last, About: r.About}
	for _, n := range r.Changes {
		if k := len(v.Changes) - 1; k >= 0 && v.Changes[k][1]+1 == n {
			v.Changes[k][1] = n
		} else {
			v.Changes = append(v.Changes, [2]uint64{n, n})
		}
	}
	for _, l := range r.Deliveries {
		v.Deliveries = append(v.Deliveries, newDelivery(l))
	}
	return v
}

func (v *reportValue) report(id uint64) tracker.Report {
	r := tracker.Report{ID: id, Channel: v.Channel, Created: storage.FromMillis(v.Created), First: v.First, Last: v.Last, About: v.About}
	for _, run := range v.Changes {
		for n := run[0]; n <= run[1]; n++ {
			r.Changes = append(r.Changes, n)
		}
	}
	for _, l := range v.Deliveries {
		r.Deliveries = append(r.Deliveries, tracker.Delivery{
			To: l.To, State: l.State, Attempts: l.Attempts, Tried: storage.FromMillis(l.Tried), Next: storage.FromMillis(l.Next), Answer: l.Answer, Unsure: l.Unsure,
		})
	}
	r.Delivered = delivered(r.Deliveries)
	return r
}

type deliveryValue struct {
	To       string                `json:"to"`
	State    tracker.DeliveryState `json:"s"`
	Attempts int                   `json:"n,omitempty"`
	Tried    int64                 `json:"t,omitempty"`
	Next     int64                 `json:"x,omitempty"`
	Answer   string                `json:"a,omitempty"`
	Unsure   bool                  `json:"u,omitempty"`
}

func newDelivery(l tracker.Delivery) deliveryValue {
	return deliveryValue{To: l.To, State: l.State, Attempts: l.Attempts, Tried: storage.Millis(l.Tried), Next: storage.Millis(l.Next), Answer: l.Answer, Unsure: l.Unsure}
}

// delivered reports whether no delivery is waiting.
func delivered(deliveries []tracker.Delivery) bool {
	for _, l := range deliveries {
		if l.State != tracker.Sent && l.State != tracker.Dead && l.State != tracker.Left {
			return false
		}
	}
	return true
}
