// One conversation: what was said, the turn under way, and what happens when
// the connection breaks. A message is sent once; only a person sends it again.
import { ApiError, StreamCut, TurnFailed, advice } from './api.js';
import { announce } from './dom.js';
import { continued, findAnswer, recover, untilIdle } from './recovery.js';
import { Transcript, fromHistory } from './transcript.js';

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
  #transcript = new Transcript((card, data) => this.#answer(card, data));
  #abort = null;
  #reply = null; // of the turn under way
  #answering = 0; // answers to questions that are on their way
  #allowed = []; // [question, note] of what was said yes to and not followed yet

  // hooks: changed(conversation) when what is shown around it may change,
  // draft(conversation) when the draft was put back, finished() after a turn.
  constructor(name, api, hooks) {
    this.name = name;
    this.#api = api;
    this.#hooks = hooks;
    this.list = this.#transcript.list;
  }

  get empty() {
    return this.#transcript.empty;
  }

  get title() {
    return this.#transcript.title;
  }

  // load shows the history, again if it changed meanwhile (the main session
  // goes on in other channels too). It throws what the API throws.
  async load() {
    if (this.busy || this.#answering) return;
    const { changes } = this.#transcript;
    const history = await this.#api.session(this.name);
    // Something may have been sent or answered while the history was on its way.
    if (this.busy || this.#answering || this.#transcript.changes !== changes) return;
    this.loaded = true;
    const messages = history.messages ?? [];
    if (!this.#transcript.failed && !this.#transcript.shows(messages)) {
      this.#transcript.show(messages);
      this.#hooks.changed(this);
    }
    if (history.busy) this.#watch();
  }

  async send(text) {
    if (this.busy) return;
    const attempt = { text, sentAt: this.#api.now(), sameBefore: this.#transcript.count(text) };
    const asked = this.#transcript.ask(text, new Date());
    const answered = this.#transcript.reply();
    const turn = { attempt, asked, answered, reply: answered.reply };
    this.#begin(turn.reply);
    try {
      const done = await this.#stream(turn);
      this.#finish(turn, { text: done.reply, model: done.model, usage: done.usage, cost: done.usage?.cost_usd, time: new Date(), cards: done.cards, files: done.files });
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
    this.#allowed = [];
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
      return { reply: found.text, model: found.model, usage: found.cost == null ? null : { cost_usd: found.cost }, cards: found.cards, files: found.files };
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
    this.#transcript.remove(turn.asked, turn.answered);
    this.send(turn.attempt.text);
  }

  // takeBack removes a message that the server did not take and puts its text
  // back into the box.
  #takeBack(turn) {
    this.#transcript.remove(turn.asked, turn.answered);
    this.draft = this.draft ? `${turn.attempt.text}\n\n${this.draft}` : turn.attempt.text;
    this.#hooks.draft(this);
    this.#hooks.changed(this);
  }

  // watch waits for a turn that this page did not start.
  async #watch() {
    const entry = this.#transcript.reply();
    entry.reply.say('Still working on this…');
    this.#begin(entry.reply);
    try {
      await untilIdle(this.#api, this.name, this.#abort.signal);
    } catch {
      // The load below says what is wrong, if anything still is.
    } finally {
      const stopped = this.#abort.signal.aborted;
      this.#transcript.remove(entry);
      this.#allowed = []; // the history has what follows, too
      this.#end();
      if (!stopped || this.stopping) await this.load().catch(() => {});
    }
  }

  // answer gives the owner's answer to a question: see Card.
  async #answer(card, data) {
    this.#answering++;
    let after = null;
    try {
      const { card: now, reply } = await this.#api.answer(data, this.name);
      after = now;
      if (now.state === 'approved') setTimeout(() => this.#follow(card.id, reply));
      return { card: now, note: now.state === card.state ? reply : '' };
    } catch (err) {
      if (err.card) return { card: err.card };
      throw err;
    } finally {
      this.#transcript.changes++;
      this.#answering--;
      // It counts later, or may count all the same, or another did before.
      if (!after || after.state === card.state) setTimeout(() => this.load().catch(() => {}));
    }
  }

  // follow waits for what the agent does and says after a yes.
  async #follow(question, note) {
    if (this.busy) {
      this.#allowed.push([question, note]);
      return;
    }
    const answered = this.#transcript.reply();
    const { reply } = answered;
    reply.say(note || 'Working on it…');
    this.#begin(reply);
    const { signal } = this.#abort;
    try {
      const found = await continued(this.#api, this.name, question, signal);
      if (found) this.#finish({ reply, answered }, fromHistory(found));
      else this.#later(reply);
    } catch (err) {
      if (signal.aborted && !this.stopping) return; // logged out
      reply.finish({});
      reply.say(this.stopping ? 'Stopped.' : advice(err));
    } finally {
      this.#end();
    }
  }

  #later(reply) {
    reply.finish({});
    const note = 'This takes longer than a minute. The answer will be here, in this chat, when it is done.';
    reply.say(note, ['Look now', () => this.load().catch((err) => announce(advice(err)))]);
    announce(note);
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
    if (this.#allowed.length) this.#follow(...this.#allowed.shift());
  }

  #finish(turn, result) {
    turn.reply.finish(result);
    turn.answered.text = turn.reply.text;
    if (turn.reply.words) announce(turn.reply.words);
    else if (!this.stopping) turn.reply.say('Instar ended its turn without words.');
  }
}
