// Small builders for elements. They never parse HTML: text stays text.

// el makes an element. props: `class`, `text`, `on` ({event: handler}), and
// attributes (true sets an empty one, false and null leave it out).
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value == null || value === false) continue;
    if (key === 'class') node.className = value;
    else if (key === 'text') node.textContent = value;
    else if (key === 'on') for (const [type, fn] of Object.entries(value)) node.addEventListener(type, fn);
    else node.setAttribute(key, value === true ? '' : value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

const SVG = 'http://www.w3.org/2000/svg';

// icon shows one of the symbols drawn in index.html; it is decoration only.
export function icon(name) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  const use = document.createElementNS(SVG, 'use');
  use.setAttribute('href', `#i-${name}`);
  svg.append(use);
  return svg;
}

// setIcon points an existing icon at another symbol.
export function setIcon(svg, name) {
  svg.firstElementChild.setAttribute('href', `#i-${name}`);
}

export const $ = (selector) => document.querySelector(selector);

// copyButton copies what read() returns and says so for a moment.
export function copyButton(label, read) {
  const text = el('span', { text: label });
  const button = el('button', { class: 'quiet copy', type: 'button' }, icon('copy'), text);
  let timer = 0;
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(read());
      text.textContent = 'Copied';
      setIcon(button.firstElementChild, 'check');
    } catch {
      text.textContent = 'Copying was blocked';
    }
    clearTimeout(timer);
    timer = setTimeout(() => {
      text.textContent = label;
      setIcon(button.firstElementChild, 'copy');
    }, 1800);
  });
  return button;
}

// announce tells a screen reader something once, after what it is saying now.
export function announce(text) {
  $('#announcer').textContent = text;
}
