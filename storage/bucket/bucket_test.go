//go:build unix

package bucket_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"shopwatch/fixtures/s3test"
	"shopwatch/storage/bucket"
)

func options(s *s3test.Server) bucket.Options {
	return bucket.Options{URL: s.URL(), Region: s3test.Region, AccessKey: s3test.AccessKey, SecretKey: s3test.SecretKey}
}

func open(t *testing.T, o bucket.Options) *bucket.Bucket {
	t.Helper()
	b, err := bucket.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is put into the bucket comes back, also from a folder in it.
func TestBucket(t *testing.T) {
	s := s3test.Start(t)
	for _, folder := range []string{"", "/a folder/ä-b"} {
		o := options(s)
		o.URL += folder
		b := open(t, o)
		want := s3test.Large(300_000)
		if _, found, err := b.Get(t.Context(), "ab/cd.wacz", 1<<20); found || err != nil {
			t.Errorf("Get of what is not there = %v, %v", found, err)
		}
		for range 2 { // it may be written again
			if err := b.Put(t.Context(), "ab/cd.wacz", want); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.Files()[strings.TrimPrefix(folder+"/ab/cd.wacz", "/")]; !bytes.Equal(got, want) {
			t.Errorf("the server has %d bytes of it", len(got))
		}
		if got, found, err := b.Get(t.Context(), "ab/cd.wacz", int64(len(want))); !bytes.Equal(got, want) || !found || err != nil {
			t.Errorf("Get = %d bytes, %v, %v", len(got), found, err)
		}
		if _, _, err := b.Get(t.Context(), "ab/cd.wacz", int64(len(want))-1); err == nil || !strings.Contains(err.Error(), "is larger there") {
			t.Errorf("Get of what is too large: %v", err)
		}
		if err := b.Check(t.Context()); err != nil {
			t.Error(err)
		}
		for range 2 { // also when it is gone
			if err := b.Delete(t.Context(), "ab/cd.wacz"); err != nil {
				t.Error(err)
			}
		}
		if files := s.Files(); len(files) != 0 {
			t.Errorf("%d files are left", len(files))
		}
	}
}

// Whoever has no right is refused, and told what to do.
func TestRefused(t *testing.T) {
	s := s3test.Start(t)
	for _, tt := range []struct {
		name, says string
		wrong      func(*bucket.Options)
	}{
		{"another secret", "correct bucket.secret_key", func(o *bucket.Options) { o.SecretKey += "x" }},
		{"an unknown key", "access key", func(o *bucket.Options) { o.AccessKey += "x" }},
		{"another region", "correct bucket.region", func(o *bucket.Options) { o.Region = "" }},
		{"no such bucket", "make it, or correct bucket.url", func(o *bucket.Options) { o.URL = strings.Replace(o.URL, "evidence", "elsewhere", 1) }},
		{"a secret that is not set", "NOWHERE is not set", func(o *bucket.Options) { o.Lacks = errors.New("NOWHERE is not set") }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := options(s)
			tt.wrong(&o)
			b := open(t, o)
			_, found, unread := b.Get(t.Context(), "ab/cd.wacz", 100)
			for _, err := range []error{b.Put(t.Context(), "ab/cd.wacz", []byte("content")), b.Check(t.Context()), unread} {
				if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), s3test.SecretKey) {
					t.Errorf("it says %v, want something with %q", err, tt.says)
				}
			}
			if found {
				t.Error("a file is found")
			}
		})
	}
	if files := s.Files(); len(files) != 0 {
		t.Errorf("%d files are there", len(files))
	}
}

// A server that answers something else is not believed, and not followed to others.
func TestStranger(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close() // nobody answers there
	if err := open(t, bucket.Options{URL: "http://" + l.Addr().String() + "/b"}).Put(t.Context(), "k", nil); err == nil || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("nobody answers: %v", err)
	}
	asked := 0
	for _, tt := range []struct {
		name, says string
		asked      int
		answer     http.HandlerFunc
	}{
		{"it has no time", "503 (SlowDown: Please wait.)", 3, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, "<Error><Code>SlowDown</Code><Message>Please\n wait.</Message></Error>")
		}},
		{"it leads elsewhere", "307 (Temporary Redirect)", 1, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/b/elsewhere", http.StatusTemporaryRedirect)
		}},
		{"it talks without end", "…", 1, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", strings.Repeat("no ", 10_000))
		}},
		{"it is no S3 server", "404 (Not Found)", 1, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "404 page not found", http.StatusNotFound) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked = 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				tt.answer(w, r)
			}))
			defer server.Close()
			err := open(t, bucket.Options{URL: server.URL + "/b"}).Put(t.Context(), "k", []byte("content"))
			if err == nil || !strings.Contains(err.Error(), tt.says) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %v, want something with %q", err, tt.says)
			}
			if asked != tt.asked {
				t.Errorf("it was asked %d times, want %d", asked, tt.asked)
			}
		})
	}
	for _, url := range []string{"", "s3://b", "https://", "https://a:b@s3.example.com/b", "https://s3.example.com/b?x=y"} {
		if _, err := bucket.New(bucket.Options{URL: url}); err == nil {
			t.Errorf("New(%q) succeeded", url)
		}
	}
}
