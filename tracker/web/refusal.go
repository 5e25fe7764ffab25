package web

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"shopwatch/tracker/api"
)

// A notFound is an error about something that is not there.
type notFound string

func (n notFound) Error() string { return string(n) }

// A refusal is an error about something that cannot be done.
type refusal string

func (r refusal) Error() string { return string(r) }

// fail shows an error.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	switch err.(type) {
	case notFound:
		status = http.StatusNotFound
	case refusal:
		status = http.StatusUnprocessableEntity
	default:
		if r.Context().Err() != nil {
			return // nobody waits for it
		}
		p.log.Error("page not made", "url", r.URL.Path, "err", err)
		err = errors.New("This page could not be made. The log of shopwatch says why.") //nolint:staticcheck // a sentence for people
	}
	p.Refuse(w, r, status, err.Error())
}

// Refuse says no to a person. It is a Refusal of api.Options.
func (p *Pages) Refuse(w http.ResponseWriter, r *http.Request, status int, detail string) {
	title := map[int]string{
		http.StatusUnauthorized: "Sign in", http.StatusNotFound: "Not found", http.StatusForbidden: "Not allowed",
		http.StatusTooManyRequests: "Too many tries", http.StatusUnprocessableEntity: "That cannot be done",
	}[status]
	pg := p.page(r, "refusal", cmp.Or(title, "Something went wrong"))
	next := pg.Self
	if r.URL.Path == "/signin" {
		next = r.PostFormValue("next")
	}
	v := struct {
		*page
		Status       int
		Detail, Next string
		SignIn       bool
		WrongToken   bool
	}{pg, status, detail, next, status == http.StatusUnauthorized || status == http.StatusForbidden && pg.Role != api.Nobody, strings.HasPrefix(detail, "wrong token")}
	if err := p.render(w, r, status, pg, v); err != nil {
		p.log.Error("page not made", "err", err)
		http.Error(w, detail, status)
	}
}

// signIn asks for a token.
func (p *Pages) signIn(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "refusal", "Sign in")
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Status       int
		Detail, Next string
		SignIn       bool
		WrongToken   bool
	}{pg, http.StatusOK, "", r.URL.Query().Get("next"), true, false})
}
