// The elements of one message in the transcript.
import { Card } from './card.js';
import { copyButton, el, icon, setIcon } from './dom.js';
import { clock, count, shortModel, usd } from './format.js';
import { MarkdownView } from './markdown.js';

// question shows what a person said, exactly as it was said.
export function question(text, time) {
  return el(
    'li',
    { class: 'message question', title: time && clock(time) },
    el('span', { class: 'sr-only', text: 'You: ' }),
    el('div', { class: 'bubble', dir: 'auto', text }),
  );
}

export const daySeparator = (name) => el('li', { class: 'day' }, el('span', { text: name }));

const toolStates = {
  running: ['spinner', 'running'],
  done: ['check', 'done'],
  failed: ['cross', 'failed'],
  refused: ['shield', 'refused'],
  ended: ['dash', 'no result'],
};

// Chip shows one tool call; opening it shows what the call did.
class Chip {
  constructor() {
    this.icon = icon('spinner');
    this.name = el('span', { class: 'tool-name' });
    this.state = el('span', { class: 'tool-state' });
    this.summary = el('div', { class: 'tool-summary', dir: 'auto' });
    this.el = el(
      'details',
      { class: 'tool' },
      el('summary', {}, this.icon, this.name, this.state, icon('chevron')),
      this.summary,
    );
  }

  set({ name, state, summary }) {
    const [symbol, word] = toolStates[state] ?? ['check', String(state ?? '')];
    if (name) this.name.textContent = name;
    this.el.dataset.state = state;
    setIcon(this.icon, symbol);
    this.state.textContent = word;
    this.summary.textContent = summary || (state === 'running' ? 'Still working on it.' : 'No details.');
  }
}

// given shows a file that came with a reply: a picture, and a way to have it.
const given = ({ name, media_type: type, url }) =>
  el('a', { href: url, download: name, class: 'file' }, type.startsWith('image/') ? el('img', { src: url, alt: name, loading: 'lazy' }) : icon('down'), el('span', { text: name }));

// Reply shows the agent's side of a turn from its first byte to its end, and
// the questions that are put with it.
export class Reply {
  #text = '';
  #markdown;
  #chips = new Map();
  #broken = false;
  #frame = 0;
  #cost = 0; // how long the last rendering took, in ms
  #answer;
  cards = []; // the questions put with it

  // answer is that of Card.
  constructor(answer) {
    this.#answer = answer;
    this.body = el('div', { class: 'body', dir: 'auto' });
    this.tools = el('div', { class: 'tools', hidden: true });
    this.note = el('p', { class: 'note', hidden: true });
    this.foot = el('div', { class: 'foot', hidden: true });
    this.files = el('div', { class: 'files' });
    this.asked = el('div', { class: 'questions', hidden: true });
    this.el = el(
      'li',
      { class: 'message reply waiting', 'aria-busy': 'true' },
      el('span', { class: 'sr-only', text: 'Instar: ' }),
      this.body,
      el('div', { class: 'dots', 'aria-hidden': 'true' }, el('i'), el('i'), el('i')),
      this.tools,
      this.note,
      this.files,
      this.foot,
      this.asked,
    );
    this.#markdown = new MarkdownView(this.body);
  }

  get text() {
    return this.#text;
  }

  // words is all that it says, for who listens.
  get words() {
    return [this.body.textContent.trim(), ...this.cards.map((card) => card.words)].filter(Boolean).join('\n');
  }

  append(delta) {
    // Words after a tool call are a new paragraph.
    if (this.#broken && this.#text) this.#text += '\n\n';
    this.#broken = false;
    this.#text += delta;
    this.#schedule();
  }

  // reset throws away the text so far: the model was asked again.
  reset() {
    this.#text = '';
    this.#render();
  }

  tool({ id, ...call }) {
    this.#broken = true;
    let chip = this.#chips.get(id);
    if (!chip) {
      chip = new Chip();
      this.#chips.set(id, chip);
      this.tools.append(chip.el);
      this.tools.hidden = false;
    }
    chip.set(call);
  }

  // say shows a note, and a button below it: action is [label, handler].
  say(note, action) {
    this.note.textContent = note;
    this.note.hidden = !note;
    if (action) this.note.append(el('button', { type: 'button', class: 'button', text: action[0], on: { click: action[1] } }));
  }

  // finish shows the turn's result; its text replaces what was streamed.
  finish({ text, tools, model, usage, cost, time, cards, files }) {
    if (text) this.#text = text;
    this.files.replaceChildren(...(files ?? []).map(given));
    this.cards = (cards ?? []).map((card) => new Card(card, this.#answer));
    this.asked.replaceChildren(...this.cards.map((card) => card.el));
    this.asked.hidden = this.cards.length === 0;
    if (tools) {
      this.#chips.clear();
      this.tools.replaceChildren();
    }
    for (const [i, tool] of (tools ?? []).entries()) this.tool({ id: `history-${i}`, ...tool });
    this.#settle();
    const facts = [
      shortModel(model),
      usage && `${count(usage.input)} in, ${count(usage.output)} out`,
      cost > 0 && usd(cost),
      time && clock(time),
    ].filter(Boolean);
    this.foot.replaceChildren(el('span', { text: facts.join(' · ') }));
    if (this.#text) this.foot.prepend(copyButton('Copy', () => this.#text));
    this.foot.hidden = !this.#text && facts.length === 0;
  }

  // fail shows what went wrong and what can be done: actions is [[label, handler]].
  fail(message, actions) {
    this.#settle();
    this.el.classList.add('failed');
    this.el.querySelector('.error')?.remove();
    this.foot.hidden = true;
    const buttons = actions.map(([label, run]) => el('button', { type: 'button', class: 'button', text: label, on: { click: run } }));
    this.el.append(
      el('div', { class: 'error', role: 'alert' }, el('p', {}, icon('alert'), el('span', { text: message })), el('div', { class: 'row' }, ...buttons)),
    );
  }

  // wait undoes fail: the reply is being looked for again.
  wait() {
    this.el.querySelector('.error')?.remove();
    this.el.classList.remove('failed');
    this.el.classList.add('waiting');
    this.el.setAttribute('aria-busy', 'true');
  }

  #settle() {
    this.say('');
    this.#render();
    this.el.classList.remove('waiting', 'streaming');
    this.el.removeAttribute('aria-busy');
    for (const chip of this.#chips.values()) {
      if (chip.el.dataset.state === 'running') chip.set({ state: 'ended', summary: 'The turn ended before its outcome was reported.' });
    }
  }

  // A long answer is drawn less often, so that drawing never takes most of the time.
  #schedule() {
    if (this.#frame) return;
    this.#frame = setTimeout(() => this.#render(true), Math.max(16, this.#cost * 4));
  }

  #render(growing = false) {
    clearTimeout(this.#frame);
    this.#frame = 0;
    const start = performance.now();
    this.#markdown.set(this.#text, growing);
    this.#cost = performance.now() - start;
    this.el.classList.toggle('waiting', !this.#text);
    this.el.classList.toggle('streaming', this.#text !== '');
  }
}
