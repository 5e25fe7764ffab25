package tracker_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"shopwatch/tracker"
)

// offered is an offer: "storefront/id: title", with a grey picture if not 0.
func offered(text string, grey uint8) tracker.Offer {
	key, title, _ := strings.Cut(text, ": ")
	name, id, _ := strings.Cut(key, "/")
	o := tracker.Offer{Storefront: tracker.StorefrontName(name), Item: tracker.Item{Product: tracker.Product{ID: tracker.ProductID(id), Title: title}}}
	if grey > 0 {
		o.Item.ImageHash = plainLook(grey)
	}
	return o
}

func TestSuggestGroups(t *testing.T) {
	gone := offered("b/1: Sony WH-1000XM5 headphones", 0)
	gone.Item.Removed = time.Unix(1, 0)
	for _, tt := range []struct {
		rule   string
		offers []tracker.Offer
		groups []tracker.Group
		want   []string // name or group: products (because)
	}{
		{"the number of a model and much of the title", []tracker.Offer{
			offered("a/1: Sony WH-1000XM5 wireless headphones black", 0), offered("b/7: SONY WH1000XM5 Headphones (black)", 0), offered("b/8: Sony headphones, wireless, black", 0),
		}, nil, []string{"wh1000xm5: a/1 b/7 (number title)"}},
		{"another model is another thing, however alike", []tracker.Offer{
			offered("a/1: Sony WH-1000XM5 wireless headphones", 50), offered("b/7: Sony WH-1000XM4 wireless headphones", 50),
		}, nil, nil},
		{"two of three models are another thing", []tracker.Offer{
			offered("a/1: TP-Link router Archer AX3000 WiFi6 dual TPL77", 0), offered("b/7: TP-Link router Archer AX5400 WiFi6 dual TPL77", 0),
		}, nil, nil},
		{"a standard is no model", []tracker.Offer{
			offered("a/1: Router WiFi6 white", 0), offered("b/7: Repeater WiFi6 black", 0),
		}, nil, nil},
		{"another amount is another thing", []tracker.Offer{
			offered("a/1: Shampoo lavender 250ml", 50), offered("b/7: Shampoo lavender 500ml", 50),
			offered("a/2: 糖大夫血糖试纸 50片装", 60), offered("b/8: 糖大夫血糖试纸 25片装", 60),
		}, nil, nil},
		{"another bare number too", []tracker.Offer{offered("a/1: Watercolour brush no. 12", 50), offered("b/7: Watercolour brush no. 8", 50)}, nil, nil},
		{"the same title", []tracker.Offer{offered("a/1: 糖大夫血糖试纸 50片装", 0), offered("b/7: 糖大夫 血糖试纸（50片装）", 0)}, nil, []string{"group: a/1 b/7 (title)"}},
		{"much of the title and the picture", []tracker.Offer{
			offered("a/11111: 腾讯微投影仪 家用高清便携", 90), offered("b/7: 腾讯微投影仪 高清便携 办公", 90), offered("b/9: 腾讯微投影仪 高清便携 办公 礼盒", 200),
		}, nil, []string{"11111: a/11111 b/7 (picture title)"}},
		{"the picture alone is not enough", []tracker.Offer{offered("a/1: Easel", 90), offered("b/7: Gift card", 90)}, nil, nil},
		{"half of the title alone is not enough", []tracker.Offer{offered("a/1: Travel palette wood", 90), offered("b/7: Travel palette metal", 10)}, nil, nil},
		{"the number of a trade item", []tracker.Offer{offered("a/1: Felt pens 4006381333931", 0), offered("b/7: Stabilo 4006381333931", 0)}, nil, []string{"4006381333931: a/1 b/7 (number)"}},
		{"digits that are no number of a trade item", []tracker.Offer{offered("a/1: Felt pens 4006381333932", 0), offered("b/7: Stabilo 4006381333932", 0)}, nil, nil},
		{"one storefront sells a thing once", []tracker.Offer{
			offered("a/1: Sony WH-1000XM5 headphones", 0), offered("a/2: Sony WH-1000XM5 headphones", 0),
		}, nil, nil},
		{"three storefronts", []tracker.Offer{
			offered("a/1: Canon EOS R50 camera", 0), offered("b/7: Canon EOS-R50 camera", 0), offered("c/5: Canon EOS-R50 camera body", 0), offered("c/6: Canon EOS-R50 camera", 0),
		}, nil, []string{"canon-eos-r50-camera: a/1 b/7 c/6 (number title)"}},
		{"what is removed is none", []tracker.Offer{offered("a/1: Sony WH-1000XM5 headphones", 0), gone}, nil, nil},
		{"what is together already is none", []tracker.Offer{offered("a/1: Sony WH-1000XM5 headphones", 0), offered("b/7: Sony WH-1000XM5 headphones", 0)},
			[]tracker.Group{{Name: "xm5", Products: []tracker.ProductKey{{Storefront: "a", ID: "1"}, {Storefront: "b", ID: "7"}}}}, nil},
		{"what a group lacks", []tracker.Offer{offered("a/1: Sony WH-1000XM5 headphones", 0), offered("b/7: Sony WH-1000XM5 headphones", 0), offered("c/5: Sony WH-1000XM5 headphones", 0)},
			[]tracker.Group{{Name: "xm5", Products: []tracker.ProductKey{{Storefront: "a", ID: "1"}, {Storefront: "b", ID: "7"}}}}, []string{"in xm5: c/5 (number title)"}},
		{"a group has one product of a storefront, also one that is removed", []tracker.Offer{offered("a/1: Sony WH-1000XM5 headphones", 0), offered("c/5: Sony WH-1000XM5 headphones", 0)},
			[]tracker.Group{{Name: "xm5", Products: []tracker.ProductKey{{Storefront: "a", ID: "1"}, {Storefront: "c", ID: "4"}}}}, nil},
		{"two groups stay two", []tracker.Offer{offered("a/1: Sony WH-1000XM5 headphones", 0), offered("c/5: Sony WH-1000XM5 headphones", 0)},
			[]tracker.Group{{Name: "x", Products: []tracker.ProductKey{{Storefront: "a", ID: "1"}}}, {Name: "y", Products: []tracker.ProductKey{{Storefront: "c", ID: "5"}}}}, nil},
	} {
		var got []string
		for _, s := range tracker.SuggestGroups(tt.offers, tt.groups) {
			var keys []string
			for _, k := range s.Products {
				keys = append(keys, k.String())
			}
			name := s.Name
			if s.Group != "" {
				name = "in " + s.Group
			}
			got = append(got, fmt.Sprintf("%s: %s (%s)", name, strings.Join(keys, " "), strings.Join(s.Because, " ")))
			if s.Confidence < 0.85 || s.Confidence > 0.99 {
				t.Errorf("%s: confidence %v", tt.rule, s.Confidence)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.rule, got, tt.want)
		}
	}
}

// Many products must not take the square of the time.
func TestSuggestGroupsOfManyProducts(t *testing.T) {
	var offers []tracker.Offer
	for shop := range 10 {
		for i := range 2000 {
			offers = append(offers, offered(fmt.Sprintf("s%d/%d: Acme spare part AB%05dX for machines of all kinds", shop, i, i+1000*shop), 0))
		}
	}
	began := time.Now()
	list := tracker.SuggestGroups(offers, nil)
	if len(list) != 9000 {
		t.Errorf("%d suggestions, want 9,000", len(list))
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("20,000 products took %s", took)
	}
}

func FuzzSuggestGroups(f *testing.F) {
	f.Add("Sony WH-1000XM5 4006381333931", "糖大夫血糖试纸（50片装）")
	f.Add("12.5.", "-\xff3毫")
	form := regexp.MustCompile(`^[a-z0-9][a-z0-9-]{2,40}$`)
	f.Fuzz(func(t *testing.T, a, b string) {
		offers := []tracker.Offer{offered("a/11111: "+a, 7), offered("b/22222: "+b, 7), offered("c/33333: "+a, 9)}
		for _, s := range tracker.SuggestGroups(offers, nil) {
			if len(s.Products) < 2 || len(s.Products) != len(s.Titles) || !form.MatchString(s.Name) || len(s.Because) == 0 {
				t.Errorf("%q and %q give %+v", a, b, s)
			}
		}
	})
}
