// What the panels over the page have in common: showing what they load, and
// cards that ask before they do something. Opening and closing is lazy.js.
import { advice } from './api.js';
import { $, announce, el } from './dom.js';

export class Panel {
  #load = 0;
  #notice = '';

  // name is the dialog's id; refresh() is the panel's own.
  constructor(name) {
    this.dialog = $(`#${name}`);
    this.body = $(`#${name}-body`);
  }

  // forget drops what is being loaded.
  forget() {
    this.#load++;
  }

  // whenTyped refreshes soon after the last of several changes of an input.
  whenTyped(input) {
    let timer = 0;
    input.addEventListener('input', () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.dialog.open && this.refresh(), 250);
    });
  }

  // show replaces what is shown by what load() resolves with, or by what went
  // wrong. Of several loads the last one counts.
  async show(load) {
    const mine = ++this.#load;
    if (!this.body.firstChild) this.body.append(hint('Loading…'));
    let nodes;
    try {
      nodes = await load();
    } catch (err) {
      nodes = [problem(advice(err))];
    }
    if (mine !== this.#load) return;
    this.body.replaceChildren(this.#notice && el('p', { class: 'hint', text: this.#notice }), ...nodes.filter(Boolean));
    this.#notice = '';
  }

  // done says that something was done, shows the list anew and keeps the place.
  async done(card, notice) {
    const at = [...card.parentElement.children].indexOf(card);
    this.#notice = notice;
    announce(notice);
    await this.refresh();
    const cards = this.body.querySelectorAll('.cards > li');
    (cards[Math.min(at, cards.length - 1)]?.querySelector('button') ?? this.dialog.querySelector('.close')).focus();
  }

  // ask puts a question in the place of a card's content, with other content
  // (nodes) below it: run() when the answer is yes, back() when it is no.
  ask(card, { question, content, yes, notice, run, back }) {
    const error = el('div');
    const leave = () => {
      card.removeEventListener('keydown', escape);
      back();
      card.querySelector('button')?.focus();
    };
    const escape = (event) => {
      if (event.key !== 'Escape') return;
      event.preventDefault(); // or else the whole panel closes
      leave();
    };
    const confirm = button(yes, async () => {
      confirm.disabled = true;
      error.replaceChildren();
      try {
        await run();
      } catch (err) {
        confirm.disabled = false;
        error.replaceChildren(problem(advice(err)));
        return;
      }
      this.done(card, notice);
    });
    confirm.classList.add('primary');
    const title = el('p', { class: 'ask', tabindex: '-1', text: question });
    card.replaceChildren(title, ...content, error, el('div', { class: 'row' }, confirm, button('Cancel', leave)));
    card.addEventListener('keydown', escape);
    (card.querySelector('textarea') ?? title).focus();
  }
}

export const hint = (text) => el('p', { class: 'hint', text });
export const problem = (text) => el('p', { class: 'error-text', role: 'alert', text });

export const button = (text, click, about = '') =>
  el('button', { type: 'button', class: 'button', text, 'aria-label': about ? `${text}: ${about}` : null, on: { click } });

// more is a button that puts what load() resolves with in its own place.
export function more(text, load) {
  const here = button(text, async () => {
    here.disabled = true;
    try {
      here.replaceWith(...(await load()).filter(Boolean));
    } catch (err) {
      here.disabled = false;
      here.after(problem(advice(err)));
    }
  });
  return here;
}
