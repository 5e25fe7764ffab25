package bolt_test

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"shopwatch/fixtures"
	"shopwatch/storage/bolt"
	"shopwatch/storage/merkle"
	"shopwatch/tracker"
)

// TestLogKeepsEveryField: a field that is new in a change is not forgotten in
// the log.
func TestLogKeepsEveryField(t *testing.T) {
	want := fixtures.WholeChange()
	want.Before.ID = want.Product.ID
	want.Prior = tracker.Price{} // is looked up in the log: see storage.WithPrior
	got, err := bolt.StoredChange(&want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a change comes back from the log as another (-want +got):\n%s", diff)
	}
}

// The log's tree is made of changes as they will be read back, without reading
// them: whatever stands in them.
func TestTreeHashesWhatIsReadBack(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while, and one goroutine does it")
	}
	r := rand.New(rand.NewPCG(19, 1))
	for range 3000 {
		c := fixtures.WholeChange()
		scramble(r, reflect.ValueOf(&c).Elem())
		kept, err := bolt.KeptChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := bolt.StoredChange(&c)
		if err != nil {
			t.Fatal(err)
		}
		want, err := merkle.Record(&back)
		if err != nil {
			t.Fatal(err)
		}
		got, err := merkle.Record(&kept)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("the tree has the hash of\n%s\nthe log reads back\n%s", got, want)
		}
	}
}

// scramble puts odd values in some places of a value.
func scramble(r *rand.Rand, v reflect.Value) {
	if at, ok := v.Addr().Interface().(*time.Time); ok {
		*at = []time.Time{{}, time.Unix(-5, 7).UTC(), time.Unix(1795000000, 123456789), at.Add(time.Microsecond)}[r.IntN(4)]
		return
	}
	switch odd := r.IntN(3) == 0; v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			scramble(r, v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() && odd {
			v.SetZero()
		} else if !v.IsNil() {
			scramble(r, v.Elem())
		}
	case reflect.Slice:
		if odd {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		for i := range v.Len() {
			scramble(r, v.Index(i))
		}
	case reflect.String:
		if odd {
			v.SetString([]string{"", "\xff\xfe", "a\xc3", "\ufffd", `\ufffd`, "<a&b>\u2028", "\x00\n", "智能\\"}[r.IntN(8)])
		}
	case reflect.Int, reflect.Int64:
		if odd {
			v.SetInt([]int64{0, -1, 1, 1<<53 + 1, 999_999}[r.IntN(5)])
		}
	case reflect.Bool:
		v.SetBool(odd)
	}
}
