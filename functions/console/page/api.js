// The server's JSON and event stream.
import { Parser } from './sse.js';

// ApiError is an answer other than 2xx, or no answer at all (status 0). answer is
// the body, as far as it was one.
export class ApiError extends Error {
  constructor(status, message, answer = {}) {
    super(message);
    this.status = status;
    this.missing = answer.missing ?? [];
    this.card = answer.card; // of a question that is not open any more
  }
}

// How long the answer to a question may wait for its turn, in ms.
const answerWait = 90_000;

// StreamCut is a stream that ended before it said how the turn went.
export class StreamCut extends Error {}

// TurnFailed is the server's own word that the turn failed.
export class TurnFailed extends Error {}

// advice says in plain words what a failed call means and what to do.
export function advice(err) {
  if (err instanceof TurnFailed) return err.message || 'The turn failed. Try again.';
  if (!(err instanceof ApiError)) return 'Something went wrong in this page. Reload it and try again.';
  switch (err.status) {
    case 0:
      return 'Instar could not be reached. Check the connection, then try again.';
    case 413:
      return 'This message is too long. Shorten it, then send it again.';
    case 429:
      return `${sentence(err.message || 'Too many messages at once.')} Wait a moment, then try again.`;
    case 503:
      if (!err.missing.length) return `${sentence(err.message)} Try again in a moment.`;
      if (err.missing.length > 1 && err.message.includes(err.missing[0])) return `${sentence(err.message)} Then try again.`;
      return `${sentence(err.message)} Set ${err.missing.join(', ')} (for example with "wrangler secret put ${err.missing[0]}"), then try again.`;
    default:
      return sentence(err.message || `The server answered ${err.status}.`);
  }
}

const sentence = (text) => {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
};

// Api calls the server. Who is calling is told by the browser alone, with the
// session's cookie or through Cloudflare Access.
export class Api {
  #onUnauthorized;
  #skew = 0;

  // onUnauthorized runs after every 401 but a login's own.
  constructor(onUnauthorized) {
    this.#onUnauthorized = onUnauthorized;
  }

  // now is the server's clock in milliseconds, as far as its Date header tells.
  now() {
    return Date.now() + this.#skew;
  }

  // login exchanges the token for the session's cookie; logout ends the session
  // and resolves with {next} when the page has to go on to another logout.
  login = (token) => this.#json('/api/login', { token });
  logout = () => this.#json('/api/logout', {});
  status = () => this.#json('/api/status');
  sessions = () => this.#json('/api/sessions');
  session = (name) => this.#json(`/api/session?session=${encodeURIComponent(name)}`);
  stop = (session) => this.#json('/api/stop', { session });
  // answer gives an answer to a question, as its button says it.
  answer = (data, session) => this.#json('/api/answer', { data, session }, AbortSignal.timeout(answerWait));
  grants = () => this.#json('/api/grants');
  revoke = (id) => this.#json('/api/grants/revoke', { id });
  approve = (code) => this.#json('/api/pairing/approve', { code });
  memory = (q, others) => this.#json(`/api/memory?${new URLSearchParams({ q, from: others ? 'others' : '' })}`);
  review = (action, ref, text) => this.#json('/api/memory', { action, ref, text });
  changes = (after) => this.#json(`/api/memory/history?${new URLSearchParams({ after })}`);
  restore = (id) => this.#json('/api/memory/restore', { id });
  audit = (q, kind, before) => this.#json(`/api/audit?${new URLSearchParams({ q, kind, before })}`);

  // chat sends one message and calls onEvent(type, data) as the turn goes on.
  // It resolves with the data of `done`. It never sends a second time.
  async chat(text, session, { signal, onEvent, onBytes }) {
    const body = session ? { text, session } : { text };
    const res = await this.#fetch('/api/chat', body, { signal, accept: 'text/event-stream' });
    if (!/^text\/event-stream/i.test(res.headers.get('Content-Type') ?? '')) {
      return res.json();
    }
    let done = null;
    let failure = null;
    const parser = new Parser((type, raw) => {
      let data;
      try {
        data = JSON.parse(raw);
      } catch {
        return; // not this contract's; the end of the stream decides
      }
      if (type === 'done') done = data;
      else if (type === 'error') failure = new TurnFailed(data.error);
      else onEvent(type, data);
    });
    const reader = res.body.getReader();
    const decoder = new TextDecoder();
    try {
      while (!done && !failure) {
        const { value, done: end } = await reader.read();
        if (end) break;
        onBytes?.();
        parser.push(decoder.decode(value, { stream: true }));
      }
      // Some servers close right after the last line, without the blank one.
      if (!done && !failure) parser.push('\n\n');
    } catch (err) {
      if (signal?.aborted) throw err;
      throw new StreamCut('the connection was lost');
    }
    reader.cancel().catch(() => {});
    if (failure) throw failure;
    if (!done) throw new StreamCut('the stream ended early');
    return done;
  }

  async #json(path, body, signal) {
    const res = await this.#fetch(path, body, { signal });
    try {
      return (await res.json()) ?? {};
    } catch {
      throw new ApiError(res.status, 'the server sent something that is not JSON');
    }
  }

  async #fetch(path, body, { signal, accept = 'application/json' }) {
    const headers = { Accept: accept };
    if (body) headers['Content-Type'] = 'application/json';
    let res;
    try {
      res = await fetch(path, {
        method: body ? 'POST' : 'GET',
        headers,
        body: body && JSON.stringify(body),
        signal,
        cache: 'no-store',
        credentials: 'same-origin',
        redirect: 'error',
      });
    } catch (err) {
      if (signal?.aborted && err.name !== 'TimeoutError') throw err;
      throw new ApiError(0, 'no answer');
    }
    const date = Date.parse(res.headers.get('Date') ?? '');
    if (date) this.#skew = date - Date.now();
    if (res.ok) return res;
    const answer = await res.json().catch(() => ({}));
    if (res.status === 401 && path !== '/api/login') this.#onUnauthorized();
    throw new ApiError(res.status, answer?.error || res.statusText, answer ?? {});
  }
}
