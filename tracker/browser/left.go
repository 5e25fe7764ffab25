package browser

import (
	"context"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/storage"
)

// left is what pages leave in a profile, without cookies, which are a login.
const left = "cache_storage,file_systems,indexeddb,local_storage,service_workers,interest_groups,shared_storage,storage_buckets"

// clear deletes what pages of any site have left in the profile: workers would
// answer for them, and the rest would fill the disk. Beside another tab, whose
// page may be at work with it, nothing is deleted; that tab will.
func (t *Tab) clear(ctx context.Context) error {
	t.browser.mu.Lock()
	others, full := t.proc.open > 1, t.proc.cached > mostCache
	t.browser.mu.Unlock()
	if others || t.proc.remote { // which is opened in a context that is thrown away
		return nil
	}
	err := t.within(ctx, func(ctx context.Context, s cdp.Session) error {
		err := call(ctx, s, storage.ClearDataForOrigin, storage.ClearDataForOriginParams{Origin: "*", StorageTypes: left})
		if full && err == nil {
			err = call(ctx, s, network.ClearBrowserCache, cdp.Empty{})
		}
		return err
	})
	if full && err == nil {
		t.browser.mu.Lock()
		t.proc.cached = 0
		t.browser.mu.Unlock()
	}
	return err
}

// clearUp deletes what the page has left.
func (t *Tab) clearUp(ctx context.Context) error {
	select {
	case <-t.ended:
		return nil
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return t.clear(ctx)
}

// What pages may leave on the disk, in bytes: answers in the cache, and
// together what they store themselves, until it is deleted.
const (
	mostCache  = 64 << 20
	mostStored = 64 << 20 // a site gets three quarters of it
)

// shareOfDisk is the share of the disk below a directory that some bytes are,
// and a thousandth where that is not known.
func shareOfDisk(dir string, bytes float64) float64 {
	size, err := diskSize(dir)
	if err != nil || size <= 0 {
		return 0.001
	}
	return min(bytes/float64(size), 0.01)
}
