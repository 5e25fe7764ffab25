package browser_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"

	"shopwatch/tracker/browser"
)

// ownNetwork says that the process runs in a network of its own.
const ownNetwork = "SHOPWATCH_OWN_NETWORK"

// inOwnNetwork runs the test once more in a network of its own, where it may
// have any address, and reports whether it is there now.
func inOwnNetwork(t *testing.T) bool {
	t.Helper()
	short(t)
	if os.Getenv(ownNetwork) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=5m")
	cmd.Env = append(os.Environ(), ownNetwork+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if id := os.Geteuid(); id != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: id, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, os.ErrPermission) {
		t.Skipf("NOT TESTED: this system allows nobody a network of their own: %v", err)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

// openNetwork gives a network of one's own its loopback interface.
func openNetwork() error {
	if os.Getenv(ownNetwork) == "" {
		return nil
	}
	return withInterface(unix.AF_INET, func(fd int) error {
		lo, err := unix.NewIfreq("lo")
		if err != nil {
			return err
		}
		lo.SetUint16(unix.IFF_UP)
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
	})
}

// addAddress gives the loopback interface one more address, the nth.
func addAddress(n int, a netip.Addr) error {
	if a.Is4() {
		return withInterface(unix.AF_INET, func(fd int) error {
			lo, err := unix.NewIfreq(fmt.Sprintf("lo:%d", n))
			if err == nil {
				err = lo.SetInet4Addr(a.AsSlice())
			}
			if err != nil {
				return err
			}
			return unix.IoctlIfreq(fd, unix.SIOCSIFADDR, lo)
		})
	}
	return withInterface(unix.AF_INET6, func(fd int) error {
		lo := struct { // in6_ifreq
			address [16]byte
			bits    uint32
			index   uint32
		}{a.As16(), 128, 1}
		if _, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFADDR, uintptr(unsafe.Pointer(&lo))); e != 0 {
			return e
		}
		return nil
	})
}

func withInterface(family int, f func(fd int) error) error {
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

// The rules keep Chrome from every inside address that is written as a number,
// and from no other.
func TestResolverRules(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	inside := []string{
		"0.0.0.0", "127.0.0.1", "127.1.2.3", "10.0.0.1", "10.255.255.254", "172.16.0.1", "172.31.255.254", "192.168.0.1", "192.168.255.254", "169.254.169.254",
		"100.64.0.1", "100.100.100.200", "100.127.255.254", "192.0.0.8", "198.18.0.1", "198.19.255.254", "168.63.129.16", "192.0.2.7",
		"::1", "fc12::1", "fd00::1", "fd00:1:2:3:4:5:6:7", "64:ff9b::a00:1", "::ffff:127.0.0.1",
		// The same in other words.
		"localhost", "localhost.", "a.localhost", "a.localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0", "①27.0.0.1",
		"nas.local", "nas.internal", "nas.lan", "router.home.arpa",
	}
	outside := []string{"11.0.0.1", "172.15.255.254", "172.32.0.1", "100.63.255.254", "100.128.0.1", "192.0.1.1", "198.17.255.254", "198.20.0.1", "168.63.129.17", "192.169.0.1",
		"10.shop.example", "127.shop.example"}
	n := 0
	for _, s := range append(inside, outside...) {
		a, err := netip.ParseAddr(s)
		if err != nil || a.IsLoopback() || a.IsUnspecified() || a.Is4In6() {
			continue
		}
		n++
		if err := addAddress(n, a); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
	}
	var mu sync.Mutex
	reached := map[string]bool{}
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		reached[strings.TrimPrefix(r.URL.Path, "/")] = true
	})}
	go srv.Serve(l)
	defer srv.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	// What machines of a network are called is known to its name server.
	names := ""
	for _, s := range append(inside, outside...) {
		if strings.Contains(s, "nas.") || strings.Contains(s, "router.") || strings.Contains(s, "shop.") {
			names += ", MAP " + s + " 127.0.0.1"
		}
	}
	visit := func(t *testing.T, path, rules string) {
		opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("host-resolver-rules", rules))
		ctx, cancel := chromedp.NewExecAllocator(t.Context(), opts...)
		defer cancel()
		ctx, cancel = chromedp.NewContext(ctx)
		defer cancel()
		for _, s := range append(inside, outside...) {
			host := s
			if strings.Contains(s, ":") {
				host = "[" + s + "]"
			}
			_ = chromedp.Do(ctx, chromedp.Navigate("http://"+host+":"+port+"/"+s)) // an address that is not known is an error
		}
		_ = chromedp.Cancel(ctx)
	}
	for name, path := range programs(t) {
		t.Run(name, func(t *testing.T) {
			clear(reached)
			visit(t, path, strings.TrimPrefix(names, ", "))
			for _, s := range append(inside, outside...) {
				if !reached[s] {
					t.Errorf("without rules %s is not reached: the test shows nothing", s)
				}
			}
			clear(reached)
			visit(t, path, browser.ResolverRules()+names)
			for _, s := range inside {
				if reached[s] {
					t.Errorf("%s was reached", s)
				}
			}
			for _, s := range outside {
				if !reached[s] {
					t.Errorf("%s was not reached", s)
				}
			}
		})
	}
}
