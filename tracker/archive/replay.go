package archive

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// A Player answers requests with what a capture holds, in the order in which it
// was captured: the second request for an address gets the second answer, and
// when there are no more, the last one again. It is safe for concurrent use.
type Player struct {
	mu     sync.Mutex
	exact  map[string][]*Record // by method, address and what was sent along
	near   map[string][]*Record // by method and address without its query
	served map[string]int
	missed []string
	names  names
}

// NewPlayer returns a player of a capture.
func NewPlayer(c *Capture) *Player {
	p := &Player{exact: make(map[string][]*Record), near: make(map[string][]*Record), served: make(map[string]int), names: make(names)}
	for i := range c.Records {
		r := &c.Records[i]
		if r.Status == 0 {
			continue
		}
		key := p.exactKey(r.method(), r.URL, r.Post)
		p.exact[key] = append(p.exact[key], r)
		key = nearKey(r.method(), r.URL)
		p.near[key] = append(p.near[key], r)
	}
	return p
}

func (p *Player) exactKey(method, address string, post []byte) string {
	address, _, _ = strings.Cut(address, "#")
	return method + " " + string(p.without([]byte(address))) + "\n" + string(post)
}

// without is what was asked as it is in the capture: without what was taken out.
func (p *Player) without(asked []byte) []byte { return p.names.redact(asked, func(string) {}) }

func nearKey(method, address string) string {
	address, _, _ = strings.Cut(address, "#")
	address, _, _ = strings.Cut(address, "?")
	return method + " " + address
}

// Answer returns the answer to a request, nil where the capture has none. An
// address differs from the captured one where a page put the time or a random
// number into it; then the one that differs in nothing else answers.
func (p *Player) Answer(method, address string, post []byte) *Record {
	p.mu.Lock()
	defer p.mu.Unlock()
	post = p.without(post)
	key := p.exactKey(method, address, post)
	list := p.exact[key]
	if len(list) == 0 {
		key, list = p.like(method, address, post)
	}
	if len(list) == 0 {
		if len(p.missed) < 100 && !slices.Contains(p.missed, address) {
			p.missed = append(p.missed, address)
		}
		return nil
	}
	r := list[min(p.served[key], len(list)-1)]
	p.served[key]++
	return r.answering(address)
}

// like are the answers to the captured request that is most like another one.
func (p *Player) like(method, address string, post []byte) (string, []*Record) {
	var best *Record
	bestScore := -1
	for _, r := range p.near[nearKey(method, address)] {
		if score, same := alike(r.URL, address); same && bytes.Equal(r.Post, post) && score > bestScore {
			best, bestScore = r, score
		}
	}
	if best == nil {
		return "", nil
	}
	key := p.exactKey(method, best.URL, best.Post)
	return key, p.exact[key]
}

// changing are parameters that a page makes up anew for each request.
var changing = []string{"t", "_", "ts", "time", "timestamp", "sign", "callback", "jsoncallback", "cb", "jsonp", "_ksts", "rnd", "rand", "random", "r", "v", "nonce", "uuid", "_t", "mid", "h5st", "x-api-eid-token"}

// alike reports whether two addresses that differ in their query ask for the
// same, and how much of the query is equal.
func alike(captured, asked string) (score int, same bool) {
	a, errA := url.Parse(captured)
	b, errB := url.Parse(asked)
	if errA != nil || errB != nil {
		return 0, false
	}
	qa, qb := a.Query(), b.Query()
	for name := range qb {
		if _, known := qa[name]; !known && !slices.Contains(changing, strings.ToLower(name)) {
			return 0, false
		}
	}
	for name, va := range qa {
		vb, known := qb[name]
		switch {
		case known && slices.Equal(va, vb):
			score++
		case slices.Contains(changing, strings.ToLower(name)), known && slices.Contains(va, gone):
		default:
			return 0, false
		}
	}
	return score, true
}

// answering returns the record as the answer to a request, in which a page may
// have made up another name for the function that its answer calls.
func (r *Record) answering(address string) *Record {
	for _, name := range []string{"callback", "jsoncallback", "cb", "jsonp"} {
		was, is := param(r.URL, name), param(address, name)
		if was == "" || is == "" || was == is {
			continue
		}
		head := r.Body[:min(len(r.Body), 200)]
		if i := bytes.Index(head, []byte(was+"(")); i >= 0 {
			other := *r
			other.Body = slices.Concat(r.Body[:i], []byte(is), r.Body[i+len(was):])
			return &other
		}
	}
	return r
}

func param(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Query().Get(name)
}

// Missed are addresses for which the capture had no answer, some of them.
func (p *Player) Missed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.missed)
}
