package tracker

import "time"

// A Report is the changes that one channel is told at once. It is written,
// and the channel's place in the log moved behind it, before anything is sent:
// a second try sends the same report.
type Report struct {
	ID         uint64     `json:"id"` // its number, from 1; the Message-ID derives from it
	Channel    string     `json:"channel"`
	Created    time.Time  `json:"created"`
	First      uint64     `json:"first"` // the stretch of the log that was looked through
	Last       uint64     `json:"last"`
	Changes    []uint64   `json:"changes"`         // the numbers of those that the channel wants to hear of
	About      string     `json:"about,omitempty"` // "heartbeat" for a report without changes; else empty
	Deliveries []Delivery `json:"deliveries"`      // one for each recipient
	Delivered  bool       `json:"delivered"`       // no delivery is waiting
}

// A DeliveryState says how far a delivery has come.
type DeliveryState string

const (
	Waiting DeliveryState = "waiting" // not tried, or tried and to be tried again
	Sent    DeliveryState = "sent"    // the receiving side took it
	Dead    DeliveryState = "dead"    // refused for good, or given up
	Left    DeliveryState = "left"    // its recipient left the channel before it was sent
)

// A Delivery is a report on its way to one recipient.
type Delivery struct {
	To       string        `json:"to"`
	State    DeliveryState `json:"state"`
	Attempts int           `json:"attempts"`
	Tried    time.Time     `json:"tried,omitzero"`  // the last attempt
	Next     time.Time     `json:"next,omitzero"`   // when it is tried again
	Answer   string        `json:"answer,omitzero"` // what the receiving side said last
	// Unsure says that an attempt was begun and nobody knows what became of
	// it: the delivery may have arrived.
	Unsure bool `json:"unsure,omitzero"`
}
