module shopwatch

go 1.26.0

require github.com/robfig/cron/v3 v3.0.1

require github.com/goccy/go-yaml v1.19.2

require (
	github.com/chromedp/cdproto v0.159.0
	github.com/chromedp/chromedp v0.23.0
	github.com/gofrs/flock v0.13.1
	golang.org/x/image v0.47.0
	golang.org/x/text v0.43.0
)

require (
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

require github.com/google/go-cmp v0.7.0

require go.etcd.io/bbolt v1.5.0
