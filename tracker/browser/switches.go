package browser

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
)

// switches are the command line of Chrome.
func (b *Browser) switches(p *process) []chromedp.ExecAllocatorOption {
	opts := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(b.path),
		chromedp.UserDataDir(p.dir),
		chromedp.WindowSize(1280, 1000),
		chromedp.Flag("disable-popup-blocking", false), // a page may not open windows
		chromedp.Flag("disable-ipc-flooding-protection", false),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("deny-permission-prompts", true),
		chromedp.Flag("no-pings", true),
		chromedp.Flag("mute-audio", true),
		chromedp.Flag("lang", "zh-CN"),
		// The headless shell knows no bound; see Tab.clear.
		chromedp.Flag("disk-cache-size", strconv.Itoa(mostCache)),
		// WebRTC may use no UDP, which would go past a proxy; a shell and a full
		// Chrome have another name for it.
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		// The network service keeps its own process. Within Chrome's it does
		// not always write the cookies before Chrome ends: a login is lost.
	)
	if p.shell {
		opts = append(opts,
			// It knows no blocking of pop-ups, and would ask for their page
			// before they can be closed.
			chromedp.Flag("block-new-web-contents", true),
			// Pages are drawn without a graphics processor, nor with one
			// that is imitated for WebGL, which takes 10 MB.
			chromedp.Flag("disable-gpu", true),
			chromedp.Flag("disable-software-rasterizer", true),
			// What it leaves behind when it is killed is swept with the
			// profile. A full Chrome would make a socket there, for which
			// the path may be too long; sweep finds that by its link.
			chromedp.Env("TMPDIR="+p.dir))
	}
	const resolver = "host-resolver-rules"
	// The quota of a site is to be a share of the disk.
	quota := fmt.Sprintf("StorageQuotaSettings:PoolSizeRatio/%g", shareOfDisk(p.dir, mostStored))
	lists := map[string]list{
		resolver:                     {", ", resolverRules()},
		"ip-address-space-overrides": {",", addressSpaces()},
		"enable-features":            {",", strings.Join(append(enabled[:len(enabled):len(enabled)], quota), ",")},
		"disable-features":           {",", strings.Join(disabled, ",")},
	}
	if !b.opts.Pictures {
		// Patterns would let a page ask for each of its pictures and tell of
		// each refusal: for a list of 60 products some 500 messages.
		lists["blink-settings"] = list{",", "imagesEnabled=false"}
	}
	if p.proxied {
		lists["proxy-bypass-list"] = list{";", proxyBypass()}
	}
	for name, value := range b.opts.Flags {
		own, _ := value.(string)
		switch l, ok := lists[name]; {
		case ok && own != "" && name == resolver: // the first that fits counts, and may lift nothing here
			lists[name] = list{l.separator, l.value + l.separator + own}
		case ok && own != "":
			lists[name] = list{l.separator, own + l.separator + l.value}
		case ok:
		case name == "proxy-server" && p.proxy.server != "":
			opts = append(opts, chromedp.Flag(name, p.proxy.server))
			lists[resolver] = list{", ", p.proxy.resolverRule() + ", " + lists[resolver].value}
		default:
			opts = append(opts, chromedp.Flag(name, value))
		}
	}
	for name, l := range lists {
		opts = append(opts, chromedp.Flag(name, l.value))
	}
	return opts
}

// A list is the value of a switch that has several, to which the options may
// add.
type list struct{ separator, value string }

// enabled and disabled are features of Chrome. Its check of local network access
// is on by itself in new versions only, for some ways of asking. Nothing checks
// what a page has Chrome load ahead of a visit (speculation rules), which is
// therefore left off: no such load may run, and none may be made for a page
// that is rendered ahead. The address bar of a Chrome without a window needs no
// suggestions.
var (
	enabled = []string{"LocalNetworkAccessChecks", "LocalNetworkAccessChecksWebRTC", "LocalNetworkAccessChecksWebSockets", "LocalNetworkAccessChecksWebTransport",
		"PrefetchMultipleActiveSetSizeLimitForBase:prefetch_multiple_active_set_size_limit_for_base_value/0"}
	disabled = []string{"StaticStorageQuota", "Prerender2", "Prerender2FallbackPrefetchSpecRules", "Translate", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup"}
)
