package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"shopwatch/fixtures"
)

// An assistant reads what is known, with the daemon and without it, through the
// client of the protocol's own kit on the standard streams of a process.
func TestAssistants(t *testing.T) {
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
	if got, want := strings.Join(names, " "), "changes products scans storefronts why"; got != want {
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
			"products": {"storefront": "nobody"}, "changes": {"since": "yesterday"}, "why": {"seq": 4711}, "scans": {"storefront": 7}, "scan": {},
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
