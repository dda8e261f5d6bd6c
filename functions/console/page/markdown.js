// Markdown to elements. What a model writes may have been steered by a
// stranger, so: HTML in it stays text, no image is ever loaded (its address
// could carry a secret out), and every link shows the host it leads to.
import { Marked } from 'marked';
import DOMPurify from 'dompurify';
import { copyButton, el } from './dom.js';

const escapes = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escape = (text) => text.replace(/[&<>"']/g, (c) => escapes[c]);

// A link inside a link is not HTML, so an image inside a link is its words only.
let insideLink = false;

const marked = new Marked({ gfm: true, breaks: true });
marked.use({
  renderer: {
    html: ({ text }) => escape(text),
    // The page has its own h1 and h2.
    heading({ tokens, depth }) {
      const tag = `h${Math.min(6, depth + 2)}`;
      return `<${tag}>${this.parser.parseInline(tokens)}</${tag}>\n`;
    },
    link({ href, tokens }) {
      const outer = insideLink;
      insideLink = true;
      const words = this.parser.parseInline(tokens);
      insideLink = outer;
      return outer ? words : `<a href="${escape(href)}">${words}</a>`;
    },
    image({ href, text }) {
      const words = `Image: ${escape(text || 'no description')}`;
      return insideLink ? words : `<a href="${escape(href)}">${words}</a>`;
    },
    checkbox: ({ checked }) => (checked ? '☑ ' : '☐ '),
  },
});

const allowed = {
  ALLOWED_TAGS: ['a', 'blockquote', 'br', 'code', 'del', 'em', 'h3', 'h4', 'h5', 'h6', 'hr', 'li', 'ol', 'p',
    'pre', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ALLOWED_ATTR: ['align', 'class', 'href', 'start'],
  ALLOW_ARIA_ATTR: false,
  ALLOW_DATA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

// MarkdownView keeps an element showing a growing text. Blocks that did not
// change since the last call keep their elements, so that a selection, a
// scrolled table or a pressed copy button survive the streaming.
export class MarkdownView {
  #root;
  #blocks = []; // {raw, nodes}

  constructor(root) {
    this.#root = root;
  }

  // growing says that more is to come, so that a mark which is not closed yet
  // does not show.
  set(text, growing = false) {
    const tokens = marked.lexer(text);
    const last = tokens.at(-1);
    if (growing && last && last.type !== 'code') tokens.splice(-1, 1, ...marked.lexer(mended(last.raw)));
    // A link definition may change any block before it.
    if (Object.keys(tokens.links).length > 0) this.#drop(0);
    let same = 0;
    while (same < this.#blocks.length && same < tokens.length && this.#blocks[same].raw === tokens[same].raw) same++;
    this.#drop(same);
    for (const token of tokens.slice(same)) {
      const html = marked.parser(Object.assign([token], { links: tokens.links }));
      const fragment = DOMPurify.sanitize(html, allowed);
      finish(fragment);
      const nodes = [...fragment.childNodes];
      this.#root.append(fragment);
      this.#blocks.push({ raw: token.raw, nodes });
    }
  }

  #drop(from) {
    for (const block of this.#blocks.splice(from)) {
      for (const node of block.nodes) node.remove();
    }
  }
}

// mended closes emphasis, code and links that the end of the text cuts off.
export function mended(text) {
  const odd = (mark) => text.split(mark).length % 2 === 0;
  if (odd('`')) return text.endsWith('`') ? text.slice(0, -1) : `${text}\``;
  text = text.replace(/!?\[([^[\]]*)(?:\]\([^()\s]*)?$/, '$1');
  if (/(?:^|[^*])\*$/.test(text) && !odd('**')) return text.slice(0, -1);
  if (odd('**')) return /\*\*\s*$/.test(text) ? text.replace(/\*\*\s*$/, '') : `${text.replace(/\*$/, '')}**`;
  return text;
}

// finish turns sanitised elements into what the page shows.
function finish(fragment) {
  for (const link of fragment.querySelectorAll('a')) finishLink(link);
  for (const pre of fragment.querySelectorAll('pre')) finishCode(pre);
  for (const node of fragment.querySelectorAll('[class]:not(.host, .code, .code *)')) node.removeAttribute('class');
  for (const table of fragment.querySelectorAll('table')) {
    const box = el('div', { class: 'table', role: 'region', tabindex: '0', 'aria-label': 'Table' });
    table.replaceWith(box);
    box.append(table);
  }
}

function finishLink(link) {
  const url = outside(link.getAttribute('href'));
  if (!url) {
    link.replaceWith(...link.childNodes);
    return;
  }
  const host = url.host || url.pathname; // a mailto: address has no host
  const words = link.textContent.trim();
  link.removeAttribute('class');
  link.href = url.href;
  link.rel = 'noopener noreferrer nofollow';
  link.target = '_blank';
  link.title = url.href;
  if (!words) link.textContent = host;
  else if (!showsHost(words, host)) link.after(el('bdi', { class: 'host', text: host }));
}

// outside is the address of a link that leaves this page, or null: other
// schemes run code, and a relative address would reach the agent's own API.
function outside(href) {
  try {
    const url = new URL(href);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

// showsHost: the words already are the address, not one that merely starts alike.
function showsHost(words, host) {
  const bare = words.replace(/^(?:https?:\/\/|mailto:)/i, '').toLowerCase();
  return bare === host || (bare.startsWith(host) && '/?#'.includes(bare[host.length]));
}

function finishCode(pre) {
  const code = pre.querySelector('code') ?? pre;
  const language = /^language-([\w+#.-]{1,20})/.exec(code.className)?.[1] ?? '';
  code.removeAttribute('class');
  pre.tabIndex = 0; // so that the keyboard can scroll it
  const box = el('div', { class: 'code' });
  pre.replaceWith(box);
  box.append(
    el('div', { class: 'code-bar' }, el('span', { text: language }), copyButton('Copy', () => code.textContent.replace(/\n$/, ''))),
    pre,
  );
}
