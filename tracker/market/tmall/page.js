// What shopwatch reads off a page of Tmall or Taobao. It runs in a world of
// its own: it sees the document, not the page's JavaScript. Facts and their
// sources: NOTES.md, 2 to 5.
globalThis.shopwatch = (() => {
  'use strict'
  const most = 20000 // entries of any list that are looked at: pages may be hostile
  const began = performance.now()
  const calls = []   // answers to the page's own requests, as the browser tells them
  let changed = () => {}
  // The cards of a list are read, not looked at: drawing them is most of what
  // a page costs.
  const undrawn = new CSSStyleSheet()
  undrawn.replaceSync('#J_ShopSearchResult dl.item { display: none !important }')
  document.adoptedStyleSheets.push(undrawn)

  const all = (selector, root = document) => Array.prototype.slice.call(root.querySelectorAll(selector), 0, most)
  const one = (selector, root = document) => root.querySelector(selector)
  const clip = (s, n) => (s || '').slice(0, n)
  const words = el => el ? clip((el.textContent || '').replace(/\s+/g, ' ').trim(), 2000) : ''
  // opening is the beginning of textContent. All of it is joined where there is
  // any, which for a list costs more than all else that is read of it.
  const opening = (el, n) => {
    const w = document.createTreeWalker(el, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_CDATA_SECTION)
    let text = ''
    for (let i = 0; i < most && text.length < n && w.nextNode(); i++) text += w.currentNode.data
    return clip(text, n)
  }

  // An element is visible when it and its ancestors are, and when it has a
  // size: the attributes width="1" height="1" of real login frames are a lie,
  // and good pages hold hidden login dialogues (NOTES.md, 4.1 and 4.9).
  const visible = el => {
    if (!el || !el.checkVisibility({opacityProperty: true, visibilityProperty: true})) return false
    const r = el.getBoundingClientRect()
    if (!(r.width > 8 && r.height > 8 && r.right + scrollX > 0 && r.bottom + scrollY > 0)) return false
    if (getComputedStyle(el).position === 'fixed') return true
    for (let up = el.parentElement; up && up !== document.body; up = up.parentElement) {
      const box = up.getBoundingClientRect() // one that cuts off what is in it
      if ((box.width <= 8 || box.height <= 8) && getComputedStyle(up).overflow !== 'visible') return false
    }
    return true
  }
  // A dialogue's own box may be empty while its mask and content are fixed.
  const shown = el => visible(el) || all('iframe, [class*="mask"], [class*="content"], [class*="dialog"]', el).some(visible)

  // Walls (NOTES.md, 4.1 to 4.5): what refuses, and whether a person sees it.
  // They are looked for again and again: each by a tag, an id or a class alone,
  // which the browser finds without a walk through the list.
  const any = (list, holds) => Array.prototype.slice.call(list, 0, most).some(holds)
  const classed = (name, holds) => any(document.getElementsByClassName(name), holds)
  const frames = holds => any(document.getElementsByTagName('iframe'), holds)
  const numbered = (id, holds) => any(document.querySelectorAll('#' + id), holds)
  const accessDialog = d => words(one('.mui-dialog-header', d)) === '访问验证' && shown(d)
  const walls = {
    loginFrame: () => frames(f => /^https?:\/\/login\.(taobao|tmall)\.com\//.test(f.src) && !/_____tmd_____\/punish|\/punish/.test(f.src) && visible(f)),
    accessDialog: () => classed('mui-dialog', accessDialog) || classed('mui-dialog-hasmask', accessDialog),
    middleware: () => frames(f => f.parentElement?.closest('.J_MIDDLEWARE_FRAME_WIDGET') && visible(f)),
    punishFrame: () => frames(f => /_____tmd_____\/punish|\/punish\?/.test(f.src) && visible(f)),
    punishDialog: () => classed('baxia-dialog', shown) || classed('sufei-dialog', shown) || numbered('J_Punish', shown),
    slider: () => numbered('nocaptcha', visible) || classed('nc-container', visible) || classed('nc_wrapper', visible) || numbered('nc-verify-form', visible),
    punish: () => numbered('baxia-punish', shown) || classed('baxia-punish', shown),
  }
  const wall = () => { for (const name in walls) if (walls[name]()) return name; return '' }
  const frameOf = name => {
    const f = all('iframe').find(f => /login\.|punish/.test(f.src) && visible(f))
    return name && f ? clip(f.src, 2000) : ''
  }

  // Addresses of the main frame that say enough by themselves
  // (NOTES.md, 4.2 and 4.7).
  const elsewhere = () => /^(login\.(taobao|tmall)\.com|passport\.|err\.tmall\.com|error\.|guang\.taobao\.com)/.test(location.hostname) ||
    /\.world\.(tmall|taobao)\.com$|^world\.(tmall|taobao)\.com$/.test(location.hostname) || /\/noshop\.htm|\/noitem|_____tmd_____/.test(location.pathname)

  const pageNo = href => { const m = /[?&;]pageNo=(\d{1,9})/.exec(href || ''); return m ? +m[1] : 0 }
  const fraction = el => { const m = /^\s*(\d{1,9})\s*\/\s*(\d{1,9})\s*$/.exec(el ? el.textContent : ''); return m ? [+m[1], +m[2]] : null }

  // The list of the classic templates: its rows end where .pagination or
  // .comboHd begins; what follows is recommended, not listed
  // (NOTES.md, 2.5).
  const shelf = () => {
    const box = one('#J_ShopSearchResult')
    if (!box) return null
    const items = one('.J_TItems', box), hesper = items ? null : one('.shop-hesper-bd', box)
    return {box, root: items || hesper, layout: items ? 'classic' : hesper ? 'cshop' : ''}
  }
  const isEnd = el => el.matches('.comboHd, .pagination:not(.pagination-mini)')
  const counter = s => s.layout === 'cshop' ? fraction(one('.pagination-mini .page-info', s.root)) : fraction(one('.J_TFilter .ui-page-s-len', s.box))
  const pager = s => s.root ? [...s.root.children].find(el => el.matches('.pagination:not(.pagination-mini)')) : null
  const current = s => { const n = counter(s), p = pager(s), c = p && one('.page-cur', p); return n && n[0] || (c ? +words(c) || 0 : 0) }
  const nothing = s => {
    const t = opening(s.box, 5000)
    return one('p.item-not-found', s.box) || /没找到符合条件的商品|很抱歉，搜索到\s*0\s*个|搜索到\s*0\s*个/.test(t)
  }

  const comment = dl => {
    const w = document.createTreeWalker(dl, NodeFilter.SHOW_COMMENT)
    for (let i = 0; i < 200 && w.nextNode(); i++) {
      const m = /item\.discntPrice:\s*([\d.,]{1,20})/.exec(clip(w.currentNode.data, 500))
      if (m) return m[1]
    }
    return ''
  }
  const cell = dl => {
    const name = one('a.item-name', dl)
    const link = name && name.getAttribute('href') ? name : one('a[href*="item.htm"]', dl)
    const img = one('.photo img', dl)
    return {
      id: clip(dl.getAttribute('data-id'), 40),
      href: clip(link ? link.href : '', 2000),
      title: clip(words(name), 1000),
      image: clip(img ? img.getAttribute('data-ks-lazyload') || img.getAttribute('src') : '', 2000),
      price: clip(words(one('.c-price', dl)), 60),
      plain: comment(dl),
    }
  }
  const listing = () => {
    const s = shelf()
    if (!s) return null
    const l = {
      layout: s.layout, loaded: !!s.root, embedded: embedded(), empty: !!nothing(s), filter: !!one('.J_TFilter, .shop-filter', s.box),
      counter: counter(s), rows: [], end: false,
    }
    if (!s.root) return l
    for (const el of Array.prototype.slice.call(s.root.children, 0, most)) {
      if (isEnd(el)) l.end = true
      const row = /\bitem(\d{1,2})line1\b/.exec(el.className)
      if (!row) continue
      if (!l.end) l.rows.push({k: +row[1], cells: all('dl.item', el).map(cell)})
    }
    const p = pager(s)
    if (p) {
      l.current = +words(one('.page-cur', p)) || 0
      l.lastPage = all('a.disable', p).some(a => words(a) === '下一页')
      const next = one('a.next', p) || all('a[href]', p).find(a => words(a) === '下一页')
      l.next = next ? pageNo(next.getAttribute('href')) : 0
    }
    const arrow = one('.J_TFilter .ui-page-s-next', s.box)
    if (arrow && arrow.tagName === 'B') l.lastPage = true
    const total = /共搜索到\s*(\d{1,9})\s*个/.exec(words(one('.search-result', s.box)))
    l.total = total ? +total[1] : -1
    const rates = one('.J_TItemRatesUrl', s.box), ids = rates && /[?&]itemIds=([\d,]*)/.exec(rates.value || rates.getAttribute('value'))
    l.manifest = ids ? clip(ids[1], 20000) : null
    const pixel = one('img[src*="item_list"]', s.box), seen = pixel && /item_list%3D((?:\d|%2C)*)/.exec(pixel.getAttribute('src'))
    l.pixel = seen ? clip(seen[1].replace(/%2C/g, ','), 20000) : null
    return l
  }

  const shop = () => {
    const meta = one('meta[name="microscope-data"]'), data = meta ? meta.content : ''
    const get = key => { const m = new RegExp('(?:^|[;\\s])' + key + '=(\\d{1,20})').exec(data); return m ? m[1] : '' }
    const title = /^\s*[^-]*-(.+)-(?:天猫Tmall\.com|淘宝网)\s*$/.exec(document.title)
    return {id: get('shopId'), seller: get('userId'), name: clip(words(one('.slogo-shopname strong')) || (title ? title[1].trim() : ''), 200)}
  }

  // The React front (NOTES.md, 3.1): its products come from the network, only
  // its presence is read here.
  const react = () => one('#ice-container') ? {} : null

  // box is where the words of a node stand, or only those from one character to
  // another; null when that is not on the screen: the picture of the page shows
  // no more.
  const box = (node, from, to) => {
    const w = document.createTreeWalker(node, NodeFilter.SHOW_TEXT), range = document.createRange()
    let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity
    for (let i = 0, t = node.nodeType === Node.TEXT_NODE ? node : w.nextNode(); t && i < 100; t = w.nextNode(), i++) {
      range.selectNodeContents(t) // an element is as wide as its place, its words are not
      if (to) { range.setStart(t, from); range.setEnd(t, to) }
      const r = range.getBoundingClientRect()
      if (!r.width || !r.height) continue
      left = Math.min(left, r.left); top = Math.min(top, r.top)
      right = Math.max(right, r.right); bottom = Math.max(bottom, r.bottom)
    }
    if (!(left >= 0 && top >= 0 && left < right && left < innerWidth && bottom <= innerHeight)) return null
    return {x: left + scrollX, y: top + scrollY, width: right - left, height: bottom - top}
  }

  // said returns the first visible words of the page itself that match, and
  // where they stand; null for none. Words of a title, a link, a review or a
  // recommendation are not the page's own. Of a sentence that could not be read
  // where it stands in one line of a report, only the words that match are shown.
  const line = 28
  const said = re => {
    const w = document.createTreeWalker(document.body || document, NodeFilter.SHOW_TEXT)
    for (let i = 0; i < most && w.nextNode(); i++) {
      const t = w.currentNode.data.trim(), el = w.currentNode.parentElement
      if (t.length > 80 || !re.test(t) || !el) continue
      if (el.closest('a, h1, script, style, [class*="mainTitle"], [class*="ecommend"], [class*="omment"], [class*="eview"]')) continue
      if (!visible(el)) continue
      const from = w.currentNode.data.indexOf(t)
      return {text: t, box: t.length > line ? box(w.currentNode, from, from + re.exec(t)[0].length) : box(w.currentNode)}
    }
    return null
  }
  const offSigns = () => {
    for (const el of all('.tb-off-sale, strong.sold-out-tit')) if (visible(el)) return {text: words(one('strong.sold-out-tit', el) || el) || '已下架', box: box(el)}
    return said(/^此(商品|宝贝)已下架/)
  }
  const goneSigns = () => said(/^很抱歉，您查看的(宝贝不存在|商品找不到了)/)
  const buyBox = () => all('[class*="PurchasePanel"], #J_LinkBuy, #J_LinkBasket, #J_juValid .J_LinkBuy').some(visible)
  const item = () => {
    const old = all('script:not([src])').map(s => s.textContent).find(t => t.includes('TShop.Setup')) || ''
    const off = offSigns(), gone = goneSigns()
    const flag = (re) => { const m = re.exec(old); return m ? m[1] : '' }
    return {
      id: (/[?&]id=(\d{1,20})/.exec(location.search) || /[?&]itemid=(\d{1,20})/.exec(location.search) || [])[1] || '',
      title: clip(words(one('[class*="mainTitle"]') || one('.tb-detail-hd h1') || one('h1')), 1000),
      buy: buyBox(), off: clip(off?.text, 200),
      online: flag(/"isOnline":\s*(true|false)/), auction: flag(/"auctionStatus":\s*"(-?\d{1,4})"/), oldID: flag(/"itemId":\s*"?(\d{6,20})/),
      missing: clip(gone?.text, 200), box: (off || gone)?.box ?? null,
    }
  }

  const look = (kind, why) => {
    const w = wall(), l = kind === 'list' ? listing() : null
    const plain = kind === 'item' || !l || !l.rows.length
    return {
      url: location.href, title: clip(document.title.trim(), 300), why, wall: w, frame: frameOf(w),
      text: plain && document.body ? clip(document.body.innerText, 4000) : '',
      shop: shop(), list: l, react: kind === 'list' ? react() : null, item: kind === 'item' ? item() : null,
    }
  }

  // answer returns the newest answer of the list call to a wanted page.
  // The list came with the document where that names no call for it
  // (NOTES.md, 6).
  const embedded = () => !one('#J_ShopAsynSearchURL')
  const isList = u => /\/i\/asynSearch\.htm/.test(u)
  const answer = want => calls.findLast(c => isList(c.url) && (pageNo(c.url) || 1) === want)
  const mtop = () => calls.filter(c => /\/h5\/mtop\.taobao\.shop\.simple\./.test(c.url)).length
  const ago = t => performance.now() - t
  let loaded = 0, listed = 0

  // settled says what makes a page worth a look, '' while it is still coming.
  const settled = {
    list: want => {
      if (wall()) return 'wall'
      if (document.readyState !== 'loading' && elsewhere()) return 'elsewhere'
      const s = shelf()
      const a = answer(want)
      if (s && s.root && current(s) === want && [...s.root.children].some(isEnd) && one('dl.item', s.root)) {
        listed ||= performance.now()
        // The page may be quicker than the word of its list call.
        if (a || embedded() && document.readyState !== 'loading' || ago(listed) > 3000) return 'list'
      }
      if (s && nothing(s)) return 'empty'
      if (a && (a.err || a.status >= 400) && ago(a.at) > 300) return 'refused'
      if (a && ago(a.at) > 1500) return 'quiet'
      if (react()) return mtop() >= want ? 'answers' : ''
      if (document.readyState === 'complete') {
        loaded ||= performance.now()
        if (!s && ago(loaded) > 1500) return 'nothing'
        // A page whose list came with it has what it will ever have.
        if (s && s.root && embedded() && ago(loaded) > 300) return 'still'
      }
      return ''
    },
    item: () => {
      if (document.readyState !== 'loading' && elsewhere()) return 'elsewhere'
      if (wall() && (buyBox() || ago(began) > 500)) return 'wall'
      if (buyBox()) return 'live'
      if (document.readyState !== 'complete') return ''
      loaded ||= performance.now()
      if (ago(loaded) > 800 && offSigns()) return 'off'
      if (ago(loaded) > 1500 && goneSigns()) return 'missing' // time for its script to go on
      return ago(loaded) > 2000 ? 'quiet' : ''
    },
  }

  // leave notes what is about to make way for the next list, and letGo frees its
  // memory when that has come. A picture that is not loaded is under way for ever,
  // and keeps the list in which it stands for as long as a script has seen it;
  // moved to another document, which loads nothing, it is under way no more. The
  // element of a script keeps its source, which for the answer to a list call is
  // all of the list.
  const nowhere = document.implementation.createHTMLDocument()
  let before = []
  const leave = s => {
    before = [s.box, s.root].flatMap(el => Array.prototype.slice.call(el.children, 0, most))
    for (const answered of all('script[src*="/i/asynSearch.htm"]')) answered.remove()
  }
  const letGo = () => {
    for (const el of before) if (!el.isConnected && el.ownerDocument === document) nowhere.adoptNode(el)
    before = []
  }

  // draw puts a picture in the place of an element that would show it if
  // pages loaded pictures.
  const draw = async (picture, img) => {
    const bytes = Uint8Array.from(atob(picture), c => c.charCodeAt(0))
    const bitmap = await createImageBitmap(new Blob([bytes], {type: 'image/jpeg'}))
    img.removeAttribute('alt') // or its words would give it another size
    img.width = bitmap.width   // the page's styles have the last word
    img.height = bitmap.height
    const r = img.getBoundingClientRect()
    const canvas = document.createElement('canvas')
    canvas.width = bitmap.width
    canvas.height = bitmap.height
    canvas.style.cssText = 'display: block; object-fit: contain; width: ' + r.width + 'px; height: ' + r.height + 'px'
    canvas.getContext('2d').drawImage(bitmap, 0, 0)
    img.replaceWith(canvas)
  }

  return {
    heard: c => { if (c) { c.at = performance.now(); calls.push(c); changed() } },
    // wait looks at the page as soon as it is worth it, after ms at the latest.
    wait: (kind, want, ms) => new Promise(done => {
      let ended = false, last = 0
      const check = () => {
        if (ended) return
        last = performance.now()
        const why = settled[kind](want)
        if (why) end(why)
      }
      const soon = () => { if (performance.now() - last > 15) check() }
      const watch = new MutationObserver(soon)
      const tick = setInterval(check, 60), limit = setTimeout(() => end('time'), ms)
      const end = why => {
        ended = true; changed = () => {}
        watch.disconnect(); clearInterval(tick); clearTimeout(limit)
        done(look(kind, why))
        letGo()
      }
      changed = check
      watch.observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['style', 'class', 'src', 'hidden']})
      check()
    }),
    // turn clicks the link of the pagination that leads to page n.
    turn: n => {
      listed = 0
      const s = shelf(), p = s && pager(s)
      const links = p ? all('a[href]', p).filter(a => pageNo(a.getAttribute('href')) === n) : []
      const a = links.find(a => a.matches('.next') || words(a) === '下一页') || links[0]
      if (!a) return false
      leave(s)
      a.removeAttribute('target')
      a.click()
      return true
    },
    // card brings the card of a product into view, with its picture (a JPEG
    // in base64, '' for none), and tells where it is.
    card: async (id, title, picture) => {
      const el = one('dl.item[data-id="' + CSS.escape(id) + '"]') || all('[class*="cardContainer"]').find(c => words(c).includes(title))
      if (!el) return null
      undrawn.disabled = true
      const img = one('img', el)
      if (img && picture) await draw(picture, img)
      for (const other of all('img', el)) other.style.visibility = 'hidden' // not loaded
      el.scrollIntoView({block: 'center'})
      const r = el.getBoundingClientRect()
      return {x: r.x + scrollX, y: r.y + scrollY, width: Math.min(r.width, 800), height: Math.min(r.height, 800)}
    },
    // scroll shows the end of the shelf, so that the page loads what follows.
    scroll: () => { scrollTo(0, document.documentElement.scrollHeight); dispatchEvent(new Event('scroll')); return true },
  }
})()
