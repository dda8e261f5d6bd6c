// What of a conversation is on the page: its messages, in order.
import { dayName, when } from './format.js';
import { Reply, daySeparator, question } from './message.js';
import { sameText } from './recovery.js';

export class Transcript {
  changes = 0; // counts them
  #messages = []; // {role, text, el, reply}
  #day = '';
  #answer;

  // answer is that of Card.
  constructor(answer) {
    this.#answer = answer;
    this.list = document.createElement('ol');
    this.list.className = 'messages';
  }

  get empty() {
    return this.#messages.length === 0;
  }

  get title() {
    return this.#messages.find((m) => m.role === 'user')?.text ?? '';
  }

  // failed: the last message waits for its sender to deal with it.
  get failed() {
    return this.#messages.at(-1)?.el.classList.contains('failed') ?? false;
  }

  // count is how often the person has said this.
  count(text) {
    return this.#messages.filter((m) => m.role === 'user' && sameText(m.text, text)).length;
  }

  // shows reports whether these messages of the history are what is shown.
  shows(messages) {
    const mark = (role, text, cards = []) => [role, text, cards.map(({ id, text, buttons }) => [id, text, buttons ?? []])];
    const now = this.#messages.map((m) => mark(m.role, m.text, m.reply?.cards.map(({ card }) => card)));
    return JSON.stringify(now) === JSON.stringify(messages.map((m) => mark(m.role, m.text, m.cards)));
  }

  // show replaces everything by messages of the history.
  show(messages) {
    this.list.replaceChildren();
    this.#messages = [];
    this.#day = '';
    for (const m of messages) {
      const time = when(m.time);
      if (m.role === 'user') {
        this.ask(m.text, time);
        continue;
      }
      const entry = this.reply(time);
      entry.text = m.text;
      entry.reply.finish(fromHistory(m));
    }
  }

  // ask adds a message of the person's.
  ask(text, time) {
    return this.#add({ role: 'user', text, el: question(text, time) }, time);
  }

  // reply adds a message of the agent's that is still to come.
  reply(time = null) {
    const reply = new Reply(this.#answer);
    return this.#add({ role: 'assistant', text: '', el: reply.el, reply }, time);
  }

  #add(entry, time) {
    this.changes++;
    const day = time && dayName(time);
    if (day && day !== this.#day) {
      this.#day = day;
      this.list.append(daySeparator(day));
    }
    this.list.append(entry.el);
    this.#messages.push(entry);
    return entry;
  }

  remove(...entries) {
    this.changes++;
    for (const entry of entries) entry.el.remove();
    this.#messages = this.#messages.filter((m) => !entries.includes(m));
  }
}

// fromHistory is a message of the history as Reply.finish takes it.
export const fromHistory = ({ text, tools, model, cost_usd: cost, time, cards, files }) => ({ text, tools, model, cost, time: when(time), cards, files });
