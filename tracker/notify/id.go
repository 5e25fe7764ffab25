package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"shopwatch/tracker"
	"shopwatch/tracker/report"
)

// deliveryID derives from what is stored of the report and from the database, so
// that it is the same on every attempt and unlike that of any other delivery,
// also when an older copy of the database is put back and numbers reports
// anew.
func (n *Notifier) deliveryID(r *tracker.Report, to string) string {
	return fmt.Sprintf("%d.%s", r.ID, n.hash("letter", fmt.Sprint(r.ID), fmt.Sprint(r.Created.UnixMilli()), r.Channel, to))
}

// thread is the same for all deliveries of a channel to one recipient about one
// storefront.
func (n *Notifier) thread(c *channel, s *report.Story, to string) string {
	about := "all"
	if ns := names(s); len(ns) == 1 {
		about = string(ns[0])
	}
	return "thread." + n.hash("thread", c.Name, about, to)
}

func (n *Notifier) hash(parts ...string) string {
	sum := sha256.Sum256([]byte(n.instance + "\x00" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:10])
}
