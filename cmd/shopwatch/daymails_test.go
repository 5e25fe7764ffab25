package main

import (
	"bytes"
	"encoding/base64"
	"encoding/csv"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"slices"
	"strings"
)

// A row is a line of changes.csv.
type row map[string]string

func (r row) fact() fact { return fact{r["storefront"], r["kind"], strings.TrimPrefix(r["id"], "'")} }

// A delivery is what arrived under one Message-ID, however often.
type delivery struct {
	id, to string
	copies int
	rows   []row
}

// deliveries is what the mail server got.
func (d *day) deliveries() []*delivery {
	var all []*delivery
	for _, m := range d.mail.Mails() {
		msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
		if err != nil {
			d.t.Fatal(err)
		}
		l := &delivery{id: msg.Header.Get("Message-ID"), to: m.To[0], copies: 1, rows: d.rows(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body)}
		if i := slices.IndexFunc(all, func(o *delivery) bool { return o.id == l.id }); i >= 0 {
			all[i].copies++
			if all[i].to != l.to || fmt.Sprint(all[i].rows) != fmt.Sprint(l.rows) {
				d.t.Errorf("Message-ID %s came with two contents", l.id)
			}
			continue
		}
		all = append(all, l)
	}
	return all
}

// rows finds changes.csv in a part of a message.
func (d *day) rows(kind, encoding string, body io.Reader) []row {
	media, params, err := mime.ParseMediaType(kind)
	if err != nil {
		d.t.Fatalf("%q: %v", kind, err)
	}
	if strings.HasPrefix(media, "multipart/") {
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if err != nil {
				return nil
			}
			if rows := d.rows(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p); rows != nil {
				return rows
			}
		}
	}
	if media != "text/csv" {
		return nil
	}
	switch strings.ToLower(encoding) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		d.t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff")))).ReadAll()
	if err != nil {
		d.t.Fatal(err)
	}
	var rows []row
	for _, cells := range all[1:] {
		r := row{}
		for i, c := range cells {
			r[all[0][i]] = c
		}
		rows = append(rows, r)
	}
	return rows
}

// told is how often each fact was told to each channel.
func (d *day) told() map[string]map[fact]int {
	all := map[string]map[fact]int{"scans": {}, "digest": {}}
	for _, l := range d.deliveries() {
		channel, _, _ := strings.Cut(l.to, "@")
		for _, r := range l.rows {
			all[channel][r.fact()]++
		}
	}
	return all
}
