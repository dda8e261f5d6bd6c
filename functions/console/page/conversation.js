// One conversation: what was said, the turn under way, and what happens when
// the connection breaks. A message is sent once; only a person sends it again.
import { ApiError, StreamCut, TurnFailed, advice } from './api.js';
import { announce } from './dom.js';
import { dayName, when } from './format.js';
import { Reply, daySeparator, question } from './message.js';
import { findAnswer, recover, sameText, untilIdle } from './recovery.js';

// How long a silent stream is trusted before history is asked, in ms.
const silence = 45_000;

// How long a stopped turn may take to end by itself, in ms.
const stopGrace = 6_000;

export class Conversation {
  draft = '';
  busy = false;
  stopping = false;
  loaded = false;
  #api;
  #hooks;
  #messages = []; // {role, text, el}
  #day = '';
  #abort = null;
  #reply = null; // of the turn under way

  // hooks: changed(conversation) when what is shown around it may change,
  // draft(conversation) when the draft was put back, finished() after a turn.
  constructor(name, api, hooks) {
    this.name = name;
    this.#api = api;
    this.#hooks = hooks;
    this.list = document.createElement('ol');
    this.list.className = 'messages';
  }

  get empty() {
    return this.#messages.length === 0;
  }

  get title() {
    return this.#messages.find((m) => m.role === 'user')?.text ?? '';
  }

  // load shows the history, again if it changed meanwhile (the main session
  // goes on in other channels too). It throws what the API throws.
  async load() {
    if (this.busy) return;
    const before = this.#messages.length;
    const history = await this.#api.session(this.name);
    // Something may have been sent while the history was on its way.
    if (this.busy || this.#messages.length !== before) return;
    this.loaded = true;
    const messages = history.messages ?? [];
    const mark = (list) => JSON.stringify(list.map((m) => [m.role, m.text]));
    // A failed message stays until its sender has dealt with it.
    const failed = this.#messages.at(-1)?.el.classList.contains('failed');
    if (!failed && mark(messages) !== mark(this.#messages)) this.#show(messages);
    if (history.busy) this.#watch();
  }

  async send(text) {
    if (this.busy) return;
    const attempt = {
      text,
      sentAt: this.#api.now(),
      sameBefore: this.#messages.filter((m) => m.role === 'user' && sameText(m.text, text)).length,
    };
    const asked = this.#add('user', text, question(text, new Date()), new Date());
    const reply = new Reply();
    const answered = this.#add('assistant', '', reply.el, null);
    const turn = { attempt, asked, answered, reply };
    this.#begin(reply);
    try {
      const done = await this.#stream(turn);
      this.#finish(turn, { text: done.reply, model: done.model, usage: done.usage, cost: done.usage?.cost_usd, time: new Date() });
    } catch (err) {
      await this.#failed(turn, err);
    } finally {
      this.#end();
    }
  }

  // stop asks the server to end the turn; what was shown stays.
  async stop() {
    if (!this.busy || this.stopping) return;
    this.stopping = true;
    this.#hooks.changed(this);
    try {
      await this.#api.stop(this.name);
    } catch (err) {
      this.stopping = false;
      this.#hooks.changed(this);
      announce(`Stopping failed. ${advice(err)}`);
      this.#reply?.say(`Stopping failed. ${advice(err)}`);
      return;
    }
    const turn = this.#abort;
    setTimeout(() => turn?.abort(), stopGrace);
  }

  // close drops what is under way, for logging out.
  close() {
    this.#abort?.abort();
  }

  async #stream({ attempt, reply }) {
    const { signal } = this.#abort;
    let found = null;
    let timer = 0;
    // A connection can die without a sign. Asking the history does not disturb
    // a turn that is merely slow, as ending the request might.
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(async () => {
        const history = await this.#api.session(this.name).catch(() => null);
        found = history && !history.busy ? findAnswer(history.messages, attempt) : null;
        if (found) this.#abort?.abort();
        else if (!signal.aborted) watch();
      }, silence);
    };
    watch();
    const onEvent = (type, data) => {
      if (type === 'text') reply.append(data.delta ?? '');
      else if (type === 'reset') reply.reset();
      else if (type === 'tool') reply.tool(data);
    };
    try {
      return await this.#api.chat(attempt.text, this.name, { signal, onEvent, onBytes: watch });
    } catch (err) {
      if (!found) throw err;
      return { reply: found.text, model: found.model, usage: found.cost == null ? null : { cost_usd: found.cost } };
    } finally {
      clearTimeout(timer);
    }
  }

  async #failed(turn, err) {
    const { reply } = turn;
    const aborted = this.#abort.signal.aborted;
    if (aborted && !this.stopping) return; // logged out
    if (this.stopping && (aborted || err instanceof StreamCut || err instanceof TurnFailed)) {
      this.#finish(turn, { text: reply.text });
      reply.say('Stopped.');
      return;
    }
    if (err instanceof ApiError && err.status === 401) {
      this.#takeBack(turn);
      return;
    }
    const lost = err instanceof StreamCut || (err instanceof ApiError && err.status === 0);
    if (lost) {
      await this.#lookForReply(turn);
      return;
    }
    const refused = err instanceof ApiError && (err.status === 400 || err.status === 413);
    const again = ['Try again', () => this.#again(turn)];
    const edit = ['Edit message', () => this.#takeBack(turn)];
    reply.fail(advice(err), refused ? [edit] : [again, edit]);
  }

  // lookForReply asks the history for the reply that the connection lost.
  async #lookForReply(turn) {
    const { reply, attempt } = turn;
    reply.say('The connection was lost. Looking for the reply…');
    const { signal } = this.#abort;
    try {
      const found = await recover(this.#api, this.name, attempt, signal, () =>
        reply.say('The connection was lost, but Instar is still working on it…'),
      );
      if (found) {
        this.#finish(turn, found);
        return;
      }
    } catch (err) {
      if (err instanceof ApiError && err.status === 401) {
        this.#takeBack(turn);
        return;
      }
      if (signal.aborted) {
        if (this.stopping) {
          this.#finish(turn, { text: reply.text });
          reply.say('Stopped.');
        }
        return;
      }
      throw err;
    }
    reply.fail('The connection was lost and no reply has arrived. Your message may have got through, so it was not sent again.', [
      ['Check for a reply', () => this.#checkAgain(turn)],
      ['Try again', () => this.#again(turn)],
    ]);
  }

  async #checkAgain(turn) {
    if (this.busy) return;
    turn.reply.wait();
    this.#begin(turn.reply);
    try {
      await this.#lookForReply(turn);
    } finally {
      this.#end();
    }
  }

  #again(turn) {
    if (this.busy) return;
    this.#remove(turn.asked, turn.answered);
    this.send(turn.attempt.text);
  }

  // takeBack removes a message that the server did not take and puts its text
  // back into the box.
  #takeBack(turn) {
    this.#remove(turn.asked, turn.answered);
    this.draft = this.draft ? `${turn.attempt.text}\n\n${this.draft}` : turn.attempt.text;
    this.#hooks.draft(this);
    this.#hooks.changed(this);
  }

  // watch waits for a turn that this page did not start.
  async #watch() {
    const reply = new Reply();
    const entry = this.#add('assistant', '', reply.el, null);
    reply.say('Still working on this…');
    this.#begin(reply);
    try {
      await untilIdle(this.#api, this.name, this.#abort.signal);
    } catch {
      // The load below says what is wrong, if anything still is.
    } finally {
      const stopped = this.#abort.signal.aborted;
      this.#remove(entry);
      this.#end();
      if (!stopped || this.stopping) await this.load().catch(() => {});
    }
  }

  #begin(reply) {
    this.#reply = reply;
    this.busy = true;
    this.stopping = false;
    this.#abort = new AbortController();
    this.#hooks.changed(this);
  }

  #end() {
    this.busy = false;
    this.stopping = false;
    this.#abort = null;
    this.#hooks.changed(this);
    this.#hooks.finished(this);
  }

  #finish(turn, result) {
    turn.reply.finish(result);
    turn.answered.text = turn.reply.text;
    if (turn.reply.text) announce(turn.reply.body.textContent.trim());
    else if (!this.stopping) turn.reply.say('Instar ended its turn without words.');
  }

  #show(messages) {
    this.list.replaceChildren();
    this.#messages = [];
    this.#day = '';
    for (const m of messages) {
      const time = when(m.time);
      if (m.role === 'user') {
        this.#add('user', m.text, question(m.text, time), time);
        continue;
      }
      const reply = new Reply();
      reply.finish({ text: m.text, tools: m.tools, model: m.model, cost: m.cost_usd, time });
      this.#add('assistant', m.text, reply.el, time);
    }
    this.#hooks.changed(this);
  }

  #add(role, text, node, time) {
    const day = time && dayName(time);
    if (day && day !== this.#day) {
      this.#day = day;
      this.list.append(daySeparator(day));
    }
    this.list.append(node);
    const entry = { role, text, el: node };
    this.#messages.push(entry);
    return entry;
  }

  #remove(...entries) {
    for (const entry of entries) entry.el.remove();
    this.#messages = this.#messages.filter((m) => !entries.includes(m));
  }
}
