package scan

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"shopwatch/tracker/archive"
)

// cover is a function of the page that covers words in its texts and fields, and
// returns which of them it has met since it was called last; uncover undoes it.
// The words are replaced where they stand: what is laid over them could be under
// something else.
const (
	cover = `(secrets => {
	const any = new RegExp(secrets.map(s => {
		const text = s.text.replace(/[\\^$.*+?()[\]{}|\/]/g, '\\$&')
		return s.within ? '(?<![' + s.within + '])' + text + '(?![' + s.within + '])' : text
	}).join('|'), 'g'), hit = new Set()
	globalThis.shopwatchCovered ||= []
	const replace = (node, key) => {
		const was = node[key], is = was.replace(any, w => { hit.add(secrets.find(s => s.text === w).of); return '█'.repeat(w.length) })
		if (is === was) return
		globalThis.shopwatchCovered.push({node, key, was, is})
		node[key] = is
	}
	const within = root => {
		const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT)
		for (let n = walk.nextNode(); n; n = walk.nextNode()) {
			if (n.nodeType === Node.TEXT_NODE) replace(n, 'data')
			else if (n.matches('input, textarea')) { replace(n, 'value'); replace(n, 'placeholder') }
			else if (n.matches('select')) continue
			else if (n.shadowRoot) within(n.shadowRoot)
			else if (n.matches('iframe, frame') && n.contentDocument) within(n.contentDocument)
		}
	}
	within(document)
	return [...hit]
})`
	uncover = `(() => {
	for (const c of globalThis.shopwatchCovered || []) if (c.node[c.key] === c.is) c.node[c.key] = c.was
	globalThis.shopwatchCovered = []
})()`
)

// mostCovers is how often a page is covered for one picture: it may go on to write
// whose login it is.
const mostCovers = 3

// account are the cookies that stand for the account with which pages are read.
func (r *reading) account(ctx context.Context) ([]archive.Cookie, error) {
	if r.opts.Account == nil {
		return nil, nil
	}
	return r.opts.Account(ctx, r.of.URL, r.market)
}

// covered has pictures taken of the page that is shown, in which what identifies
// the account is covered, and says what that was. It takes them again where the
// page has written more of it meanwhile.
func (r *reading) covered(ctx context.Context, tab *tabReader, take func() error) (what []string, err error) {
	cookies, err := r.account(ctx)
	if err != nil {
		return nil, fmt.Errorf("the cookies of the account: %w", err)
	}
	secrets := archive.Secrets(cookies)
	if len(secrets) == 0 || tab.tab == nil {
		return nil, take()
	}
	list, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, tab.tab.Wait(ctx, uncover, nil)) }()
	for n := range mostCovers + 1 {
		var hit []string
		if err := tab.tab.Wait(ctx, cover+"("+string(list)+")", &hit); err != nil {
			return nil, err
		}
		if n > 0 && len(hit) == 0 {
			return what, nil
		}
		what = append(what, hit...)
		if n < mostCovers {
			if err := take(); err != nil {
				return nil, err
			}
		}
	}
	return nil, errors.New("the page does not stop to show whose login it is read with")
}
