package report

import (
	"bytes"
	"context"
	"hash/fnv"
	"image"
	"image/color"
	"image/png"
	"math"
	"time"

	"shopwatch/tracker"
)

// Sample is a story that is made up, to show what a report looks like before
// anything has changed. It has one change of each kind, and says what it is.
func Sample(channel, lang string, zone *time.Location, now time.Time) Story {
	const name = "tencent"
	began := now.Add(-4 * time.Minute).Truncate(time.Millisecond)
	at := began.Add(95 * time.Second)
	change := func(k tracker.Kind, p tracker.Product) tracker.Change {
		return tracker.Change{
			Kind: k, Storefront: name, At: at, Scan: began, Product: &p,
			Pictures: tracker.Evidenced{Picture: "sample-" + string(p.ID)},
		}
	}
	product := func(id tracker.ProductID, title string, fen int64) tracker.Product {
		return tracker.Product{
			ID: id, Title: title, URL: "https://detail.tmall.com/item.htm?id=" + string(id),
			Image: "https://img.alicdn.com/bao/uploaded/" + string(id) + ".jpg",
			Price: tracker.Price{Kind: tracker.PriceExact, Low: fen, Currency: "CNY"},
		}
	}

	added := change(tracker.Added, product("45127440011", "Qrobot 小Q智能陪伴机器人 语音聊天", 129900))
	again := change(tracker.Added, product("45127440387", "腾讯微投 迷你投影仪 家用高清1080P", 199900))
	again.SameAs = &tracker.SameAs{ID: "45120987301", Confidence: 0.96}
	off := change(tracker.Removed, product("45123456789", "糖大夫 腾讯智能血糖仪 GPRS版 家用测糖仪套装", 29900))
	off.Proof, off.Missing = tracker.ProofOffshelf, 1
	off.Probe = &tracker.Probe{
		Product: off.Product.ID, State: tracker.PageOffshelf, At: began.Add(80 * time.Second),
		URL: off.Product.URL, Reason: "商品已下架", Says: "商品已下架",
	}
	off.Pictures.Page = "sample-page"
	back := change(tracker.Relisted, product("45123456102", "全民WiFi 3代 迷你随身路由器 USB无线网卡", 1990))
	back.Away = 3*24*time.Hour + 2*time.Hour
	price := change(tracker.Repriced, product("45123457260", "儿童蓝牙音箱 小Q故事机 早教机", 25900))
	price.Before = new(product("45123457260", "儿童蓝牙音箱 小Q故事机 早教机", 29900))
	dearer := change(tracker.Repriced, product("45123457555", "腾讯儿童智能手表 定位通话", 49900))
	dearer.Before = new(product("45123457555", "腾讯儿童智能手表 定位通话", 46900))
	title := change(tracker.Retitled, product("45123458031", "腾讯遥控笔 PPT翻页笔 激光投影笔 商务版", 9900))
	title.Before = new(product("45123458031", "腾讯遥控笔 PPT翻页笔 红光投影笔", 9900))
	picture := change(tracker.Repictured, product("45123457911", "QQ公仔 正版毛绒玩具 30厘米", 5900))
	picture.Before = new(product("45123457911", "QQ公仔 正版毛绒玩具 30厘米", 5900))
	picture.Before.Image = "https://img.alicdn.com/bao/uploaded/45123457911-old.jpg"
	picture.Pictures.Before = "sample-before"

	s := Story{
		Report: tracker.Report{Channel: channel, Created: at}, Lang: lang, Zone: zone, Sample: true,
		Changes: []tracker.Change{added, again, off, back, price, dearer, title, picture},
		Scans: []Scan{{
			Scan: tracker.Scan{
				Storefront: name, Began: began, Took: at.Sub(began), Verdict: tracker.Complete,
				Evidence: tracker.Evidence{
					Layout: "classic", Pages: 6, Products: 347, Declared: tracker.Declared{Pages: 6},
					Stop: "last page", Probed: 2, Shop: tracker.SellerIdentity{Name: "腾讯官方数码旗舰店"},
				},
			},
			LastComplete: began.Add(-12 * time.Hour),
		}},
		Suspects: []Suspect{{name, tracker.Item{
			Product: product("45123459904", "路宝盒子 OBD行车电脑 智能车载", 39900), Missing: 1, LastSeen: began.Add(-12 * time.Hour),
		}}},
		Shops: map[tracker.StorefrontName]StorefrontInfo{name: {
			Title: "腾讯官方数码旗舰店", URL: "https://tencent.tmall.com/", Marketplace: "tmall",
		}},
		Picture: samplePicture, Shot: sampleShot,
	}
	for i := range s.Changes {
		s.Changes[i].Seq = uint64(i + 1)
	}
	return s
}

// sampleShot draws what may be a page: a picture, a title, a box with words.
func sampleShot(context.Context, string) []byte {
	img := image.NewPaletted(image.Rect(0, 0, 2*ShotWidth, 2*ShotHeight), color.Palette{
		color.White, color.Gray{0xf0}, color.Gray{0xdc}, color.Gray{0xb4},
	})
	fill := func(x, y, w, h int, c uint8) {
		for i := range w * h {
			img.SetColorIndex(x+i%w, y+i/w, c)
		}
	}
	fill(0, 0, 2*ShotWidth, 34, 1)
	fill(24, 58, 160, 160, 1)
	fill(208, 62, 220, 14, 3)
	fill(208, 86, 140, 10, 2)
	fill(208, 116, 248, 68, 1)
	fill(228, 136, 120, 12, 3)
	fill(228, 158, 180, 8, 2)
	var b bytes.Buffer
	if png.Encode(&b, img) != nil {
		return nil
	}
	return b.Bytes()
}

// samplePicture draws something round in a colour that depends on the name.
func samplePicture(_ context.Context, name string) []byte {
	const size = 128
	h := fnv.New32a()
	h.Write([]byte(name))
	hue := float64(h.Sum32()%360) / 60
	tone := func(light float64) color.Color {
		c := func(shift float64) uint8 {
			x := math.Abs(math.Mod(hue+shift, 6) - 3)
			return uint8(255 * (light + (1-light)*0.45*min(max(x-1, 0), 1)))
		}
		return color.RGBA{c(0), c(4), c(2), 255}
	}
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{tone(0.85), tone(0.6), tone(0.4)})
	for y := range size {
		for x := range size {
			dx, dy := float64(x-size/2), float64(y-size/2)
			switch d := math.Hypot(dx, dy); {
			case d < 18:
				img.SetColorIndex(x, y, 2)
			case d < 40:
				img.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if png.Encode(&b, img) != nil {
		return nil
	}
	return b.Bytes()
}
