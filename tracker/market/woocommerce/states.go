package woocommerce

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	json "github.com/go-json-experiment/json/v1"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// An apiError is how the API refuses.
type apiError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func errorOf(a *market.Answer) (e apiError) {
	body := plain(a.Body)
	if !bytes.HasPrefix(body, []byte("{")) || json.Unmarshal(body, &e) != nil { // a list is long
		return apiError{}
	}
	e.Code, e.Message = market.Clip(e.Code, 100), market.Clip(e.Message, 300)
	return e
}

// noAPI is the state of a site that has no Store API where it is looked for.
var noAPI = market.State{
	Name: "no Store API", Verdict: tracker.Failed,
	Reason: "no WooCommerce Store API answers there: check the address of the shop's front page; when it is right, the shop is no WooCommerce shop or has shut the API off",
}

// noRoute reports whether the API does not exist at the address: WordPress says
// so, or answers with a page (NOTES.md, 4).
func noRoute(a *market.Answer) bool {
	switch a.Status {
	case http.StatusNotFound:
		return errorOf(a).Code == "rest_no_route" || a.HTML()
	case http.StatusOK:
		return a.HTML() && !closed(a) && !loginPage(a)
	}
	return false
}

// elsewhere is the state of an answer from a site that is not the shop's.
func (s *storefront) elsewhere(a *market.Answer) *market.State {
	u, err := url.Parse(a.URL)
	if err == nil && s.Home(u.Hostname()) {
		return nil
	}
	return &market.State{
		Name: "another site", Verdict: tracker.Failed,
		Reason: fmt.Sprintf("%s leads to %s: when the shop has moved there, write that address", s.host, market.Clip(u.Host, 100)),
	}
}

// loginPage reports whether guests are sent to the login.
func loginPage(a *market.Answer) bool {
	u, err := url.Parse(a.URL)
	return err == nil && strings.HasSuffix(u.Path, "/wp-login.php") || a.HTML() && a.Holds(`id="loginform"`, "/wp-login.php?action=lostpassword")
}

// closed reports whether the owner has closed the shop for the time being.
func closed(a *market.Answer) bool {
	return a.HTML() && a.Holds("woo-coming-soon", "woocommerce-coming-soon", "coming-soon", "seedprod", "maintenance-mode", "under-construction")
}

// loginCodes are those by which plug-ins refuse guests (NOTES.md, 4).
var loginCodes = []string{"rest_not_logged_in", "rest_cannot_access", "rest_forbidden", "rest_login_required", "rest_unauthorized", "rest_cannot_view"}

// state returns the state of an answer that is neither a list nor a product.
func state(a *market.Answer) *market.State {
	e := errorOf(a)
	switch {
	case loginPage(a):
		return &market.State{Name: "login page", Verdict: tracker.Login, Reason: "the shop shows its products only to people who are logged in; ask its owner to open them"}
	case a.Status == http.StatusUnauthorized, a.Status == http.StatusForbidden && slices.Contains(loginCodes, e.Code):
		return &market.State{Name: "API closed", Verdict: tracker.Login, Reason: fmt.Sprintf("a plug-in of the shop has closed the API to guests (%s); ask its owner to open /wp-json/wc/store/", strings.TrimSpace(e.Code+" "+e.Message))}
	}
	if st := market.Refusal(a); st != nil {
		return st
	}
	switch {
	case closed(a):
		return &market.State{Name: "closed for now", Verdict: tracker.Login, Reason: "the owner has closed the shop for the time being (coming soon, or maintenance); wait until it opens"}
	case a.Status == http.StatusOK && !a.HTML():
		return nil
	case a.Status == http.StatusOK:
		return &market.State{Name: "a page", Verdict: tracker.Failed, Transient: true, Reason: "the shop answers with a page where its API should be"}
	case noRoute(a):
		return &noAPI
	case e.Code != "":
		return &market.State{Name: "API refuses", Verdict: tracker.Failed, Reason: fmt.Sprintf("the API refuses: %s %s", e.Code, e.Message)}
	}
	return &market.State{Name: "strange status", Verdict: tracker.Failed, Transient: true, Reason: fmt.Sprintf("the shop answered with status %d", a.Status)}
}
