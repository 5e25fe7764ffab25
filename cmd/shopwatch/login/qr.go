package login

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"strings"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"shopwatch/cmd/shopwatch/term"
	"shopwatch/tracker/atomicfile"
	"shopwatch/tracker/browser"
	"shopwatch/tracker/market"
)

// A phoneLogin is a login by the code that the marketplace's own login page
// shows for its app. The page is looked at; nothing is typed, and no challenge
// is answered.
type phoneLogin struct {
	*Session
	tab     *browser.Tab
	chrome  *browser.Browser
	picture string // where the code is written
	shown   string // what the code says that is on the terminal now
	scanned bool   // that was told
	since   time.Time
	hung    int // pages that did not answer
	unread  int // pages in a row that showed no code that could be read
}

// How long one look at the login page may take, how long a code may be out of
// sight, and how many pages are replaced that do not answer or show no code
// that can be read.
const (
	lookTimeout = 20 * time.Second
	patience    = 15 * time.Second
	mostHung    = 2
	mostUnread  = 2
)

// ByPhone lets a person log in with the phone.
func (d *Session) ByPhone(ctx context.Context, wait time.Duration) (err error) {
	before, err := d.look(ctx)
	if err != nil {
		return err
	}
	o := d.Browser
	o.Pictures = true // the code may be one
	p := &phoneLogin{
		Session: d, chrome: browser.New(o),
		picture: strings.TrimSuffix(RecordFile(d.Browser.Profile, d.Market), ".json") + ".png",
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	err = errors.Join(p.login(waiting), p.chrome.Close())
	switch {
	case err == nil:
		return d.conclude(ctx, "qr", before)
	case ctx.Err() != nil:
		return errors.New("interrupted; nobody was logged in")
	case waiting.Err() != nil:
		return fmt.Errorf("no login within %s; begin again when you have the phone at hand", wait)
	}
	return err
}

// login shows codes until one of them has led to a login.
func (p *phoneLogin) login(ctx context.Context) error {
	if err := p.open(ctx); err != nil {
		return err
	}
	defer func() { p.tab.Close() }()
	defer os.Remove(p.picture)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		done, err := p.step(ctx)
		if hangs(err) && ctx.Err() == nil && p.hung < mostHung {
			p.hung++
			p.say("The login page does not answer; it is opened again.")
			p.tab.Close()
			err = p.open(ctx)
		}
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// open opens the login page in a tab of its own.
func (p *phoneLogin) open(ctx context.Context) error {
	tab, err := p.chrome.Tab(ctx, browser.TabOptions{Script: p.Market.Tab.Script, Home: p.Market.Login.Home})
	if err != nil {
		return err
	}
	p.tab = tab
	if err := p.ask(ctx); err != nil {
		return fmt.Errorf("open the login page: %w", err)
	}
	return nil
}

// ask loads the login page, which shows a new code each time.
func (p *phoneLogin) ask(ctx context.Context) error {
	err := p.tab.Open(ctx, p.Market.Login.URL)
	p.since = time.Now()
	return err
}

// hangs reports whether a page is of no more use, and another may be.
func hangs(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, browser.ErrCrashed)
}

// step looks at the page once and does what follows. It reports true when
// there is a login.
func (p *phoneLogin) step(ctx context.Context) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(p.lookTimeout, lookTimeout))
	defer cancel()
	var seen json.RawMessage
	if err := p.tab.Wait(ctx, "(ms => "+p.Market.Login.Wait+")(300)", &seen); err != nil {
		return false, fmt.Errorf("look at the login page: %w", err)
	}
	wall, asks, err := p.Market.Login.Read(&market.Answer{Body: seen})
	if err != nil {
		return false, err
	}
	if wall != nil {
		return false, fmt.Errorf("%s shows a challenge (%s), which shopwatch does not answer: log in on a desktop and carry the login over with --export and --import", p.Market.Name, wall.Name)
	}
	if !asks {
		return p.arrived(ctx)
	}
	return false, p.show(ctx)
}

// arrived reports whether the page that follows the login page has the cookies
// of a login. The last domain may get its own a moment later.
func (p *phoneLogin) arrived(ctx context.Context) (bool, error) {
	s, err := StateOf(ctx, p.Browser.Profile, p.Market, p.chrome)
	if err != nil || !s.There {
		return false, err
	}
	return len(s.Missing) == 0 || time.Since(p.since) > 10*time.Second, nil
}

// show shows the code of the page when it is another one than before.
func (p *phoneLogin) show(ctx context.Context) error {
	var see market.LoginPage
	if err := p.tab.Wait(ctx, p.Market.Login.Look(), &see); err != nil {
		return fmt.Errorf("look for the code: %w", err)
	}
	// A code that has run out is replaced; so is one that is not to be seen
	// for a while, unless a phone has just read it.
	switch lost := time.Since(p.since) > cmp.Or(p.patience, patience); {
	case see.Scanned:
		if !p.scanned {
			p.say("The phone has read the code: confirm the login there.")
		}
		p.scanned, p.since = true, time.Now()
		return nil
	case see.Expired, lost:
		if p.shown == "" && !see.Expired && p.unread >= mostUnread {
			return fmt.Errorf("the login page of %s shows no code that can be read; log in on a desktop and carry the login over with --export and --import", p.Market.Name)
		}
		p.unread++
		if err := p.ask(ctx); err != nil {
			return fmt.Errorf("ask for a new code: %w", err)
		}
		return nil
	}
	text, err := p.read(ctx, see)
	if err != nil || text == "" {
		return err
	}
	p.since, p.scanned, p.unread = time.Now(), false, 0
	if text == p.shown {
		return nil
	}
	return p.draw(text)
}

// read returns what the code on the page says, "" when there is none to read.
func (p *phoneLogin) read(ctx context.Context, see market.LoginPage) (string, error) {
	const margin = 12 // the quiet zone that a code needs
	x, y, width, height := see.Box.X-margin, see.Box.Y-margin, see.Box.Width+2*margin, see.Box.Height+2*margin
	if see.Box.Width == 0 {
		x, y, width, height = 0, 0, 1280, 1000
	}
	shot, err := p.tab.PictureOf(ctx, max(x, 0), max(y, 0), width, height, 2)
	if err != nil {
		return "", fmt.Errorf("take a picture of the code: %w", err)
	}
	img, err := png.Decode(strings.NewReader(string(shot)))
	if err != nil {
		return "", fmt.Errorf("take a picture of the code: %w", err)
	}
	return readQR(img), nil
}

// draw draws a code on the terminal and writes it as a picture.
func (p *phoneLogin) draw(text string) error {
	code, err := encodeQR(text)
	if err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	var picture strings.Builder
	if err := png.Encode(&picture, code.image(8)); err != nil {
		return fmt.Errorf("draw the code: %w", err)
	}
	if err := atomicfile.Write(p.picture, []byte(picture.String()), 0o600); err != nil {
		return fmt.Errorf("write the picture of the code: %w", err)
	}
	if p.shown != "" {
		p.say("\nThat code has run out. This one is new:")
	}
	p.shown = text
	if columns := term.Columns(p.Out); columns > 0 && columns < code.GetWidth() {
		p.say("This terminal is too narrow for the code of the %s login page: make it %d columns wide and begin again, or scan it from the picture %s",
			p.Market.Name, code.GetWidth(), p.picture)
		return nil
	}
	if err := code.print(p.Out, term.Columns(p.Out) > 0); err != nil {
		return err
	}
	p.say("Scan this code of the %s login page with the %s app on your phone, and confirm there.\nThe same as a picture: %s", p.Market.Name, p.Market.Login.App, p.picture)
	return nil
}

// readQR returns what the QR code in a picture says, "" when there is none or
// none that can be read. The reader finds codes anywhere, but it misjudges the
// grid of one in 600; where nothing stands around the code, another reads it.
func readQR(img image.Image) string {
	light := gozxing.NewLuminanceSourceFromImage(img)
	for _, way := range []struct {
		binarizer gozxing.Binarizer
		hint      gozxing.DecodeHintType
	}{
		{gozxing.NewHybridBinarizer(light), gozxing.DecodeHintType_TRY_HARDER},
		{gozxing.NewGlobalHistgramBinarizer(light), gozxing.DecodeHintType_PURE_BARCODE},
	} {
		bitmap, err := gozxing.NewBinaryBitmap(way.binarizer)
		if err != nil {
			return ""
		}
		if code, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{way.hint: true}); err == nil {
			return code.GetText()
		}
	}
	return ""
}

// A qrCode is a QR code with its quiet zone, one bit a module.
type qrCode struct{ *gozxing.BitMatrix }

func encodeQR(text string) (qrCode, error) {
	m, err := qrcode.NewQRCodeWriter().Encode(text, gozxing.BarcodeFormat_QR_CODE, 0, 0,
		map[gozxing.EncodeHintType]any{gozxing.EncodeHintType_MARGIN: 4})
	return qrCode{m}, err
}

func (q qrCode) dark(x, y int) bool {
	return x < q.GetWidth() && y < q.GetHeight() && q.Get(x, y)
}

// image draws the code with modules of some pixels.
func (q qrCode) image(pixels int) image.Image {
	img := image.NewPaletted(image.Rect(0, 0, q.GetWidth()*pixels, q.GetHeight()*pixels), color.Palette{color.White, color.Black})
	for y := range img.Rect.Dy() {
		for x := range img.Rect.Dx() {
			if q.dark(x/pixels, y/pixels) {
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	return img
}

// print draws the code with half blocks, two rows of modules a line. In colour
// it is black on white whatever the terminal's colours are; without, light
// modules are drawn and dark ones left out, which suits a dark terminal.
func (q qrCode) print(w io.Writer, colour bool) error {
	blocks := map[[2]bool]string{{false, false}: "█", {false, true}: "▀", {true, false}: "▄", {true, true}: " "}
	before, after := "", "\n"
	if colour {
		before, after = "\x1b[38;5;231;48;5;16m", "\x1b[0m\n"
	}
	var b strings.Builder
	for y := 0; y < q.GetHeight(); y += 2 {
		b.WriteString(before)
		for x := range q.GetWidth() {
			// Below the last row there is no row: it is light.
			b.WriteString(blocks[[2]bool{q.dark(x, y), q.dark(x, y+1)}])
		}
		b.WriteString(after)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
