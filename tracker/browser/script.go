package browser

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Wait evaluates a call of the page's script, waits for the promise that it
// returns and decodes its value into out. When
// the page goes elsewhere meanwhile, the call is made again there.
func (t *Tab) Wait(ctx context.Context, expression string, out any) error {
	for {
		err := t.onPage(ctx, func(ctx context.Context, s cdp.Session) error {
			return t.evaluate(ctx, s, expression, out)
		})
		if !navigated(err) {
			return err
		}
		t.mu.Lock()
		t.world = 0
		t.mu.Unlock()
	}
}

// navigated reports whether an evaluation failed because its page went away.
func navigated(err error) bool {
	if err == nil || errors.Is(err, ErrCrashed) || errors.Is(err, ErrLost) {
		return false
	}
	for _, s := range []string{"Cannot find context", "context was destroyed", "navigated or closed", "No frame for given id", "Promise was collected"} {
		if strings.Contains(err.Error(), s) {
			return true
		}
	}
	return false
}

func (t *Tab) evaluate(ctx context.Context, s cdp.Session, expression string, out any) error {
	world, err := t.install(ctx, s)
	if err != nil {
		return err
	}
	res, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{
		Expression: expression, ContextID: world,
		ReturnByValue: new(true), AwaitPromise: new(true), Silent: new(true),
	})
	if err != nil {
		return err
	}
	if x := res.ExceptionDetails; x != nil {
		return fmt.Errorf("page script: %s", exception(x))
	}
	if out == nil || res.Result == nil {
		return nil
	}
	return json.Unmarshal(res.Result.Value, out)
}

// install puts the script into a world of its own in the present page, once.
func (t *Tab) install(ctx context.Context, s cdp.Session) (runtime.ExecutionContextID, error) {
	t.mu.Lock()
	world := t.world
	t.mu.Unlock()
	if world != 0 {
		return world, nil
	}
	res, err := cdp.Call(ctx, s, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: t.frame, WorldName: "shopwatch"})
	if err != nil {
		return 0, err
	}
	world = res.ExecutionContextID
	script, err := cdp.Call(ctx, s, runtime.Evaluate, runtime.EvaluateParams{
		Expression: t.opts.Script + ";0", ContextID: world, Silent: new(true),
	})
	if err != nil {
		return 0, err
	}
	if x := script.ExceptionDetails; x != nil {
		return 0, fmt.Errorf("page script: %s", exception(x))
	}
	t.tell.Lock()
	defer t.tell.Unlock()
	t.mu.Lock()
	t.world = world
	calls := t.calls
	t.mu.Unlock()
	for i := range calls {
		if t.opts.Heard == "" {
			break
		}
		if err := t.heard(ctx, s, world, &calls[i]); err != nil {
			return 0, err
		}
	}
	return world, nil
}

func exception(x *runtime.ExceptionDetails) string {
	if x.Exception != nil && x.Exception.Description != "" {
		return x.Exception.Description
	}
	return x.Text
}

// DOM returns the document that the tab shows, as it is now: at most so many
// bytes of it.
func (t *Tab) DOM(ctx context.Context, most int) (html []byte, err error) {
	var text string
	const whole = `(n => { const e = document.documentElement; return e ? e.outerHTML.slice(0, n) : '' })`
	err = t.Wait(ctx, whole+"("+strconv.Itoa(most/4)+")", &text) // a character has four bytes at most
	return []byte(text), err
}
