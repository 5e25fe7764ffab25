package notify

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"shopwatch/tracker/report"
)

const (
	// pdfTime is how long a mail waits for its PDF: mail servers wait some
	// minutes for the next command.
	pdfTime = 30 * time.Second
	// pdfMost is how large a PDF may be: many mail servers take 10 MB, of which
	// a quarter is lost to the encoding.
	pdfMost = 6 << 20
)

// pdf is the report for paper, nil where none is wanted or none could be made.
func (l *Message) pdf(ctx context.Context) []byte {
	if l.PDF == nil {
		return nil
	}
	return l.PDF(ctx)
}

// pdfName names the PDF by the day of the report.
func (l *Message) pdfName() string {
	at := l.Story.Report.Created
	if l.Story.Zone != nil {
		at = at.In(l.Story.Zone)
	}
	return "shopwatch-" + at.Format(time.DateOnly) + ".pdf"
}

// printing returns what makes the PDF of a report when the first delivery asks
// for it, once for all its deliveries; nil for a channel or a report without one.
func (n *Notifier) printing(c *channel, s *report.Story, m *report.Mail) func(context.Context) []byte {
	if !c.PDF || s.Report.About != "" {
		return nil
	}
	var mu sync.Mutex
	var made bool
	var pdf []byte
	return func(ctx context.Context) []byte {
		mu.Lock()
		defer mu.Unlock()
		if made {
			return pdf
		}
		content, err := n.print(ctx, m)
		if err != nil && ctx.Err() != nil {
			return nil // the delivery is cut short too
		}
		if made, pdf = true, content; err != nil {
			n.log.Warn("the report goes without its PDF", "channel", c.Name, "report", s.Report.ID, "err", err)
		}
		return pdf
	}
}

// print makes a PDF within the time that a delivery waits for it.
func (n *Notifier) print(ctx context.Context, m *report.Mail) ([]byte, error) {
	if n.opts.PDF == nil {
		return nil, errors.New("there is no Chrome here")
	}
	ctx, cancel := context.WithTimeout(ctx, n.opts.PDFTime)
	defer cancel()
	html, err := m.Document(ctx)
	if err != nil {
		return nil, err
	}
	pdf, err := n.opts.PDF(ctx, html)
	if err == nil && len(pdf) > pdfMost {
		err = fmt.Errorf("it has %d bytes, and mail servers take less", len(pdf))
	}
	if err != nil {
		return nil, err
	}
	return pdf, nil
}
