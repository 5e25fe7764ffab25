// Package bucket keeps files in a bucket: with a provider that understands the API
// of Amazon S3, or on a server of one's own.
//
// It signs requests with the signer of Amazon's own library and sends them itself:
// it needs three of them, and the whole client would be as large as a sixth of
// shopwatch.
package bucket

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"shopwatch/tracker"
)

// Options of a Bucket.
type Options struct {
	// URL is the address of the bucket, with a folder in it if there shall be one:
	// https://HOST/BUCKET or https://BUCKET.HOST, as the provider has it.
	URL    string
	Region string // us-east-1 when empty, which most servers of one's own have

	AccessKey, SecretKey string
	// Lacks is why the bucket cannot be used, such as a secret that is not set;
	// nil when it can. All calls return it.
	Lacks error
}

// A Bucket holds files under keys.
type Bucket struct {
	o      Options
	base   *url.URL
	signer *v4.Signer
	client *http.Client
}

// New returns a bucket. It asks for nothing.
func New(o Options) (*Bucket, error) {
	base, err := url.Parse(o.URL)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, errors.New("want the address of a bucket: https://HOST/BUCKET or https://BUCKET.HOST")
	}
	o.Region = cmp.Or(o.Region, "us-east-1")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: 5 * time.Second}).DialContext
	transport.ResponseHeaderTimeout = 20 * time.Second
	return &Bucket{
		o: o, base: base,
		signer: v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }), // as S3 has it
		client: &http.Client{
			Transport: transport, Timeout: 2 * time.Minute,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the signature is for this host
		},
	}, nil
}

// String is the address of the bucket.
func (b *Bucket) String() string { return b.o.URL }

// Put writes a file, over one that is there under its key.
func (b *Bucket) Put(ctx context.Context, key string, content []byte) error {
	_, err := b.do(ctx, http.MethodPut, key, content, 0)
	return err
}

// Get reads a file of at most so many bytes. It reports false when there is none.
func (b *Bucket) Get(ctx context.Context, key string, most int64) (content []byte, found bool, err error) {
	content, err = b.do(ctx, http.MethodGet, key, nil, most)
	var r *refusal
	if errors.As(err, &r) && r.Code == "NoSuchKey" {
		return nil, false, nil
	}
	return content, err == nil, err
}

// Delete deletes a file. One that is not there is no error.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.do(ctx, http.MethodDelete, key, nil, 0)
	return err
}

// Check says why the bucket cannot be written, read, or deleted from. It leaves
// nothing behind.
func (b *Bucket) Check(ctx context.Context) error {
	key, want := "check/"+rand.Text(), []byte(rand.Text())
	if err := b.Put(ctx, key, want); err != nil {
		return err
	}
	got, _, err := b.Get(ctx, key, int64(len(want)))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("bucket %s: what was written is not what can be read", b)
	}
	return errors.Join(err, b.Delete(ctx, key))
}

// tries is how often a request is made that a server could not serve at the moment,
// which those of large providers do not rarely say.
const tries = 3

// do makes a request and returns what it was answered.
func (b *Bucket) do(ctx context.Context, method, key string, content []byte, most int64) (answer []byte, err error) {
	if b.o.Lacks != nil {
		return nil, fmt.Errorf("bucket %s: %w", b, b.o.Lacks)
	}
	for again := 1; ; again++ {
		answer, err = b.try(ctx, method, key, content, most)
		var r *refusal
		if err == nil || ctx.Err() != nil || again == tries || !errors.As(err, &r) || r.status < 500 {
			break
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(again) * 200 * time.Millisecond):
		}
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", b, err)
	}
	return answer, nil
}

func (b *Bucket) try(ctx context.Context, method, key string, content []byte, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, b.base.JoinPath(key).String(), bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:])
	req.Header.Set("X-Amz-Content-Sha256", hash) // the server compares it with what it gets
	keys := aws.Credentials{AccessKeyID: b.o.AccessKey, SecretAccessKey: b.o.SecretKey}
	if err := b.signer.SignHTTP(ctx, keys, req, hash, "s3", b.o.Region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := b.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // the address is said already
		}
		return nil, fmt.Errorf("cannot be reached: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return nil, refused(resp)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer ended too soon: %w", err)
	case int64(len(answer)) > most && method == http.MethodGet:
		return nil, fmt.Errorf("%s is larger there than it was", key)
	}
	return answer, nil
}

// A refusal is an answer that says why a request was not served.
type refusal struct {
	status  int
	Code    string
	Message string
}

// refused reads a refusal. What a server says is not trusted to be short, or one
// line.
func refused(resp *http.Response) error {
	r := &refusal{status: resp.StatusCode}
	_ = xml.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(r) // else the status must do
	return r
}

// fixes are what people can do about codes of refusals.
var fixes = map[string]string{
	"InvalidAccessKeyId":           "correct bucket.access_key in the configuration",
	"SignatureDoesNotMatch":        "correct bucket.secret_key in the configuration",
	"AccessDenied":                 "let the access key write, read and delete there",
	"NoSuchBucket":                 "make it, or correct bucket.url in the configuration",
	"AuthorizationHeaderMalformed": "correct bucket.region in the configuration",
	"PermanentRedirect":            "correct bucket.url in the configuration",
	"TemporaryRedirect":            "correct bucket.url in the configuration",
	"RequestTimeTooSkewed":         "set the clock of this machine (timedatectl set-ntp true)",
}

// Error says what to do, where that is known.
func (r *refusal) Error() string {
	text := http.StatusText(r.status)
	if r.Code != "" {
		text = clip(r.Code)
		if m := clip(r.Message); m != "" {
			text += ": " + m
		}
	}
	text = fmt.Sprintf("it answers %d (%s)", r.status, text)
	if fix := fixes[r.Code]; fix != "" {
		text += "; " + fix
	}
	return text
}

// clip makes a short line of a text.
func clip(text string) string {
	text = tracker.SingleLine(text)
	if r := []rune(text); len(r) > 200 {
		text = string(r[:200]) + "…"
	}
	return text
}
