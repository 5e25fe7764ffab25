package main

import (
	"strings"
	"testing"

	"shopwatch/fixtures"
)

func TestGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.mall.Open(fixtures.Shop{Host: "oppo.tmall.com", Title: "OPPO", Delay: -1, Products: []fixtures.Product{
		{ID: "45200000001", Title: "糖大夫血糖仪 家用智能测试仪", Price: "189.00"},
		{ID: "45200000002", Title: "Qrobot 聊天机器人", Price: "429.00"},
		{ID: "45200000003", Title: "手机壳", Price: "9.90"},
	}})
	storefronts := []any{
		map[string]any{"name": "tencent", "url": w.shop.URL()}, map[string]any{"name": "oppo", "url": other.URL()},
	}
	w.configure(map[string]any{"storefronts": storefronts})
	w.want(0, "scan")
	contains := func(out string, want ...string) {
		t.Helper()
		for _, s := range want {
			if !strings.Contains(out, s) {
				t.Errorf("it prints\n%s\nwant %q", out, s)
			}
		}
	}
	contains(w.want(0, "groups"), "no groups in the configuration")
	suggested := w.want(0, "groups", "suggest")
	contains(suggested, "% sure, by title", "#   oppo: Qrobot 聊天机器人", "  - name: qrobot\n    products: [oppo/45200000002, tencent/45100000003]\n")
	if strings.Contains(suggested, "手机壳") || strings.Count(suggested, "- name:") != 1 {
		t.Errorf("it suggests\n%s", suggested)
	}

	w.configure(map[string]any{"storefronts": storefronts, "groups": []any{
		map[string]any{"name": "robot", "products": []string{"tencent/45100000003", "tencent/99"}},
	}})
	contains(w.want(0, "groups", "suggest"), "# one more of robot?", "  - name: robot\n    products: [tencent/45100000003, tencent/99, oppo/45200000002]\n")
	contains(w.want(0, "groups", "suggest", "--json"), `{"group":"robot","name":"robot","products":["oppo/45200000002"],`)

	w.configure(map[string]any{"storefronts": storefronts, "groups": []any{
		map[string]any{"name": "robot", "products": []string{"tencent/45100000003", "oppo/45200000002"}},
		map[string]any{"name": "meter", "products": []string{"tencent/45100000001", "oppo/45200000001", "oppo/77"}},
	}})
	list := strings.Join(strings.Fields(w.want(0, "groups")), " ")
	contains(list, "robot ¥399.00 tencent Qrobot 聊天机器人", "meter ¥189.00 oppo 糖大夫血糖仪")
	table := strings.Join(strings.Fields(w.want(0, "products", "--group", "meter")), " ")
	contains(table, "tencent 45100000001 ¥199.00 listed", "oppo 45200000001 ¥189.00 lowest listed", "oppo 77 ? never seen")
	contains(w.want(0, "products", "--group", "meter", "--json"),
		`{"storefront":"oppo","id":"45200000001","product":{"id":"45200000001",`, `"lowest":true}`, `{"storefront":"oppo","id":"77","product":null,"lowest":false}`)
	if out := w.want(0, "groups", "suggest"); strings.Contains(out, "Qrobot") {
		t.Errorf("what is a group already is suggested:\n%s", out)
	}
	for args, want := range map[string]string{"products": "name a storefront, or a group", "products tencent --group robot": "name a storefront, or a group", "products --group x": "there is no group"} {
		if _, errs, status := w.do(strings.Fields(args)...); status != 1 || !strings.Contains(errs, want) {
			t.Errorf("%s = %d, %s, want %q", args, status, errs, want)
		}
	}
}
