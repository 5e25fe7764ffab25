package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"shopwatch/fixtures"
	"shopwatch/fixtures/deadline"
)

// An assistant reads what is known, with the daemon and without it, through the
// client of the protocol's own kit on the standard streams of a process.
func TestAssistants(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.shop.Put(fixtures.Product{ID: "45100000004", Title: "亲子蓝牙音箱", Price: "129.00"})
	w.want(0, "scan")

	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: w.command("mcp")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := session.Close(); err != nil {
			t.Errorf("it does not end well when its input ends: %v", err)
		}
	})
	call := func(name string, args map[string]any) (text string, failed bool) {
		t.Helper()
		res, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
		if err != nil {
			return err.Error(), true
		}
		return res.Content[0].(*mcp.TextContent).Text, res.IsError
	}

	tools, err := session.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
		if !tool.Annotations.ReadOnlyHint {
			t.Errorf("%s may change something", tool.Name)
		}
	}
	slices.Sort(names)
	if got, want := strings.Join(names, " "), "changes diff products scans storefronts why"; got != want {
		t.Errorf("tools = %s, want %s", got, want)
	}

	asks := func(t *testing.T) {
		for _, tt := range []struct {
			tool    string
			args    map[string]any
			entries int // 0: it is no list
			says    string
		}{
			{"storefronts", nil, 1, `"name":"tencent"`},
			{"products", map[string]any{"storefront": "tencent"}, 4, "糖大夫"},
			{"products", map[string]any{"storefront": "tencent", "listed": true}, 3, "亲子蓝牙音箱"},
			{"products", map[string]any{"storefront": "tencent", "text": "qROBOT"}, 1, "45100000003"},
			{"products", map[string]any{"storefront": "tencent", "limit": 2}, 2, `"more":true`},
			{"changes", nil, 2, `"more":false`},
			{"changes", map[string]any{"kinds": []string{"removed"}, "since": "1d"}, 1, `"proof":"gone"`},
			{"changes", map[string]any{"limit": 1}, 1, `"more":true`},
			{"diff", map[string]any{"storefront": "tencent", "from": "1d"}, 2, `"kind":"removed"`},
			{"diff", map[string]any{"storefront": "tencent", "from": "2d", "to": "1d"}, 0, `"entries":[]`},
			{"diff", map[string]any{"storefront": "tencent", "from": "1d", "limit": 1}, 1, `"kind":"added"`},
			{"scans", map[string]any{"storefront": "tencent"}, 2, `"verdict":"complete"`},
			{"why", map[string]any{"seq": 1}, 0, `"because"`},
		} {
			text, failed := call(tt.tool, tt.args)
			var l struct{ Entries []json.RawMessage }
			if failed || json.Unmarshal([]byte(text), &l) != nil || len(l.Entries) != tt.entries || !strings.Contains(text, tt.says) {
				t.Errorf("%s %v = %s, want %d entries and %s", tt.tool, tt.args, text, tt.entries, tt.says)
			}
			if strings.Contains(text, "team@example.com") {
				t.Errorf("%s names a recipient:\n%s", tt.tool, text)
			}
		}
		for tool, args := range map[string]map[string]any{
			"products": {"storefront": "nobody"}, "diff": {"storefront": "tencent", "from": ""}, "changes": {"since": "yesterday"}, "why": {"seq": 4711}, "scans": {"storefront": 7}, "scan": {},
		} {
			if text, failed := call(tool, args); !failed {
				t.Errorf("%s %v = %s, want an error", tool, args, text)
			}
		}
	}
	t.Run("without a daemon", asks)
	w.daemon()
	t.Run("with a daemon", asks)
}

// The client that assistants in JavaScript are built on understands the server.
func TestAssistantsFromNPM(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("testdata/mcp/node_modules/@modelcontextprotocol/sdk"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("run `make mcp` first: %v", err)
		}
		t.Skip("run `make mcp` first: ", err)
	}
	w := newWorld(t)
	w.want(0, "scan")
	w.shop.Take("45100000002", fixtures.Gone)
	w.want(0, "scan")

	tools := []string{"changes", "diff", "products", "scans", "storefronts", "why"}
	asks := [][2]any{
		{"changes", nil}, {"diff", map[string]any{"storefront": "tencent", "from": "1d"}}, {"products", map[string]any{"storefront": "tencent"}},
		{"scans", nil}, {"storefronts", nil}, {"why", map[string]any{"seq": 1}}, {"why", map[string]any{"seq": 4711}},
	}
	says := []string{`"proof":"gone"`, `"kind":"removed"`, "糖大夫", `"verdict":"complete"`, `"name":"tencent"`, `"because"`, "4711"}
	questions, err := json.Marshal(asks)
	if err != nil {
		t.Fatal(err)
	}
	server := w.command("mcp")
	client := exec.CommandContext(deadline.Context(t), "node", append([]string{"testdata/mcp/client.js", string(questions)}, server.Args...)...)
	client.Env, client.WaitDelay = server.Env, 10*time.Second // the server has its outputs too
	var complaints bytes.Buffer
	client.Stderr = &complaints
	out, err := client.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	var got struct {
		Server  string
		Tools   []string
		Answers []struct {
			IsError bool
			Content []struct{ Text string }
		}
	}
	if err := json.Unmarshal(out, &got); err != nil || got.Server != "shopwatch" || !slices.Equal(got.Tools, tools) || len(got.Answers) != len(asks) {
		t.Fatalf("the client prints %s, %v, want shopwatch with %v and %d answers", out, err, tools, len(asks))
	}
	for i, a := range got.Answers {
		if len(a.Content) != 1 || !strings.Contains(a.Content[0].Text, says[i]) || a.IsError != (says[i] == "4711") {
			t.Errorf("%v = %+v, want %q", asks[i], a, says[i])
		}
	}
}
