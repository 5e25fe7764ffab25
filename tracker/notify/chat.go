package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/types"
	"github.com/nicholas-fedor/shoutrrr/pkg/util/jsonclient"

	"shopwatch/tracker/report"
)

// chatKind is a kind of chat that shoutrrr knows. Its url is a shoutrrr
// address, such as slack://hook:KEY@webhook or wecom://KEY. The text is short
// enough for the service in bytes. Services are made here and not by shoutrrr's
// router, which would bring in all that it knows.
func chatKind(name string, most int, service func() types.Service) Kind {
	return Kind{
		Name: name, Need: []string{"url"},
		new: func(s Settings) (Sender, error) {
			u, err := url.Parse(s.URL)
			if err != nil || u.Scheme != name {
				return nil, badSetting("url", "want the address of the chat in the form of shoutrrr, %s://…", name)
			}
			to := service()
			if to.Initialize(u, nil) != nil { // what it says may hold the key
				return nil, badSetting("url", "%s does not understand the address", name)
			}
			return &chat{Settings: s, kind: name, most: most, service: to, busy: make(chan struct{}, 1)}, nil
		},
	}
}

// A chat sends the report in a few lines through shoutrrr.
type chat struct {
	Settings
	kind    string
	most    int
	service types.Service
	// busy is held while shoutrrr sends. It takes no context, and some of its
	// services set no time limit.
	busy chan struct{}
}

func (c *chat) Recipients() []string { return []string{c.kind} }

func (c *chat) Send(ctx context.Context, l *Message) (string, error) {
	select {
	case c.busy <- struct{}{}:
	default:
		return "", &Unreachable{fmt.Errorf("%s has not answered the last attempt yet", c.kind)}
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-c.busy }()
		done <- c.service.Send(chatText(l, c.most), &types.Params{})
	}()
	ctx, cancel := lingering(ctx)
	defer cancel()
	t := time.NewTimer(c.Timeout)
	defer t.Stop()
	select {
	case err := <-done:
		return "sent", c.judge(err)
	case <-ctx.Done():
		return "", ctx.Err()
	case <-t.C:
		return "", &Unreachable{&Unsure{fmt.Errorf("%s does not answer", c.kind)}}
	}
}

var (
	anyAddress = regexp.MustCompile(`[a-z]+://[^\s"]+`)
	statusSaid = regexp.MustCompile(`(?i)(?:status|code|http)\D{0,30}\b(4\d\d)\b`)
)

// judge says what an error of shoutrrr means, without the address that it may
// name.
func (c *chat) judge(err error) error {
	if err == nil {
		return nil
	}
	said := anyAddress.ReplaceAllString(err.Error(), "…")
	status := 0
	var je jsonclient.Error
	if errors.As(err, &je) {
		status = je.StatusCode
	} else if m := statusSaid.FindStringSubmatch(said); m != nil {
		status, _ = strconv.Atoi(m[1])
	}
	var broken net.Error
	switch {
	case final(status):
		return &Refused{said}
	case status != 0 || !errors.As(err, &broken) && !errors.Is(err, io.EOF):
		return errors.New(said)
	case onItsWay(err):
		return &Unreachable{&Unsure{errors.New(said)}}
	}
	return &Unreachable{errors.New(said)}
}

// cutLines shortens a text to about n bytes by whole lines: half an address leads
// elsewhere.
func cutLines(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if end := strings.LastIndexByte(s[:n+1], '\n'); end > 0 {
		return s[:end] + "\n…"
	}
	return cutTo(s, n)
}

// chatText is a delivery for a chat, of at most so many bytes. What a chat takes
// for a call to everybody, or for markup, is written with look-alikes.
func chatText(l *Message, most int) string {
	head := l.Mail.Subject()
	if l.Again {
		head += " " + report.Again(l.Story.Lang)
	}
	s := head + "\n\n" + l.Mail.Brief()
	s = cutLines(strings.NewReplacer("@", "＠", "<", "‹", ">", "›", "`", "'", "](", "］(").Replace(s), most)
	var foot []string
	if words, address := l.Mail.Method(); address != "" {
		foot = append(foot, words+": "+address)
	}
	for _, line := range append(foot, l.Mail.Checkpoint()) {
		if line != "" && len(s)+len(line)+2 <= most {
			s += "\n\n" + line
		}
	}
	return s
}
