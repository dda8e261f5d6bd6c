// What browse has in a page. It runs in a world of its own: the same document, but
// variables and prototypes that no script of the page reaches. Only the document
// itself is the page's, and a form or the document answers a name that it has a
// field of with that field: hence get and call, which ask the prototype.
(() => {
  'use strict';
  const get = (type, name) => {
    const f = Object.getOwnPropertyDescriptor(type.prototype, name).get;
    return (o) => f.call(o);
  };
  const call = (type, name) => {
    const f = type.prototype[name];
    return (o, ...args) => f.apply(o, args);
  };
  const tagOf = get(Element, 'localName'), firstOf = get(Node, 'firstChild'), nextOf = get(Node, 'nextSibling');
  const kindOf = get(Node, 'nodeType'), parentOf = get(Node, 'parentNode'), connected = get(Node, 'isConnected');
  const shadowOf = get(Element, 'shadowRoot'), attr = call(Element, 'getAttribute'), has = call(Element, 'hasAttribute');
  const boxesOf = call(Element, 'getClientRects'), boxOf = call(Element, 'getBoundingClientRect');
  const rendered = call(Element, 'checkVisibility'), query = call(Element, 'querySelector'), slotOf = get(Element, 'assignedSlot');
  const textOf = get(HTMLElement, 'innerText'), actionOf = get(HTMLFormElement, 'action');
  const bodyOf = get(Document, 'body'), titleOf = get(Document, 'title'), typeOf = get(Document, 'contentType');
  const byID = call(Document, 'getElementById'), atPoint = call(Document, 'elementFromPoint');

  const most = { elements: 80, others: 60, nodes: 100_000, depth: 400, html: 3 << 20, ms: 3000, named: 3000, options: 30 };
  const skipped = new Set(['script', 'style', 'noscript', 'template', 'head', 'object', 'embed', 'canvas', 'svg', 'video', 'audio', 'datalist', 'frameset', 'option', 'optgroup']);
  const kept = new Set(['a', 'abbr', 'article', 'aside', 'b', 'blockquote', 'br', 'caption', 'cite', 'code', 'dd', 'del', 'dl', 'dt', 'em', 'figcaption', 'figure', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'i', 'img', 'kbd', 'li', 'main', 'nav', 'ol', 'p', 'pre', 'q', 'rp', 'rt', 'ruby', 's', 'section', 'strong', 'sub', 'sup', 'table', 'tbody', 'td', 'tfoot', 'th', 'thead', 'tr', 'ul']);
  const roles = {
    link: 'link', button: 'button', tab: 'button', menuitem: 'button', menuitemcheckbox: 'button', menuitemradio: 'button', option: 'button', treeitem: 'button',
    checkbox: 'checkbox', switch: 'checkbox', radio: 'checkbox', textbox: 'field', searchbox: 'field', combobox: 'field', spinbutton: 'field',
  };
  const pressed = new Set(['submit', 'button', 'reset', 'image']);
  const unusable = new Set(['hidden', 'file', 'range']);
  let listed = []; // of the last read; number 1 is at 0
  const secrets = new WeakSet(); // fields that have once been a password's

  const escape = (s) => s.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
  const line = (s, n) => (s || '').slice(0, 4 * n).replace(/\s+/g, ' ').trim().slice(0, n);
  const inner = (el) => (el instanceof HTMLElement ? textOf(el) : el.textContent) || '';
  const type = (el) => (el instanceof HTMLInputElement ? el.type : '');

  // role is what can be done with an element, or ''.
  function role(el, style, above) {
    const tag = tagOf(el);
    if (tag === 'input') {
      if (unusable.has(el.type)) return '';
      return pressed.has(el.type) ? 'button' : el.type === 'checkbox' || el.type === 'radio' ? 'checkbox' : 'field';
    }
    if (tag === 'textarea') return 'field';
    if (tag === 'select') return 'select';
    if (tag === 'button' || tag === 'summary') return 'button';
    if (tag === 'a' && has(el, 'href')) return 'link';
    const known = roles[(attr(el, 'role') || '').trim().split(/\s/)[0]];
    if (el.isContentEditable === true && (above === null || above.isContentEditable !== true)) return 'field';
    if (known) return known;
    if (tag === 'label' || tag === 'html' || tag === 'body') return '';
    if (has(el, 'onclick')) return 'button';
    return style.cursor === 'pointer' && (above === null || getComputedStyle(above).cursor !== 'pointer') ? 'button' : '';
  }

  function name(el) {
    const tag = tagOf(el);
    const refs = (attr(el, 'aria-labelledby') || '').split(/\s+/).filter(Boolean).slice(0, 4);
    const found = refs.map((id) => byID(document, id)).filter(Boolean).map((e) => line(inner(e), 80)).join(' ');
    const control = tag === 'input' || tag === 'select' || tag === 'textarea';
    const image = control ? null : query(el, 'img[alt]');
    return line(found, 80) || line(attr(el, 'aria-label'), 80) ||
      line(control && el.labels && el.labels[0] ? inner(el.labels[0]) : '', 80) ||
      line(control || el.isContentEditable === true ? '' : inner(el), 80) || line(image && attr(image, 'alt'), 80) ||
      line(attr(el, 'placeholder'), 80) || line(attr(el, 'title'), 80) || line(attr(el, 'alt'), 80) ||
      line(pressed.has(type(el)) ? el.value : '', 80) || line(attr(el, 'name'), 80) ||
      line(attr(el, 'href') || attr(el, 'id'), 80) || '(no name)';
  }

  function secret(el) {
    const hint = attr(el, 'autocomplete') || '';
    if (type(el) === 'password' || /password|one-time-code|cc-(number|csc|exp)/i.test(hint) || getComputedStyle(el).webkitTextSecurity !== 'none') secrets.add(el);
    return secrets.has(el);
  }

  function value(el, kind) {
    if (kind === 'checkbox') return String(el instanceof HTMLInputElement ? el.checked : attr(el, 'aria-checked') === 'true');
    if (kind === 'select') return el.selectedOptions && el.selectedOptions[0] ? line(el.selectedOptions[0].text, 80) : '';
    if (kind !== 'field' || secret(el)) return '';
    return line(typeof el.value === 'string' ? el.value : inner(el), 200);
  }

  // address is the host that using an element leads to, when it is another one.
  function address(el, kind) {
    let to = kind === 'link' ? el.href : '';
    if (kind !== 'link' && el.form instanceof HTMLFormElement) to = has(el, 'formaction') ? el.formAction : actionOf(el.form);
    if (typeof to !== 'string' || !/^https?:/.test(to)) return '';
    const host = new URL(to).host;
    return host === location.host ? '' : host.slice(0, 260);
  }

  const off = (el) => el.disabled === true || attr(el, 'aria-disabled') === 'true' || (el instanceof HTMLElement && el.matches(':disabled'));
  const labelOf = (el) => (el.labels && el.labels[0] && rendered(el.labels[0], { opacityProperty: true, visibilityProperty: true }) ? el.labels[0] : null);

  // inSight is whether an element's own text can be seen: where it is, and how.
  function inSight(el, style, ground) {
    if (style.visibility !== 'visible' || parseFloat(style.fontSize) < 3 || style.color === ground || /^rgba\(.*, 0(\.0\d*)?\)$/.test(style.color)) return false;
    if (style.display === 'contents') return true;
    const box = boxOf(el);
    return box.right + scrollX > 0 && box.bottom + scrollY > 0 && box.left < Math.max(innerWidth, document.documentElement.scrollWidth || 0);
  }

  // read lists the page: what a person could see of it as plain HTML, and what can
  // be used on it.
  function read() {
    const end = performance.now() + most.ms;
    const parts = [], found = [];
    let size = 0, count = 0, cut = false, lost = false;
    const put = (s) => { parts.push(s); size += s.length || 100; };

    const children = (node, depth, ground, use) => {
      if (node instanceof Element && shadowOf(node)) node = shadowOf(node);
      const given = node instanceof HTMLSlotElement ? node.assignedNodes({ flatten: true }) : [];
      if (given.length) for (const child of given) walk(child, node, depth, ground, use);
      else for (let child = firstOf(node); child && !cut; child = nextOf(child)) walk(child, node, depth, ground, use);
    };

    const walk = (node, above, depth, ground, use) => {
      if (cut || ++count > most.nodes || size > most.html || ((count & 255) === 0 && performance.now() > end)) { cut = true; return; }
      if (kindOf(node) === 3) {
        const room = most.html + 1 - size;
        lost = lost || node.data.length > room;
        if (ground.text) put(escape(node.data.slice(0, room)));
        return;
      }
      if (kindOf(node) !== 1) return;
      if (depth > most.depth) { lost = true; return; }
      const tag = tagOf(node);
      if (skipped.has(tag)) return;
      const style = getComputedStyle(node), bare = style.display === 'contents';
      const label = type(node) === 'checkbox' || type(node) === 'radio' ? labelOf(node) : null;
      const shown = bare || rendered(node, { opacityProperty: true });
      if (!shown && !label) return;
      if (!bare && !label && /hidden|clip/.test(style.overflow) && (node.clientHeight <= 1 || node.clientWidth <= 1) && tag !== 'body' && tag !== 'html' && !style.display.startsWith('inline')) return;
      let behind = ground.color;
      if (style.backgroundImage !== 'none') behind = '';
      else if (!/^rgba\(.*, 0\)$/.test(style.backgroundColor)) behind = style.backgroundColor;
      const seen = inSight(node, style, behind);
      const under = { color: behind, text: seen };
      if (tag === 'br' || tag === 'hr') { put('<' + tag + '>'); return; }
      if (tag === 'img') {
        if (seen && attr(node, 'alt')) put('<img src=x alt="' + escape(line(attr(node, 'alt'), 200)) + '">');
        return;
      }
      if (tag === 'iframe' || tag === 'frame') {
        if (seen && /^https?:/.test(node.src)) put('<p><a href="' + escape(node.src.slice(0, 2000)) + '">frame: ' + escape(line(attr(node, 'title'), 80) || new URL(node.src).host) + '</a></p>');
        return;
      }
      const box = boxOf(node);
      const usable = label || (seen && (bare || (box.width >= 1 && box.height >= 1)));
      const kind = usable ? role(node, style, above instanceof Element ? above : null) : '';
      const native = tag === 'input' || tag === 'select' || tag === 'textarea' || tag === 'button' || node.isContentEditable === true;
      let inside = use;
      if (kind && (!use || native || tag === 'a')) {
        const one = { el: node, kind, off: off(node), name: kind !== 'link' || found.length < most.named ? name(node) : '', n: 0, native };
        found.push(one);
        if (kind !== 'link') put(one);
        inside = true;
      }
      if (native || tag === 'input') return;
      let as = kept.has(tag) ? tag : style.display.startsWith('inline') || bare ? 'span' : 'div';
      if (tag === 'html' || tag === 'body') as = 'div';
      let open = '<' + as;
      if (tag === 'a' && /^https?:|^mailto:/.test(node.href)) open += ' href="' + escape(node.href.slice(0, 2048)) + '"';
      if (tag === 'ol' && has(node, 'start')) open += ' start="' + Number(node.start) + '"';
      if (tag === 'code') open += ' class="' + escape(line(attr(node, 'class'), 80)) + '"';
      put(open + '>');
      children(node, depth + 1, under, inside);
      put('</' + as + '>');
    };
    const body = bodyOf(document) || document.documentElement;
    if (body) walk(body, null, 0, { color: 'rgb(255, 255, 255)', text: true }, false);

    number(found);
    const html = parts.map((p) => (typeof p === 'string' ? p : escape(inline(p)))).join('');
    const elements = listed.map((o) => ({ n: o.n, role: o.kind, name: o.name, value: value(o.el, o.kind), address: (o.address = address(o.el, o.kind)) }));
    return { title: line(titleOf(document), 300), url: location.href.slice(0, 4096), type: typeOf(document), html, cut: cut || lost, elements };
  }

  // number chooses what is listed: all that is no link first, since a link's address
  // is in the text as well. Of links that read and lead the same, one.
  function number(found) {
    const seen = new Set();
    const can = found.filter((o) => {
      if (o.off) return false;
      if (o.kind !== 'link') return true;
      const key = o.name + '\n' + o.el.href;
      return !seen.has(key) && seen.add(key);
    });
    const links = can.filter((o) => o.kind === 'link');
    const others = can.filter((o) => o.kind !== 'link').slice(0, Math.max(most.others, most.elements - links.length));
    const chosen = new Set([...others, ...links.slice(0, most.elements - others.length)]);
    listed = can.filter((o) => chosen.has(o));
    listed.forEach((o, i) => { o.n = i + 1; });
  }

  // inline is how something that can be used stands in the text.
  function inline(o) {
    const is = value(o.el, o.kind);
    let s = '[' + o.kind + (o.n ? ' ' + o.n : '') + (o.native && o.name ? ': ' + o.name : '') + (is ? ' = ' + is : '');
    if (o.kind === 'select') s += '; one of: ' + [...o.el.options].slice(0, most.options).map((p) => line(p.text, 40)).join(', ');
    return ' ' + s + (o.off ? ', cannot be used' : '') + '] ';
  }

  const again = (error) => ({ error: error + ': read the page again' });

  // find is the element of a number, as it was when it was listed.
  function find(n) {
    const o = listed[n - 1];
    if (!o) return again('the page as last read has no element ' + n);
    if (!connected(o.el)) return again('element ' + n + ' is no longer on the page');
    if (address(o.el, o.kind) !== o.address) return again('element ' + n + ' now leads to another address');
    if (off(o.el)) return again('element ' + n + ' cannot be used now');
    return o;
  }

  // named is what an element is called now.
  function named(n) {
    const o = find(n);
    return o.error ? o : { name: name(o.el), host: location.hostname };
  }

  const within = (node, outer) => {
    for (let at = node; at; at = (at instanceof Element && slotOf(at)) || parentOf(at) || at.host) if (at === outer) return true;
    return false;
  };

  // point is where to click an element: the middle of what the window shows of it,
  // provided that a click there is one on it.
  async function point(n) {
    const o = find(n);
    if (o.error) return o;
    if (o.kind === 'select') return { error: 'element ' + n + ' is a list to choose from: fill it with the text of an option' };
    const box = boxOf(o.el);
    const el = rendered(o.el, { opacityProperty: true, visibilityProperty: true }) && box.width >= 1 && box.height >= 1 ? o.el : labelOf(o.el);
    if (!el) return again('element ' + n + ' is not to be seen now');
    call(Element, 'scrollIntoView')(el, { block: 'center', inline: 'center', behavior: 'instant' });
    await new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); setTimeout(done, 200); });
    const boxes = [...boxesOf(el)].filter((b) => b.width >= 1 && b.height >= 1 && b.right > 0 && b.bottom > 0 && b.left < innerWidth && b.top < innerHeight);
    if (!boxes.length) return again('element ' + n + ' cannot be brought into sight');
    const b = boxes[0];
    const x = (Math.max(b.left, 0) + Math.min(b.right, innerWidth)) / 2, y = (Math.max(b.top, 0) + Math.min(b.bottom, innerHeight)) / 2;
    let hit = atPoint(document, x, y);
    for (let root; hit && (root = shadowOf(hit));) {
      const deeper = root.elementFromPoint(x, y);
      if (!deeper || deeper === hit) break;
      hit = deeper;
    }
    const label = labelOf(o.el);
    if (!hit || !(within(hit, el) || (label && within(hit, label)))) {
      const what = hit ? line(inner(hit), 60) || tagOf(hit) : 'nothing';
      return { error: 'element ' + n + ' is covered by something else on the page (' + what + '): deal with that first, then read the page again' };
    }
    return { x, y };
  }

  const fire = (el, ...names) => names.forEach((name) => el.dispatchEvent(new Event(name, { bubbles: true, composed: true })));

  // fill does what needs no keyboard (done), says where a click does it (x, y), or
  // focuses the field with all of its text selected, to be typed over (type).
  async function fill(n, text) {
    const o = find(n);
    if (o.error) return o;
    const el = o.el;
    if (o.kind === 'checkbox') {
      if (text !== 'true' && text !== 'false') return { error: 'element ' + n + ' is a checkbox: fill it with "true" or "false"' };
      return value(el, 'checkbox') === text ? { done: true } : point(n);
    }
    if (o.kind === 'select') return choose(n, el, text);
    if (o.kind !== 'field') return { error: 'element ' + n + ' is a ' + o.kind + ': it can be clicked, not filled' };
    if (el.readOnly === true) return { error: 'element ' + n + ' cannot be changed' };
    call(Element, 'scrollIntoView')(el, { block: 'center', behavior: 'instant' });
    if (['date', 'time', 'month', 'week', 'datetime-local', 'color'].includes(type(el))) {
      const old = el.value;
      el.value = text;
      if (el.value !== text) {
        el.value = old;
        return { error: 'element ' + n + ' takes a ' + type(el) + ', written as HTML does (2026-01-31, 18:30, 2026-01-31T18:30, #ff8800)' };
      }
      fire(el, 'input', 'change');
      return { done: true };
    }
    el.focus();
    if (el.getRootNode().activeElement !== el) return { error: 'element ' + n + ' cannot be typed into' };
    if (typeof el.select === 'function') el.select();
    else getSelection().selectAllChildren(el);
    return { type: true };
  }

  function choose(n, el, text) {
    const options = [...el.options].filter((p) => !p.disabled), want = line(text, 200);
    const option = options.find((p) => line(p.text, 200) === want) || options.find((p) => p.value === text) ||
      options.find((p) => line(p.text, 200).toLowerCase() === want.toLowerCase());
    if (!option) return { error: 'element ' + n + ' has no such option; it has: ' + options.slice(0, most.options).map((p) => line(p.text, 40)).join(', ') };
    option.selected = true;
    fire(el, 'input', 'change');
    return { done: true };
  }

  function changed(n) {
    const o = listed[n - 1];
    if (o && connected(o.el)) fire(o.el, 'change');
    return {};
  }

  return { read, named, point, fill, changed };
})()
