package config_test

import (
	"fmt"
	"strings"
	"testing"

	"shopwatch/cmd/shopwatch/config"
	"shopwatch/tracker/market/all"
)

// What a page shows of the configuration says what it is, and no secret.
func TestShown(t *testing.T) {
	const text = `
token: secret-secret-secret
viewer_token: hidden-hidden-hidden
browser: {flags: {proxy-server: "http://bob:topsecret@proxy.example:8080"}}
storefronts: [{name: tencent, url: "https://tencent.tmall.com/", schedule: "@daily", watch: ["音箱"]}]
channels:
  - {name: you, kind: email, server: smtps://mail.example.com, username: bob, password: topsecret, from: a@example.com, to: [b@example.com]}
  - {name: hook, kind: webhook, url: "https://hooks.example.com/T000/B000/topsecrettopsecret", secret: topsecret}
`
	c, err := config.Parse("shopwatch.yaml", []byte(text), func(string) (string, bool) { return "", false }, all.Markets())
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprint(c.Shown())
	for _, secret := range []string{"secret-", "hidden-hidden", "topsecret"} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q is shown: %s", secret, shown)
		}
	}
	for _, want := range []string{"storefronts[0].name tencent", "token (not shown)", "channels[0].server smtps://mail.example.com", "timezone Asia/Shanghai", "rules.misses 3", "音箱", "page_timeout 30s"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in %s", want, shown)
		}
	}
}
