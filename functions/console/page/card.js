// A question of Instar's: what it wants to do, and the buttons that answer it.
import { advice } from './api.js';
import { announce, el } from './dom.js';
import { MarkdownView } from './markdown.js';
import { reveal } from './reveal.js';

// A question that is put twice has its second buttons where the first were. For
// this long, in ms, they take no click, so that a double click answers once.
const settle = 1000;

// How long an answer may take before it is said that it does, in ms.
const patience = 3000;

export class Card {
  #answer;

  // card is {id, text, buttons, state}; answer(card, data) resolves with {card},
  // as it is after that answer, and a note on it where there is one, or throws.
  constructor(card, answer) {
    this.#answer = answer;
    this.text = el('div', { class: 'body', dir: 'auto' });
    this.rows = el('div', { class: 'answers' });
    this.note = el('p', { class: 'remark', hidden: true });
    this.el = el('section', { class: 'asked', tabindex: '-1', 'aria-label': 'Question' }, this.text, this.rows, this.note);
    this.show(card);
  }

  // words is what the card says, for who listens.
  get words() {
    return this.text.textContent.trim();
  }

  show(card) {
    this.card = card;
    const { text, buttons, state } = card;
    this.el.dataset.state = buttons?.length ? state : `${state} over`;
    this.text.replaceChildren();
    new MarkdownView(this.text).set(text);
    unveil(this.text);
    this.rows.replaceChildren(...(buttons ?? []).map((row) => el('div', { class: 'row' }, ...row.map((b) => this.#button(b)))));
  }

  #button({ label, data }) {
    const button = el('button', { type: 'button', class: data.startsWith('/yes ') ? 'button primary' : 'button', text: label });
    button.addEventListener('click', () => this.#tap(button, data));
    return button;
  }

  async #tap(button, data) {
    const focused = this.el.contains(document.activeElement);
    this.#wait(true);
    this.#say('');
    const slow = setTimeout(() => this.#say('Instar takes your answer when it has finished what it does now…'), patience);
    try {
      const { card, note } = await this.#answer(this.card, data);
      this.show(card);
      announce(this.words);
      this.#say(note ?? '');
      if (focused) this.el.focus({ preventScroll: true });
      this.#wait(true);
      setTimeout(() => this.#wait(false), settle);
    } catch (err) {
      this.#say(advice(err), true);
      this.#wait(false);
      if (focused) button.focus({ preventScroll: true });
    } finally {
      clearTimeout(slow);
    }
  }

  #wait(waiting) {
    for (const button of this.rows.querySelectorAll('button')) button.disabled = waiting;
  }

  #say(text, bad = false) {
    this.note.hidden = !text;
    this.note.className = bad ? 'remark error-text' : 'remark';
    this.note.textContent = text;
    if (!text) return;
    announce(text);
    this.note.scrollIntoView({ block: 'nearest' });
  }
}

// unveil marks what cannot be seen in a text that may be a stranger's.
function unveil(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) texts.push(walker.currentNode);
  for (const node of texts) {
    const shown = reveal(node.data);
    if (shown.length > 1) node.replaceWith(...shown);
  }
}
