// A stand-in for the console's API: it serves the built assets with the
// headers of their `_headers` file, checks every request against the contract
// and lets a test say, step by step, what a turn does.
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { Questions } from './standin-asked.mjs';
import { Memory, auditPage } from './standin-memory.mjs';

const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8' };

// Turn is one POST /api/chat as the test sees it: each method sends an event.
class Turn {
  constructor(server, res, text, session) {
    Object.assign(this, { server, res, text, session, stopped: false });
    this.ended = new Promise((resolve) => res.on('close', resolve));
  }
  event(type, data) {
    this.res.write(`event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
  }
  raw(bytes) {
    this.res.write(bytes);
  }
  delta(delta) {
    this.event('text', { delta });
  }
  tool(id, name, state, summary = '') {
    this.event('tool', { id, name, state, summary });
  }
  // cards are the ids of questions that the turn puts; files are as the API has them.
  done(reply, { tools, cards = [], files } = {}) {
    this.record(reply, tools, cards, files);
    this.event('done', {
      files,
      ...(cards.length ? { cards: cards.map(this.server.questions.card) } : {}),
      reply,
      session: this.session || 'main',
      turn: 't1',
      model: this.server.status.model,
      usage: { input: 1234, output: 56, cache_read: 1000, cache_write: 0, cost_usd: 0.0042 },
    });
    this.server.busy.delete(this.session);
    this.res.end();
  }
  fail(error) {
    this.event('error', { error });
    this.server.busy.delete(this.session);
    this.res.end();
  }
  // record puts the reply into the history, as a turn does that goes on alone.
  record(reply, tools = [], cards = [], files) {
    this.server.says(reply, { tools, cards, files }, this.session);
  }
  // cut breaks the connection in the middle of the stream.
  cut() {
    this.res.destroy();
  }
}

export class Standin {
  token = 'stand-in-token';
  sessions = new Set(); // values of the cookie that are logged in
  through = false; // as if Cloudflare Access stood before it
  requests = []; // {method, path, body}
  faults = []; // contract violations; tests expect none
  busy = new Set();
  approved = [];
  stops = [];
  refuse = null; // {status, body} for the next POST /api/chat
  #histories = new Map();
  #turns = [];
  #waiting = [];

  constructor(assets) {
    this.assets = assets;
    this.reset();
  }

  reset() {
    this.sessions.clear();
    this.through = false;
    this.refuseLogin = null; // {status, body} for the next POST /api/login
    this.refuseLogout = null;
    this.requests.length = 0;
    this.faults.length = 0;
    this.busy.clear();
    this.approved.length = 0;
    this.stops.length = 0;
    this.refuse = null;
    this.onTurn = null;
    this.#histories.clear();
    this.#turns = [];
    this.#waiting = [];
    this.memory = new Memory();
    this.questions = new Questions();
    this.audit = []; // the oldest first
    this.broken = ''; // what is wrong with the audit log
    this.status = {
      version: '0.1.0',
      model: 'anthropic/claude-sonnet-4-5',
      offline: false,
      timezone: 'Europe/Lisbon',
      budget: { spent_usd: 0.42, limit_usd: 2 },
      channels: [
        { name: 'telegram', configured: true },
        { name: 'slack', configured: false },
      ],
      pairing: [],
    };
  }

  history(session) {
    const name = session === 'main' ? '' : session;
    if (!this.#histories.has(name)) this.#histories.set(name, []);
    return this.#histories.get(name);
  }

  // says puts a message of the agent's into a history.
  says(reply, { tools = [], cards = [], files, approval } = {}, session = '') {
    this.history(session).push({ role: 'assistant', text: reply, time: new Date().toISOString(), tools, cards, files, approval, model: this.status.model, cost_usd: 0.0042 });
  }

  // turn resolves with the next turn that the page starts.
  turn() {
    if (this.#turns.length) return Promise.resolve(this.#turns.shift());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  posts() {
    return this.requests.filter((r) => r.method === 'POST' && r.path === '/api/chat');
  }

  async listen(port = 0) {
    this.headers = parseHeaders(await readFile(join(this.assets, '_headers'), 'utf8'));
    this.server = createServer((req, res) => {
      this.#serve(req, res).catch((err) => {
        this.faults.push(String(err));
        res.destroy();
      });
    });
    await new Promise((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
    return this;
  }

  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async #serve(req, res) {
    const url = new URL(req.url, this.url);
    if (url.pathname.startsWith('/api/')) return this.#api(req, res, url);
    const name = url.pathname === '/' ? 'index.html' : url.pathname.slice(1);
    if (!/^[\w.-]+$/.test(name) || name === '_headers') return json(res, 404, { error: 'not found' });
    const body = await readFile(join(this.assets, name)).catch(() => null);
    if (!body) return json(res, 404, { error: 'not found' });
    res.writeHead(200, { ...this.headers, 'Content-Type': types[extname(name)] ?? 'application/octet-stream' });
    res.end(body);
  }

  async #api(req, res, url) {
    const body = req.method === 'POST' ? JSON.parse(await text(req)) : null;
    this.requests.push({ method: req.method, path: url.pathname, body });
    if (url.href.includes(this.token)) this.faults.push('the token is in a URL');
    if (req.headers.authorization) this.faults.push('an Authorization header');
    if (req.method === 'POST' && (req.headers.origin !== this.url || req.headers['sec-fetch-site'] !== 'same-origin')) this.faults.push('a POST without its Origin');
    const key = `${req.method} ${url.pathname}`;
    const cookie = /(?:^|; )instar-session=([^;]+)/.exec(req.headers.cookie ?? '')?.[1];
    const attributes = 'Path=/; HttpOnly; SameSite=Strict';
    if (key === 'POST /api/login') {
      const refused = this.refuseLogin;
      this.refuseLogin = null;
      if (refused) return json(res, refused.status, refused.body);
      if (body.token !== this.token) return json(res, 401, { error: 'wrong token' });
      const value = randomUUID();
      this.sessions.add(value);
      res.setHeader('Set-Cookie', `instar-session=${value}; Max-Age=604800; ${attributes}`);
      return json(res, 200, { expires_in: 604800 });
    }
    if (JSON.stringify(body ?? '').includes(this.token)) this.faults.push('the token is sent again');
    if (key === 'POST /api/logout') {
      const refused = this.refuseLogout;
      this.refuseLogout = null;
      if (refused) return json(res, refused.status, refused.body);
      this.sessions.delete(cookie);
      res.setHeader('Set-Cookie', `instar-session=; Max-Age=0; ${attributes}`);
      return json(res, 200, this.through ? { next: '/cdn-cgi/access/logout' } : {});
    }
    if (!this.through && !this.sessions.has(cookie)) return json(res, 401, { error: 'log in with the console token' });
    const session = url.searchParams.get('session') === 'main' ? '' : url.searchParams.get('session') ?? '';
    switch (key) {
      case 'GET /api/status':
        return json(res, 200, this.status);
      case 'GET /api/file':
        res.writeHead(200, { 'Content-Type': 'image/png', 'Content-Disposition': 'inline', 'X-Content-Type-Options': 'nosniff' });
        return res.end(Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAIAAAB7QOjdAAAADUlEQVR4nGP4zwAE/wEHAAH/4iOeWQAAAABJRU5ErkJggg==', 'base64'));
      case 'GET /api/sessions':
        return json(res, 200, { sessions: [...this.#histories].filter(([, m]) => m.length).map(([name, m]) => ({ name: name || 'main', updated: m.at(-1).time })) });
      case 'GET /api/session':
        return json(res, 200, { session: session || 'main', busy: this.busy.has(session), messages: this.history(session).map((m) => (m.cards?.length ? { ...m, cards: m.cards.map(this.questions.card) } : { ...m, cards: undefined })) });
      case 'POST /api/pairing/approve': {
        const at = this.status.pairing.findIndex((p) => p.code === body.code);
        if (at < 0) return json(res, 404, { error: 'no such code' });
        const [{ person }] = this.status.pairing.splice(at, 1);
        this.approved.push(body.code);
        return json(res, 200, { person });
      }
      case 'POST /api/stop':
        if (typeof body.session !== 'string') this.faults.push('stop without a session');
        this.stops.push(body.session);
        return json(res, 200, {});
      case 'POST /api/answer':
        return json(res, ...(await this.questions.answer(body, this.faults)));
      case 'GET /api/grants':
        return json(res, 200, { grants: this.questions.grants });
      case 'POST /api/grants/revoke':
        return json(res, ...this.questions.revoke(body));
      case 'GET /api/memory':
        return json(res, 200, this.memory.list(url.searchParams));
      case 'POST /api/memory':
        return json(res, ...this.memory.review(body));
      case 'GET /api/memory/history':
        return json(res, 200, this.memory.history(url.searchParams.get('after')));
      case 'POST /api/memory/restore':
        return json(res, ...this.memory.restore(body));
      case 'GET /api/audit':
        return json(res, 200, auditPage(this.audit, this.broken, url.searchParams));
      case 'POST /api/chat':
        return this.#chat(req, res, body);
      default:
        this.faults.push(`unknown route ${key}`);
        return json(res, 404, { error: 'not found' });
    }
  }

  #chat(req, res, body) {
    if (typeof body.text !== 'string' || !body.text) this.faults.push('chat without text');
    if (!String(req.headers.accept).includes('text/event-stream')) this.faults.push('chat without Accept: text/event-stream');
    if (this.refuse) {
      const { status, body: answer } = this.refuse;
      this.refuse = null;
      return json(res, status, answer);
    }
    const session = body.session === 'main' ? '' : body.session ?? '';
    this.history(session).push({ role: 'user', text: body.text, time: new Date().toISOString() });
    this.busy.add(session);
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    const turn = new Turn(this, res, body.text, session);
    turn.event('turn', { turn: 't1', session: session || 'main' });
    if (this.onTurn) this.onTurn(turn);
    else if (this.#waiting.length) this.#waiting.shift()(turn);
    else this.#turns.push(turn);
  }
}

// parseHeaders reads the rule for every path from a Workers `_headers` file.
function parseHeaders(source) {
  const [path, ...lines] = source.trim().split('\n');
  if (path !== '/*') throw new Error('_headers: expected one rule, for /*');
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(':')).trim(), line.slice(line.indexOf(':') + 1).trim()]));
}

function json(res, status, body) {
  res.writeHead(status, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}

async function text(req) {
  let all = '';
  for await (const chunk of req.setEncoding('utf8')) all += chunk;
  return all;
}
