package browser_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"testing"
	"time"

	"shopwatch/tracker/browser"
)

// A page reaches nothing by WebRTC over UDP: neither this machine nor, past a
// proxy, any other.
func TestWebRTC(t *testing.T) {
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			// Chrome's own check of local network access would keep it from
			// this machine by itself.
			unchecked := map[string]any{"disable-features": "LocalNetworkAccessChecksWebRTC"}
			if stun(t, path, nil) || stun(t, path, unchecked) {
				t.Error("a page spoke UDP with this machine")
			}
			unchecked["force-webrtc-ip-handling-policy"], unchecked["webrtc-ip-handling-policy"] = "default", "default"
			if !stun(t, path, unchecked) {
				t.Skip("NOT TESTED: on this machine WebRTC sends nothing where it may; it needs a network")
			}
		})
	}
}

// stun reports whether a page sends STUN messages to a server on this machine.
func stun(t *testing.T, path string, flags map[string]any) bool {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	heard := make(chan bool, 1)
	go func() {
		b := make([]byte, 1500)
		for {
			n, _, err := server.ReadFrom(b)
			if err != nil {
				heard <- false
				return
			}
			if n >= 20 && binary.BigEndian.Uint32(b[4:]) == 0x2112a442 { // the magic cookie of STUN
				heard <- true
				cancel()
				return
			}
		}
	}()
	address := page(t, fmt.Sprintf(`<!DOCTYPE html><title>a</title><script>
		const tries = async () => {
			const servers = [{urls: 'stun:127.0.0.1:%[1]d'}, {urls: 'turn:127.0.0.1:%[1]d', username: 'a', credential: 'b'}]
			const a = new RTCPeerConnection({iceServers: servers}), b = new RTCPeerConnection()
			a.createDataChannel('x')
			const gathered = new Promise(done => a.onicegatheringstatechange = () => a.iceGatheringState === 'complete' && done())
			await a.setLocalDescription(await a.createOffer())
			await b.setRemoteDescription(a.localDescription)
			await b.setLocalDescription(await b.createAnswer())
			await a.setRemoteDescription(b.localDescription)
			const ufrag = /ice-ufrag:(\S+)/.exec(b.localDescription.sdp)[1]
			await a.addIceCandidate({candidate: 'candidate:1 1 udp 2113937151 127.0.0.1 %[1]d typ host generation 0 ufrag ' + ufrag, sdpMid: '0', sdpMLineIndex: 0})
			await gathered
		}
		tries().finally(() => document.title = 'tried')</script>`, server.LocalAddr().(*net.UDPAddr).Port))
	all := maps.Clone(mall.Flags())
	maps.Copy(all, flags)
	b := browser.New(browser.Options{Path: path, Flags: all})
	defer b.Close()
	tb := tab(t, b, browser.TabOptions{})
	defer tb.Close()
	// What asks for a permission that nobody gives may be tried for ever.
	const tried = `new Promise(done => { setTimeout(done, 2500); setInterval(() => document.title === 'tried' && done(), 20) })`
	if err = tb.Open(ctx, address); err == nil {
		err = tb.Wait(ctx, tried, nil)
	}
	if err != nil && ctx.Err() == nil {
		t.Fatal(err)
	}
	server.Close()
	return <-heard
}
