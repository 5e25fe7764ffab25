// What shopwatch reads off a page of JD. It runs in a world of its own: it sees
// the document, not the page's JavaScript. Facts and how sure they are:
// NOTES.md.
globalThis.shopwatch = (() => {
  'use strict'
  const most = 5000 // entries of any list that are looked at: pages may be hostile
  const began = performance.now()
  const calls = []  // answers to the page's own calls for lists, as the browser tells them
  let changed = () => {}

  const all = (selector, root = document) => Array.prototype.slice.call(root.querySelectorAll(selector), 0, most)
  const one = (selector, root = document) => root.querySelector(selector)
  const clip = (s, n) => (s || '').slice(0, n)
  const attr = (el, name, n = 200) => el ? clip(el.getAttribute(name), n) : ''
  const words = (el, n = 2000) => el ? clip((el.textContent || '').slice(0, 4 * n).replace(/\s+/g, ' ').trim(), n) : ''
  const ago = t => performance.now() - t
  const number = s => { const m = /^\s*(\d{1,9})\s*$/.exec(s || ''); return m ? +m[1] : 0 }

  // Good pages hold walls that nobody sees: only what is seen counts.
  const seen = el => {
    if (!el.checkVisibility({opacityProperty: true, visibilityProperty: true})) return false
    const r = el.getBoundingClientRect()
    return r.width > 20 && r.height > 20 && r.right + scrollX > 0 && r.bottom + scrollY > 0
  }
  const walls = {
    login: () => all('iframe').some(f => /^https?:\/\/(passport\.jd\.com|plogin\.m\.jd\.com)\//.test(f.src) && seen(f)),
    slider: () => all('[class*="JDJRV-"], [id^="JDJRV-"]').some(seen),
  }
  const wall = () => { for (const name in walls) if (walls[name]()) return name; return '' }

  // Addresses and titles that say enough by themselves.
  const elsewhere = () => /^(passport|corporate)\.jd\.com$|^plogin\./.test(location.hostname) || /risk_handler/.test(location.pathname) ||
    document.readyState === 'complete' && /京东验证/.test(document.title)

  // The list is what stands before its pager, in the same part of the page. The
  // hot products below it are none of it, and no link of the header is.
  const outside = el => el.closest('#J-hot-sale')
  const before = (a, b) => a.compareDocumentPosition(b) & Node.DOCUMENT_POSITION_FOLLOWING
  const shelf = () => {
    const pager = all('.jPage').find(p => !outside(p))
    if (!pager) return null
    for (let root = pager.parentElement; root && root !== document.documentElement; root = root.parentElement) {
      const cards = all('li.jSubObject', root).filter(li => before(li, pager) && !outside(li))
      if (cards.length || one('.f-result-sum, .jTotal', root)) return {root, pager, cards}
    }
    return {root: pager.parentElement, pager, cards: []}
  }

  const picture = li => {
    const first = one('li[data-src]', li), img = one('.jPic img', li)
    return attr(first, 'data-src', 2000) || attr(img, 'data-lazyload', 2000) || attr(img, 'data-lazy-img', 2000) || attr(img, 'src', 2000)
  }
  const card = li => {
    const price = one('.jdNum', li), name = one('.jDesc a', li)
    return {
      // All of them are those of the product itself. Where its links lead is
      // not: they follow the mouse from one variant to the next.
      priced: attr(price, 'jdprice'), first: attr(one('li[sid]', li), 'sid'), watched: attr(one('.e-attention[data-id]', li), 'data-id'),
      rated: attr(one('[jdcomment]', li), 'jdcomment'),
      title: words(name) || attr(name, 'title', 2000), image: picture(li), price: words(price, 60),
      old: !!one('.jItem', li),
    }
  }
  // What the page says of the number of its products, in up to three places.
  const totals = s => all('#J_resCount, .f-result-sum .num, .jTotal em', s.root).filter(el => !outside(el)).map(el => words(el, 40))
    .concat(all('em', s.pager).map(el => words(el, 40)).filter(t => /共|记录/.test(t))).slice(0, 8)
  const listing = () => {
    const s = shelf()
    if (!s) return null
    const here = one('a.jPageCurrent, a.current', s.pager)
    const next = all('a, span', s.pager).find(el => /^下一页/.test(words(el, 20)))
    return {
      cards: s.cards.map(card), page: number(words(here, 20)), pages: number(words(one('.g-pager i', s.root), 20)), totals: totals(s),
      next: next ? {last: next.tagName !== 'A' || next.matches('.jPageDisable, .disabled'), href: attr(next, 'href', 2000)} : null,
    }
  }

  const shop = () => {
    const id = name => { const m = /^\d{1,20}$/.exec(attr(document.getElementById(name), 'value').trim()); return m ? m[0] : '' }
    return {app: id('pageInstance_appId'), vender: id('vender_id'), shop: id('shop_id'), title: clip(document.title.trim(), 300)}
  }
  const structure = () => !!one('.m_render_structure, .jSubObject')

  const off = () => {
    const tip = all('.itemover-tip').find(seen)
    if (tip) return words(tip, 200)
    const w = document.createTreeWalker(document.body || document, NodeFilter.SHOW_TEXT)
    for (let i = 0; i < most && w.nextNode(); i++) {
      const t = w.currentNode.data.trim(), el = w.currentNode.parentElement
      if (t.length < 60 && /^该商品已下柜/.test(t) && el && !el.closest('a, script, style') && seen(el)) return t
    }
    return ''
  }
  const buy = () => all('#InitCartUrl').some(seen)
  const item = () => ({id: (/^\/(\d{1,20})\.html$/.exec(location.pathname) || [])[1] || '', buy: buy(), off: off()})

  const look = (kind, why) => ({
    url: location.href, title: clip(document.title.trim(), 300), why, wall: wall(), shop: shop(), structure: structure(),
    list: kind === 'list' ? listing() : null, item: kind === 'item' ? item() : null,
  })

  let loaded = 0, listed = 0
  // settled says what makes a page worth a look, '' while it is still coming.
  const settled = {
    home: () => {
      if (wall()) return 'wall'
      if (document.readyState === 'loading') return ''
      if (elsewhere()) return 'elsewhere'
      const s = shop()
      if (s.app && s.shop) return 'home'
      if (document.readyState !== 'complete') return ''
      loaded ||= performance.now()
      return ago(loaded) > 1000 ? 'quiet' : ''
    },
    list: () => {
      if (wall()) return 'wall'
      if (document.readyState !== 'loading' && elsewhere()) return 'elsewhere'
      const s = shelf()
      if (s && s.cards.length) {
        listed ||= performance.now()
        // Prices come later than the cards, or not at all.
        if (s.cards.every(li => words(one('.jdNum', li), 20))) return 'list'
        if (ago(listed) > 2500) return 'prices missing'
        return ''
      }
      const last = calls.at(-1)
      if (last && (last.err || last.status >= 400) && ago(last.at) > 300) return 'refused'
      if (last && ago(last.at) > 1500) return 'quiet'
      if (document.readyState !== 'complete') return ''
      loaded ||= performance.now()
      return !structure() && ago(loaded) > 1500 ? 'nothing' : ''
    },
    item: () => {
      if (document.readyState !== 'loading' && elsewhere()) return 'elsewhere'
      if (wall() && (buy() || ago(began) > 500)) return 'wall'
      if (buy()) return 'live'
      if (document.readyState !== 'complete') return ''
      loaded ||= performance.now()
      if (ago(loaded) > 800 && off()) return 'off'
      return ago(loaded) > 2000 ? 'quiet' : ''
    },
  }

  // draw puts a picture in the place of an element that would show it if pages
  // loaded pictures.
  const draw = async (bytes, img) => {
    const bitmap = await createImageBitmap(new Blob([Uint8Array.from(atob(bytes), c => c.charCodeAt(0))], {type: 'image/jpeg'}))
    const r = img.getBoundingClientRect(), canvas = document.createElement('canvas')
    canvas.width = bitmap.width
    canvas.height = bitmap.height
    canvas.style.cssText = 'display: block; object-fit: contain; width: ' + (r.width || 188) + 'px; height: ' + (r.height || 188) + 'px'
    canvas.getContext('2d').drawImage(bitmap, 0, 0)
    img.replaceWith(canvas)
  }

  return {
    heard: c => { if (c) { c.at = performance.now(); calls.push(c); changed() } },
    // wait looks at the page as soon as it is worth it, after ms at the latest.
    wait: (kind, ms) => new Promise(done => {
      let ended = false, last = 0
      const check = () => {
        if (ended) return
        last = performance.now()
        const why = settled[kind]()
        if (why) end(why)
      }
      const watch = new MutationObserver(() => { if (ago(last) > 15) check() })
      const tick = setInterval(check, 60), limit = setTimeout(() => end('time'), ms)
      const end = why => {
        ended = true
        changed = () => {}
        watch.disconnect()
        clearInterval(tick)
        clearTimeout(limit)
        done(look(kind, why))
      }
      changed = check
      watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ['style', 'class', 'src', 'hidden']})
      check()
    }),
    // card brings the card of a product into view, with its picture (a JPEG in
    // base64, '' for none), and tells where it is.
    card: async (id, bytes) => {
      const s = shelf(), li = s && s.cards.find(li => attr(one('.jdNum', li), 'jdprice') === id || attr(one('li[sid]', li), 'sid') === id)
      if (!li) return null
      const img = one('.jPic img', li)
      if (img && bytes) await draw(bytes, img)
      for (const other of all('img', li)) other.style.visibility = 'hidden' // not loaded
      li.scrollIntoView({block: 'center'})
      const r = li.getBoundingClientRect()
      return {x: r.x + scrollX, y: r.y + scrollY, width: Math.min(r.width, 800), height: Math.min(r.height, 800)}
    },
  }
})()
