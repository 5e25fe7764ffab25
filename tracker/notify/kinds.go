package notify

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/discord"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/lark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/slack"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/chat/wecom"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/bark"
	"github.com/nicholas-fedor/shoutrrr/pkg/services/push/ntfy"
	"github.com/nicholas-fedor/shoutrrr/pkg/types"
)

// Settings are what the configuration of a channel says about where it leads.
// Which of them count depends on the kind.
type Settings struct {
	Channel string // its name

	Server    string // smtps://HOST[:PORT] or smtp://HOST[:PORT]
	Username  string
	Password  string
	Plaintext bool           // send without TLS where none is offered
	Roots     *x509.CertPool // that vouch for the server; nil for the system's
	Hello     string         // by which name this machine greets the server; its own when empty
	From      string
	To        []string
	Timeout   time.Duration // of one delivery; a minute when zero
	Thread    bool          // deliveries about one storefront make one conversation

	URL    string // of a webhook or a chat
	Secret string // signs what is sent
	Path   string // of a file or a folder
	// Address is where people find the folder of a feed on the web; empty where
	// nobody knows.
	Address string
}

// A Kind is a kind of channel.
type Kind struct {
	Name      string
	Need, May []string // keys of its configuration, beside those of all channels
	new       func(Settings) (Sender, error)
}

// Kinds are all kinds of channels.
func Kinds() []Kind {
	return []Kind{
		emailKind,
		webhookKind,
		fileKind,
		feedKind,
		dingtalkKind,
		telegramKind,
		chatKind("slack", 8000, func() types.Service { return new(slack.Service) }),
		chatKind("discord", 5000, func() types.Service { return new(discord.Service) }),
		chatKind("wecom", 1900, func() types.Service { return new(wecom.Service) }),
		chatKind("lark", 3500, func() types.Service { return new(lark.Service) }),
		chatKind("bark", 1900, func() types.Service { return new(bark.Service) }),
		chatKind("ntfy", 3500, func() types.Service { return new(ntfy.Service) }),
	}
}

// A SettingError says what is wrong with one key of a configuration.
type SettingError struct {
	Key string // "to[1]"
	Err error
}

func (e *SettingError) Error() string { return e.Key + ": " + e.Err.Error() }
func (e *SettingError) Unwrap() error { return e.Err }

func badSetting(key, format string, a ...any) error {
	return &SettingError{key, fmt.Errorf(format, a...)}
}

// NewSender returns a sender of a kind. Neither its answers nor its errors hold
// secrets of the settings.
func NewSender(kind string, s Settings) (Sender, error) {
	for _, k := range Kinds() {
		if k.Name != kind {
			continue
		}
		if s.Timeout == 0 {
			s.Timeout = time.Minute
		}
		secrets := newSecrets(&s)
		snd, err := k.new(s)
		if err != nil {
			return nil, secrets.hideIn(err)
		}
		return secrets.guard(snd), nil
	}
	return nil, badSetting("kind", "there is no kind %q", kind)
}
