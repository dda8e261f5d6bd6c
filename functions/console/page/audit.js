// The audit panel: what was decided, asked, sent and changed, newest first.
import { $, el, icon } from './dom.js';
import { stamp, when } from './format.js';
import { Panel, hint, more } from './panel.js';

export class AuditPanel extends Panel {
  #api;
  #checked; // of all pages shown: {ok, from, through, problem}

  constructor(api) {
    super('audit');
    this.#api = api;
    this.whenTyped($('#audit-find'));
  }

  refresh() {
    return this.show(async () => {
      this.#checked = null;
      const verdict = el('div', { role: 'status' });
      return [verdict, ...(await this.#page(verdict))];
    });
  }

  async #page(verdict, before = '') {
    const { entries, next, checked } = await this.#api.audit($('#audit-words').value, $('#audit-kind').value, before);
    this.#checked = join(this.#checked, checked);
    verdict.replaceChildren(show(this.#checked, next));
    return [
      entries.length || before ? el('ol', { class: 'log' }, ...entries.map(line)) : hint('No entries.'),
      next && more('Older', () => this.#page(verdict, next)),
    ];
  }
}

// join is what is known after one more page: the worst of both, all of their entries.
function join(one, other) {
  if (!one || !one.ok) return one ?? other;
  return { ...other, from: other.from || one.from, through: Math.max(one.through, other.through) };
}

function show({ ok, from, through, problem }) {
  const [symbol, text] = ok
    ? ['check', through ? `Entries ${from} to ${through} are unbroken.${from > 1 ? ' Older ones were not checked.' : ''}` : 'Nothing was recorded yet.']
    : ['alert', `The log is not as it was written: ${problem}. "instar audit verify" checks all of it.`];
  return el('p', { class: ok ? 'verdict' : 'verdict bad' }, icon(symbol), el('span', { text }));
}

function line({ seq, at, kind, outcome, tool, session, turn, detail, forged }) {
  const time = when(at);
  const facts = [`#${seq}`, session && `${session}${turn ? ` / ${turn}` : ''}`, ...Object.entries(detail ?? {}).sort().map(([name, value]) => `${name}=${value}`)];
  return el(
    'li',
    { class: forged ? 'forged' : null },
    el('p', {}, ...spaced([el('b', { text: kind }), outcome && el('span', { class: `outcome ${outcome}`, text: outcome }), tool && el('code', { text: tool }), forged && el('span', { class: 'error-text', text: 'was changed' })])),
    el('p', { class: 'hint' }, ...spaced([el('time', { datetime: at, text: time ? stamp(time) : '' }), ...facts.map((text) => text && el('span', { text }))])),
  );
}

// spaced puts a space behind each of the nodes that there are: for who listens or copies.
const spaced = (nodes) => nodes.filter(Boolean).flatMap((node) => [node, ' ']);
