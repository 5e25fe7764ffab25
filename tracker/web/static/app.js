// What helps those who allow scripts: keys, and the refresh of pages that
// follow a scan. Every page works without it.
(function () {
  'use strict';
  var root = document.body.dataset.root || './';
  var waiting = '';
  var places = { o: '', c: 'changes', m: 'suspects', s: 'scans', r: 'reports' };
  function rows() { return Array.prototype.slice.call(document.querySelectorAll('.changes a, .timeline li > a, .shop h2 a, table a')); }
  function step(by) {
    var list = rows().filter(function (a) { return a.offsetParent !== null; });
    var at = list.indexOf(document.activeElement) + by;
    if (list.length) { list[Math.max(0, Math.min(list.length - 1, at))].focus(); }
  }
  document.addEventListener('keydown', function (e) {
    var t = e.target;
    if (e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName)) { return; }
    if (waiting === 'g') {
      waiting = '';
      if (e.key in places) { location.href = root + places[e.key]; }
      return;
    }
    var link = null;
    switch (e.key) {
      case 'g': waiting = 'g'; return;
      case '?': location.href = root + 'help/keys'; return;
      case '/': link = document.querySelector('input[type=search]'); if (link) { e.preventDefault(); link.focus(); } return;
      case 'j': step(1); return;
      case 'k': step(-1); return;
      case 'n': link = document.querySelector('a[rel=next]'); break;
      case 'p': link = document.querySelector('a[rel=prev]'); break;
    }
    if (link) { location.href = link.href; }
  });
  var every = parseInt(document.body.dataset.refresh, 10);
  function refresh() {
    if (document.hidden || /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { return setTimeout(refresh, every * 1000); }
    fetch(location.href, { credentials: 'same-origin' }).then(function (r) { return r.text(); }).then(function (text) {
      var next = new DOMParser().parseFromString(text, 'text/html');
      var main = next.getElementById('main');
      if (main && !document.querySelector('details[open]')) { document.getElementById('main').replaceWith(main); }
      if (next.body.dataset.refresh) { setTimeout(refresh, every * 1000); }
    }).catch(function () { setTimeout(refresh, every * 2000); });
  }
  if (every > 0) { setTimeout(refresh, every * 1000); }
}());
