package web

import (
	"net/http"
	"path"
	"strings"

	"shopwatch/tracker/api"
)

// preferences keeps language and colours in cookies.
func (p *Pages) preferences(w http.ResponseWriter, r *http.Request) {
	for name, allowed := range map[string][]string{"lang": {"en", "zh"}, "theme": {"light", "dark", "auto"}} {
		for _, value := range allowed {
			if r.PostFormValue(name) == value {
				http.SetCookie(w, &http.Cookie{
					Name: name, Value: value, Path: p.cookiePath(r), MaxAge: 400 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteLaxMode,
				})
			}
		}
	}
	w.Header().Set("Location", api.Below(r.PostFormValue("back")))
	w.WriteHeader(http.StatusSeeOther)
}

// cookiePath is for which addresses what was chosen is kept: those of the
// dashboard alone where a proxy serves more beside it.
func (p *Pages) cookiePath(r *http.Request) string {
	if u := p.o.Public; u != nil && strings.EqualFold(r.Host, u.Host) {
		return path.Clean("/" + u.Path)
	}
	return "/"
}

// language is the one that was chosen, else the first that the browser asks for
// and we know.
func language(r *http.Request) string {
	if c, err := r.Cookie("lang"); err == nil && (c.Value == "en" || c.Value == "zh") {
		return c.Value
	}
	for part := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch base, _, _ := strings.Cut(strings.ToLower(tag), "-"); base {
		case "zh", "en":
			return base
		}
	}
	return "en"
}

// ThemeNext is what follows the colours of now when they are changed.
func (p *page) ThemeNext() string {
	return map[string]string{"": "dark", "dark": "light", "light": "auto"}[p.Theme]
}

// ThemeName names the colours of now.
func (p *page) ThemeName() string {
	switch p.Theme {
	case "dark":
		return p.T("Colours: dark")
	case "light":
		return p.T("Colours: light")
	}
	return p.T("Colours: automatic")
}
