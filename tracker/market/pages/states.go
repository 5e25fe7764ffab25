package pages

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"

	"shopwatch/tracker"
	"shopwatch/tracker/market"
)

// wall returns the wall that a page is, nil when it is none. Good says that the
// page shows what was asked for: then words and forms on it prove nothing, but
// the server's own refusal still does (NOTES.md, 4).
func (s *storefront) wall(d *document, good bool) *market.State {
	waitOut := func(name string) *market.State {
		return &market.State{
			Name: name, Verdict: tracker.Blocked, Wait: market.RetryAfter(d.header, time.Now()),
			Reason: fmt.Sprintf("%s refuses to answer (%s): open it in an ordinary browser, wait some hours, and scan less often", s.address.Host, name),
		}
	}
	logIn := func(name string) *market.State {
		return &market.State{
			Name: name, Verdict: tracker.Login,
			Reason: fmt.Sprintf("%s asks for a login (%s), so its list is not open to all", s.address.Host, name),
		}
	}
	switch {
	case strings.EqualFold(d.header.Get("Cf-Mitigated"), "challenge"):
		return waitOut("challenge")
	case d.status == http.StatusUnauthorized || d.status == http.StatusProxyAuthRequired:
		return logIn(fmt.Sprintf("status %d", d.status))
	case d.status == http.StatusForbidden, d.status == http.StatusTooManyRequests, d.status == 430, d.status == 451, d.status == 999:
		return waitOut(fmt.Sprintf("status %d", d.status))
	case good:
		return nil
	}
	if name := challenge(d); name != "" {
		return waitOut(name)
	}
	if sameHost(d.url, s.address) && loginPath.MatchString(d.url.Path) && !loginPath.MatchString(s.address.Path) {
		return logIn("login page")
	}
	if d.status < 400 && first(d.root, func(n *html.Node) bool {
		return n.DataAtom == atom.Input && strings.EqualFold(attr(n, "type"), "password") && visible(n, true)
	}) != nil {
		return logIn("login form")
	}
	return nil
}

// loginPath are paths of login pages.
var loginPath = regexp.MustCompile(`(?i)(^|/)(log-?in|sign-?in|auth|sso|anmelden|connexion|password|customer/account/login|account/login)(\.\w{2,5})?/?$`)

// challengeTitles are titles of pages that guards show in the place of others.
// They are compared with the whole title, because a page may speak of them.
var challengeTitles = []string{
	"just a moment...", "just a moment…", "attention required! | cloudflare", "access denied", "pardon our interruption", "pardon our interruption...",
	"are you a robot?", "robot check", "bot verification", "security check", "security checkpoint", "human verification", "verifying your connection...",
	"please wait...", "ddos-guard", "vercel security checkpoint", "captcha interception", "captcha", "you have been blocked", "request unsuccessful",
	"403 forbidden", "429 too many requests", "access to this page has been denied", "access to this page has been denied.", "unusual traffic",
}

// challengeFrames are parts of the addresses of frames and scripts that hold a
// challenge, and challengeMarks are ids of elements that do.
var (
	challengeFrames = []string{
		"captcha-delivery.com/", "challenges.cloudflare.com/", "/cdn-cgi/challenge-platform/", "_Incapsula_Resource", "hcaptcha.com/", "google.com/recaptcha/",
		"recaptcha.net/recaptcha/", "/_____tmd_____/punish", "perimeterx.net/", "px-cloud.net/", "px-captcha", "geetest.com/", "arkoselabs.com/",
	}
	challengeMarks = []string{"px-captcha", "challenge-form", "challenge-error-text", "challenge-running", "cf-challenge-running", "captcha-container", "sec-if-cpt-container", "baxia-punish"}
)

// challenge names the challenge that a page is, "" when it is none.
func challenge(d *document) string {
	title := first(d.root, func(n *html.Node) bool { return n.DataAtom == atom.Title })
	if title != nil && title.FirstChild != nil {
		t := strings.ToLower(strings.Join(strings.Fields(market.Clip(title.FirstChild.Data, 300)), " "))
		if slices.Contains(challengeTitles, t) {
			return "challenge"
		}
	}
	found := first(d.root, func(n *html.Node) bool {
		switch {
		case n.DataAtom == atom.Iframe && visible(n, true):
			src := attr(n, "src")
			return slices.ContainsFunc(challengeFrames, func(f string) bool { return strings.Contains(src, f) })
		case slices.Contains(challengeMarks, attr(n, "id")):
			return visible(n, true)
		}
		return false
	})
	if found != nil {
		return "captcha"
	}
	return ""
}

// elsewhere returns why a page is another one than was asked for, "" when it is
// that.
func (s *storefront) elsewhere(d *document, asked string) string {
	want, err := url.Parse(asked)
	switch {
	case err != nil:
		return "the address cannot be read"
	case !sameHost(d.url, s.address):
		return fmt.Sprintf("%s leads to %s, which is another website", s.address.Host, market.Clip(d.url.Host, 100))
	case strings.TrimRight(d.url.EscapedPath(), "/") != strings.TrimRight(want.EscapedPath(), "/"):
		return fmt.Sprintf("the list leads to %s; if that is the list, name it in the configuration", market.Clip(d.url.String(), 200))
	}
	got := d.url.Query()
	for key, values := range want.Query() {
		if !slices.Equal(got[key], values) {
			return fmt.Sprintf("the list leads to %s, where %s is lost", market.Clip(d.url.String(), 200), key)
		}
	}
	return ""
}

// failure returns the state of a page that shows no list and is no wall.
func (s *storefront) failure(d *document, asked string) *market.State {
	f := &market.State{Verdict: tracker.Failed, Transient: true}
	away := s.elsewhere(d, asked)
	switch {
	case d.status == http.StatusGone:
		return &market.State{Name: "gone", Verdict: tracker.Gone, Reason: s.address.Host + " says that this list is gone for good (status 410); check the address"}
	case d.status == http.StatusNotFound:
		f.Name, f.Reason = "not found", "the list is not there (status 404); check the address"
	case d.status >= 400:
		f.Name, f.Reason = "server error", fmt.Sprintf("%s answered with status %d", s.address.Host, d.status)
	case away != "":
		f.Name, f.Reason = "elsewhere", away
	case d.why == "time" || d.why == "quiet":
		f.Name, f.Reason = "list missing", "the list did not appear in time: "+s.lacks()
	default:
		f.Name, f.Reason = "not a list", "the page shows no list: "+s.lacks()
	}
	return f
}

// lacks says what a page lacks that shows no list.
func (s *storefront) lacks() string {
	switch r := s.rules; {
	case !r.ready.none():
		return fmt.Sprintf("nothing matches list.ready (%s) together with list.row (%s)", r.ready.name(), s.rowName())
	case r.empty.none():
		return fmt.Sprintf("nothing matches list.row (%s); if the list may be empty, say with list.empty what is shown then", s.rowName())
	default:
		return fmt.Sprintf("nothing matches list.row (%s) nor list.empty (%s)", s.rowName(), r.empty.name())
	}
}

func (s *storefront) rowName() string {
	if s.rules.row == nil {
		return s.rules.List.Data
	}
	return s.rules.row.text
}

func (s *sign) name() string {
	if s.css == nil {
		return s.text
	}
	return s.css.text
}
