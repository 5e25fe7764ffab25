// What shopwatch reads off a page of any website, by the rules that the user has
// named. It runs in a world of its own: it sees the document, not the page's
// JavaScript. It hands the document over as Chrome shows it; what is on it is
// read in Go. Facts and their sources: NOTES.md.
globalThis.shopwatch = (() => {
  'use strict'
  const most = 20000 // entries of any list that are looked at: pages may be hostile
  const began = performance.now()
  let rules = null   // those of the last call
  let active = began // when the page last changed or loaded something
  let loads = 0
  new MutationObserver(() => { active = performance.now() }).observe(document, {subtree: true, childList: true, attributes: true, attributeFilter: ['class', 'style', 'hidden']})

  const ago = t => performance.now() - t
  const pause = ms => new Promise(done => setTimeout(done, ms))
  const all = (selector, root = document) => selector ? Array.prototype.slice.call(root.querySelectorAll(selector), 0, most) : []
  const displayed = el => el.checkVisibility()
  const seen = el => el.checkVisibility({opacityProperty: true, visibilityProperty: true})
  const words = el => (el.innerText || el.textContent || '').replace(/\s+/g, ' ').trim()

  // shown reports whether a visitor sees a sign: an element, a text, or an
  // element with a text.
  const shown = sign => {
    if (sign.css) return all(sign.css).some(el => seen(el) && (!sign.text || words(el).includes(sign.text)))
    return !!sign.text && !!document.body && words(document.body).includes(sign.text)
  }
  const named = sign => !!(sign.css || sign.text)

  const behind = (a, b) => !!(b.compareDocumentPosition(a) & Node.DOCUMENT_POSITION_FOLLOWING)
  const rows = () => {
    if (!rules.row) return []
    const inside = el => !rules.within || el.closest(rules.within)
    const stop = all(rules.stop).find(inside)
    return all(rules.row).filter(el => inside(el) && (!stop || !behind(el, stop) && el !== stop) && displayed(el))
  }

  // key tells a row from others, as far as that is needed to know it again.
  const key = row => {
    const holder = rules.idCSS ? row.querySelector(rules.idCSS) : row
    if (rules.idAttr && holder && holder.hasAttribute(rules.idAttr)) return holder.getAttribute(rules.idAttr)
    let a = rules.link ? (row.matches(rules.link) ? row : row.querySelector(rules.link)) : row.matches('a[href]') ? row : row.querySelector('a[href]')
    if (a && !a.href) a = a.querySelector('[href]')
    if (!a || !a.href) return words(row).slice(0, 300)
    const u = new URL(a.href, document.baseURI)
    if (rules.idLink) {
      try {
        const m = new RegExp(rules.idLink).exec(u.href)
        if (m) return m[1]
      } catch (e) { /* Go knows forms that JavaScript does not */ }
    }
    return u.pathname + '?' + rules.keep.map(k => k + '=' + u.searchParams.getAll(k)).join('&')
  }

  // copy makes a copy of an element in a document that shows nothing and loads
  // nothing, and marks in it what a visitor does not see.
  const inert = document.implementation.createHTMLDocument('')
  let holder = null, holderCopy = null // of the rows of a list that grows
  const left = {STYLE: 1, SVG: 1, CANVAS: 1, VIDEO: 1, AUDIO: 1, OBJECT: 1, EMBED: 1}
  const copy = (el, skip, dark) => {
    const name = el.nodeName.toUpperCase()
    if (left[name] || skip && skip.has(el) || name === 'SCRIPT' && !/^\s*application\/ld\+json/i.test(el.type)) return null
    const c = inert.importNode(el, false)
    c.removeAttribute('data-shopwatch-hidden')
    if (el === holder) holderCopy = c
    if (!dark && el.checkVisibility && name !== 'HTML' && name !== 'HEAD') {
      if (!displayed(el)) {
        c.setAttribute('data-shopwatch-hidden', '')
        dark = true // and all that is in it
      } else if (!seen(el)) c.setAttribute('data-shopwatch-hidden', 'faint')
    }
    for (const child of el.shadowRoot ? [...el.shadowRoot.childNodes, ...el.childNodes] : el.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) c.append(inert.importNode(child))
      if (child.nodeType === Node.ELEMENT_NODE) {
        const inner = copy(child, skip, dark || name === 'HEAD')
        if (inner) c.append(inner)
      }
    }
    return c
  }

  const page = why => {
    const root = copy(document.documentElement)
    return {url: location.href, why, html: '<!DOCTYPE html>' + root.outerHTML, grown: null}
  }

  // quiet says that the page has done nothing for a while.
  const quiet = ms => {
    const n = performance.getEntriesByType('resource').length
    if (n !== loads) {
      loads = n
      active = performance.now()
    }
    return document.readyState === 'complete' && ago(active) > ms
  }
  // refused says that a page that shows no list looks like one that never will.
  const refused = () => /^(just a moment|attention required|access denied|pardon our interruption)/i.test(document.title.trim()) || all('input[type="password"]').some(seen)

  // settle waits until the list is there and stands still.
  const settle = async limit => {
    let last = '', since = performance.now(), loaded = 0
    for (;;) {
      const now = performance.now()
      if (now > limit) return 'time'
      if (document.readyState !== 'loading') {
        const n = rows().length, none = n === 0 && shown(rules.empty)
        const there = named(rules.ready) ? shown(rules.ready) && (n > 0 || none || !rules.row) : rules.row ? n > 0 || none : document.readyState === 'complete'
        const state = n + ' ' + there
        if (state !== last) {
          last = state
          since = now
        }
        if (there && now - since >= (document.readyState === 'complete' ? 200 : 500)) return 'ready'
        if (document.readyState === 'complete') loaded ||= now
        if (loaded && !there && ago(loaded) > 500 && refused()) return 'refused'
        if (!there && (quiet(3000) || loaded && ago(loaded) > 12000)) return 'quiet'
      }
      await pause(40)
    }
  }

  // A list that grows: rows are known by their keys, because lists take rows
  // away again that are out of sight.
  const known = new Set()
  const fresh = new Map() // copies of rows that were not handed over yet
  const futile = new WeakSet() // buttons that brought nothing
  let step = 0
  const places = new Map() // where rows stood when they were last seen, by their keys
  const twice = new Set()  // keys that the list shows in two places
  const collect = () => {
    let more = 0
    const now = new Set(), view = scroller()
    for (const row of rows()) {
      const k = key(row), y = row.getBoundingClientRect().y - view.getBoundingClientRect().y + (view.scrollTop || 0)
      const was = places.get(k)
      if (now.has(k) || was && was.row !== row && Math.abs(was.y - y) > view.clientHeight) twice.add(k)
      now.add(k)
      places.set(k, {row, y})
      if (known.has(k)) {
        if (fresh.has(k) && row.querySelector('img[src]')) fresh.set(k, copy(row)) // it may be filled by now
        continue
      }
      if (known.size >= most) break
      known.add(k)
      fresh.set(k, copy(row))
      more++
    }
    return more
  }
  const button = () => {
    const there = all(rules.button).filter(el => seen(el) && !el.disabled && el.getAttribute('aria-disabled') !== 'true' && !el.classList.contains('disabled'))
    return there.find(el => !futile.has(el)) || there[0] || null
  }
  // scroller is what has to be scrolled: a part of the page, or the page.
  const scroller = () => {
    for (let el = rows().at(-1); el && el !== document.body; el = el.parentElement) {
      if (el.scrollHeight > el.clientHeight + 10 && /auto|scroll/.test(getComputedStyle(el).overflowY)) return el
    }
    return document.scrollingElement || document.documentElement
  }
  // down scrolls to the end, a view at a time, and takes in what is shown.
  const down = async limit => {
    let more = 0
    for (let i = 0; i < 2000 && performance.now() < limit; i++) {
      const el = scroller(), was = el.scrollTop
      await scrollTo(el, was + Math.max(50, el.clientHeight * 0.8))
      more += collect()
      if (el.scrollTop <= was + 1) break
    }
    return more
  }
  const scrollTo = async (el, top) => {
    el.scrollTop = top
    dispatchEvent(new Event('scroll'))
    await pause(50)
  }

  // further takes one step: it clicks the button, or shows the end of the list,
  // and waits for rows. A step that brings none is tried three times, with so
  // much patience each.
  const further = async (limit, patience) => {
    const g = {rows: 0, clicked: false, button: false}
    for (let round = 0; round < 3 && !g.rows && performance.now() < limit; round++) {
      const b = button()
      if (b) {
        g.clicked = true
        b.scrollIntoView({block: 'center'})
        b.click()
      } else if (rules.scroll) {
        // A list that failed to load asks again when its end comes into view.
        const el = scroller()
        if (round) await scrollTo(el, el.scrollTop - el.clientHeight)
        g.rows += await down(limit)
      }
      for (const until = Math.min(limit, performance.now() + patience); !g.rows && performance.now() < until;) {
        await pause(50)
        g.rows += collect()
        if (!g.rows && shown(rules.end) && quiet(150)) break
      }
      if (!g.rows && b) futile.add(b)
      if (!g.rows && shown(rules.end)) break
    }
    // Rows come one after another, and a button may be away while they do.
    for (let still = performance.now(); g.rows && ago(still) < 250 && performance.now() < limit;) {
      await pause(50)
      if (collect()) still = performance.now()
    }
    await buttonBack(limit, patience)
    g.button = !!button()
    return g
  }
  const buttonBack = async (limit, ms) => {
    for (const until = Math.min(limit, performance.now() + ms); rules.button && !button() && !shown(rules.end) && performance.now() < until;) await pause(50)
  }

  // grown hands over a page with only those rows of it that are new, in the
  // place of all.
  const grown = (why, g) => {
    const now = rows()
    if (now.length) holder = now[0].parentElement
    else if (!holder || !holder.isConnected) holder = rules.within ? document.querySelector(rules.within) : document.body
    holderCopy = null
    const root = copy(document.documentElement, new Set(now))
    if (holderCopy) holderCopy.append(...fresh.values())
    const p = {url: location.href, why, html: '<!DOCTYPE html>' + root.outerHTML, grown: {...g, rows: fresh.size, twice: twice.size}}
    fresh.clear()
    return p
  }

  return {
    // list hands over a page when its list is there, after ms at the latest.
    list: async (r, ms) => {
      rules = r
      return page(await settle(performance.now() + ms))
    },
    // show hands over a page of which nothing is known.
    show: async ms => {
      for (const limit = performance.now() + ms; performance.now() < limit && !quiet(1000); await pause(50));
      return page('quiet')
    },
    // grow hands over what step n brings on a list that grows. A page that was
    // opened anew goes through the steps before.
    grow: async (r, n, ms) => {
      rules = r
      const limit = performance.now() + ms
      let why = 'ready', g = {rows: 0, clicked: false, button: false}
      if (!step) {
        why = await settle(limit)
        collect()
        await buttonBack(limit, 600)
        g.button = !!button()
        step = 1
      }
      while (step < n && performance.now() < limit) {
        g = await further(limit, Math.min(Math.max(ms / 6, 500), 3000))
        step = g.rows ? step + 1 : n
      }
      if (performance.now() >= limit && !fresh.size) why = 'time'
      return grown(why, g)
    },
    // item hands over the page of a product.
    item: async (r, ms) => {
      rules = r
      const limit = performance.now() + ms
      let loaded = 0
      while (performance.now() < limit) {
        if (document.readyState !== 'loading') {
          if (shown(rules.selling) || shown(rules.gone)) {
            await pause(150)
            return page('ready')
          }
          if (document.readyState === 'complete') loaded ||= performance.now()
          if (quiet(800) || loaded && ago(loaded) > 3000) return page('quiet')
        }
        await pause(50)
      }
      return page('time')
    },
    // file asks for a file of the website, as it is sent.
    file: async (address, longest, ms) => {
      const out = {Address: address, URL: address, Err: '', Status: 0, Challenge: false, Body: ''}
      const stop = new AbortController(), timer = setTimeout(() => stop.abort(), ms)
      try {
        const r = await fetch(address, {cache: 'no-store', signal: stop.signal})
        out.URL = r.url
        out.Status = r.status
        out.Challenge = r.headers.get('cf-mitigated') === 'challenge'
        const parts = [], reader = r.body.getReader()
        for (let size = 0; ;) {
          const {done, value} = await reader.read()
          if (done) break
          if ((size += value.length) > longest) throw new Error('it is longer than a file may be')
          parts.push(value)
        }
        const bytes = new Uint8Array(await new Blob(parts).arrayBuffer())
        let text = ''
        for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
        out.Body = btoa(text)
      } catch (e) {
        out.Err = String(e && e.message || e).slice(0, 200)
      }
      clearTimeout(timer)
      return out
    },
    // card brings the card of a product into view, with its picture (a JPEG in
    // base64, '' for none), and tells where it is.
    card: async (address, title, picture) => {
      if (!rules) return null
      const path = s => { try { return new URL(s, document.baseURI).pathname.replace(/\/+$/, '') } catch (e) { return '' } }
      const el = rows().find(r => all('a[href]', r).concat(r.matches('a[href]') ? [r] : []).some(a => path(a.href) === path(address))) || rows().find(r => title && words(r).includes(title))
      if (!el) return null
      const img = el.querySelector('img')
      if (img && picture) {
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
      for (const other of all('img', el)) other.style.visibility = 'hidden' // not loaded
      el.scrollIntoView({block: 'center'})
      const r = el.getBoundingClientRect()
      return {x: r.x + scrollX, y: r.y + scrollY, width: Math.min(r.width, 800), height: Math.min(r.height, 800)}
    },
  }
})()
