package web

import (
	"fmt"
	"net/http"
)

func (p *Pages) settings(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "settings", "Settings")
	v := struct {
		*page
		Settings   []Setting
		Size, Free string
		Troubles   []trouble
		Ready      string
		Modules    []module
	}{page: pg, Settings: p.o.Settings, Modules: modules()}
	all, err := p.o.List(r.Context())
	if err != nil {
		return err
	}
	if v.Troubles, err = p.troubles(r.Context(), pg, all); err != nil {
		return err
	}
	if p.o.Maintainer != nil {
		size, free, err := p.o.Maintainer.Size(r.Context())
		if err != nil {
			return err
		}
		v.Size, v.Free = bytesOf(size), bytesOf(free)
	}
	return p.render(w, r, http.StatusOK, pg, v)
}

func bytesOf(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", n>>10)
}

func (p *Pages) keys(w http.ResponseWriter, r *http.Request) error {
	pg := p.page(r, "keys", "Keys")
	return p.render(w, r, http.StatusOK, pg, struct {
		*page
		Keys []choice
	}{pg, []choice{
		{"g o", "Overview"}, {"g c", "Changes"}, {"g m", "Missing, not proven"}, {"g s", "Scans"}, {"g r", "Reports"},
		{"/", "Search"}, {"j", "Next row"}, {"k", "Previous row"}, {"n", "Next page"}, {"p", "Previous page"}, {"?", "Keys"},
	}})
}
