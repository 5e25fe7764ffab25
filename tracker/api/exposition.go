package api

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What follows is the text format of Prometheus, version 0.0.4. Prometheus' own
// library, with all that it brings in, made the program larger by 2.4 MB. That of
// VictoriaMetrics (0.1 MB) has no text for HELP lines, which promtool finds fault
// with, and takes labels as part of a name that the caller has escaped.

// A metric is a name with what it means.
type metric struct {
	name, help, kind string
	labels           []string
}

// desc describes a gauge.
func desc(name, help string, labels ...string) *metric {
	return &metric{"shopwatch_" + name, help, "gauge", labels}
}

// An exposition is an answer to Prometheus, in the making.
type exposition struct {
	families []*metric
	lines    map[*metric]*bytes.Buffer
}

// gauge adds a value; labels are those of the metric, in their order.
func (e *exposition) gauge(m *metric, v float64, labels ...string) { e.add(m, "", v, labels) }

// add adds a value of a metric, or of a part of it such as _count.
func (e *exposition) add(m *metric, part string, v float64, values []string, more ...string) {
	e.declare(m)
	b := e.lines[m]
	b.WriteString(m.name + part)
	pairs := slices.Clone(more)
	for i, l := range m.labels {
		pairs = append(pairs, l+`="`+labelEscaper.Replace(values[i])+`"`)
	}
	slices.Sort(pairs)
	if len(pairs) > 0 {
		b.WriteString("{" + strings.Join(pairs, ",") + "}")
	}
	b.WriteString(" " + formatValue(v) + "\n")
}

// declare names a metric, also one without a value.
func (e *exposition) declare(m *metric) {
	if e.lines == nil {
		e.lines = make(map[*metric]*bytes.Buffer)
	}
	if e.lines[m] == nil {
		e.families = append(e.families, m)
		e.lines[m] = new(bytes.Buffer)
	}
}

var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func formatValue(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// text is the answer, by the names of the metrics.
func (e *exposition) text() []byte {
	var b bytes.Buffer
	slices.SortFunc(e.families, func(a, b *metric) int { return cmp.Compare(a.name, b.name) })
	for _, m := range e.families {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", m.name, m.help, m.name, m.kind)
		b.Write(e.lines[m].Bytes())
	}
	return b.Bytes()
}

// A counter counts by labels.
type counter struct {
	metric
	mu     sync.Mutex
	counts map[string]float64 // by the values of the labels, joined by a zero byte
}

func newCounter(name, help string, labels ...string) *counter {
	return &counter{metric: metric{"shopwatch_" + name, help, "counter", labels}, counts: make(map[string]float64)}
}

// add counts so many more; with 0 the count begins to be there.
func (c *counter) add(n float64, values ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.counts[strings.Join(values, "\x00")] += n
}

func (c *counter) collect(e *exposition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.declare(&c.metric)
	for _, key := range sortedKeys(c.counts) {
		e.add(&c.metric, "", c.counts[key], strings.Split(key, "\x00"))
	}
}

// A histogram says how values of one label are distributed.
type histogram struct {
	metric
	limits []float64
	mu     sync.Mutex
	seen   map[string]*distribution
}

type distribution struct {
	below []float64 // how many are not greater than each limit
	n     float64
	sum   float64
}

func newHistogram(name, help string, limits []float64, label string) *histogram {
	return &histogram{metric: metric{"shopwatch_" + name, help, "histogram", []string{label}}, limits: limits, seen: make(map[string]*distribution)}
}

func (h *histogram) observe(v float64, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.seen[value]
	if d == nil {
		d = &distribution{below: make([]float64, len(h.limits))}
		h.seen[value] = d
	}
	for i, limit := range h.limits {
		if v <= limit {
			d.below[i]++
		}
	}
	d.n++
	d.sum += v
}

func (h *histogram) collect(e *exposition) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.declare(&h.metric)
	for _, value := range sortedKeys(h.seen) {
		d := h.seen[value]
		for i, limit := range h.limits {
			e.add(&h.metric, "_bucket", d.below[i], []string{value}, `le="`+formatValue(limit)+`"`)
		}
		e.add(&h.metric, "_bucket", d.n, []string{value}, `le="+Inf"`)
		e.add(&h.metric, "_sum", d.sum, []string{value})
		e.add(&h.metric, "_count", d.n, []string{value})
	}
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Metrics of the process, by the names that dashboards know.
var (
	goroutinesMetric = &metric{name: "go_goroutines", help: "Number of goroutines that currently exist.", kind: "gauge"}
	goMemoryMetric   = &metric{name: "go_memstats_sys_bytes", help: "Bytes of memory obtained from the system.", kind: "gauge"}
	heapMetric       = &metric{name: "go_memstats_heap_alloc_bytes", help: "Bytes of allocated heap objects.", kind: "gauge"}
	cpuMetric        = &metric{name: "process_cpu_seconds_total", help: "User and system CPU time spent in seconds.", kind: "counter"}
	residentMetric   = &metric{name: "process_resident_memory_bytes", help: "Resident memory size in bytes.", kind: "gauge"}
	filesMetric      = &metric{name: "process_open_fds", help: "Number of open file descriptors.", kind: "gauge"}
)

// process adds what is known of this process. Where there is no /proc that is less.
func (e *exposition) process() {
	e.gauge(goroutinesMetric, float64(runtime.NumGoroutine()))
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	e.gauge(goMemoryMetric, float64(m.Sys))
	e.gauge(heapMetric, float64(m.HeapAlloc))
	if text, err := os.ReadFile("/proc/self/stat"); err == nil {
		// What follows the name of the program, which may hold anything.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if len(fields) > 21 {
			const ticks = 100 // a second, on every Linux that Go knows
			e.gauge(cpuMetric, (parsed(fields[11])+parsed(fields[12]))/ticks)
			e.gauge(residentMetric, parsed(fields[21])*float64(os.Getpagesize()))
		}
	}
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		e.gauge(filesMetric, float64(len(files)))
	}
}

func parsed(s string) float64 {
	v, _ := strconv.ParseFloat(s, 64) // the kernel writes numbers
	return v
}

// exposing serves what collect adds to an answer: to four at a time, each within a
// time.
func exposing(timeout time.Duration, collect func(context.Context, *exposition) error) http.Handler {
	asking := make(chan struct{}, 4)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asking <- struct{}{}:
			defer func() { <-asking }()
		default:
			http.Error(w, "others ask for the metrics now", http.StatusServiceUnavailable)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		var e exposition
		e.process()
		if err := collect(ctx, &e); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(e.text()) // who asked is gone
	})
}
