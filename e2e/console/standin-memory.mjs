// The stand-in's memory and audit log: enough of functions/console/memory.go
// and audit.go for the page to work with.
import { createHash } from 'node:crypto';

const refOf = (item) => `${item.file}#${createHash('sha256').update(JSON.stringify([item.file, item.origin, item.label, item.text])).digest('hex').slice(0, 32)}`;
const trusted = (label) => /^(owner(,secret)?)?$/.test(label);

export class Memory {
  entries = []; // {file, text, time, label, origin}, the newest first
  changes = []; // the newest first
  leftOut = 0;
  logsLeftOut = 0;
  incomplete = false;
  refuse = null; // [status, body] for the next change

  add(text, { file = 'MEMORY.md', time = '2026-01-05T12:00:00Z', label = 'owner', origin = 'telegram:42' } = {}) {
    this.entries.push({ file, text, time, label, origin });
  }

  list(query) {
    const words = query.get('q').toLowerCase().split(/\s+/).filter(Boolean);
    const items = this.entries
      .map((entry) => ({ ref: refOf(entry), ...entry, trusted: trusted(entry.label) }))
      .filter((item) => words.every((word) => `${item.text}\n${item.file}\n${item.origin}`.toLowerCase().includes(word)))
      .filter((item) => query.get('from') !== 'others' || !item.trusted);
    return { items, left_out: this.leftOut, logs_left_out: this.logsLeftOut, incomplete: this.incomplete };
  }

  review({ action, ref, text }) {
    if (this.refuse) return [this.refuse, (this.refuse = null)][0];
    const at = this.entries.findIndex((entry) => refOf(entry) === ref);
    if (at < 0) return [409, { error: 'this entry is not there any more, or has changed: look at it again' }];
    const before = this.entries[at];
    const after = { ...before, label: 'owner', origin: [before.origin, `${action}d:web:owner`].filter(Boolean).join(',').replace('editd', 'edited') };
    if (action === 'edit') after.text = text;
    if (action === 'delete') this.entries.splice(at, 1);
    else this.entries[at] = after;
    this.#record({ promote: 'promoted', edit: 'edited', delete: 'deleted' }[action], before, action === 'delete' ? '' : after.text);
    return [200, {}];
  }

  #record(what, before, after) {
    const n = String(this.changes.length).padStart(12, '0');
    this.changes.unshift({
      id: `9${n}-AAAAAAAA`, at: new Date().toISOString(), file: before.file, what, whole: false, cut: false, before: before.text, after,
      by: 'web:owner', label: before.label, origin: before.origin, trusted: trusted(before.label), entry: before,
    });
  }

  history(after) {
    const from = after ? this.changes.findIndex((c) => c.id === after) + 1 : 0;
    const changes = this.changes.slice(from, from + 3);
    return { changes: changes.map(({ entry, ...c }) => c), next: changes.length === 3 ? changes[2].id : '' };
  }

  restore({ id }) {
    const change = this.changes.find((c) => c.id === id);
    if (!change) return [404, { error: 'no such entry' }];
    this.entries = this.entries.filter((entry) => entry.text !== change.after);
    this.entries.push(change.entry);
    return [200, {}];
  }
}

const pageSize = 3;

export function auditPage(log, broken, query) {
  const before = Number(query.get('before')) || Infinity;
  const words = query.get('q').toLowerCase().split(/\s+/).filter(Boolean);
  const all = log
    .map((entry, i) => ({ seq: i + 1, ...entry }))
    .reverse()
    .filter((entry) => entry.seq < before)
    .filter((entry) => !query.get('kind') || entry.kind === query.get('kind'))
    .filter((entry) => words.every((word) => JSON.stringify([entry.tool, entry.outcome, entry.session, entry.detail]).toLowerCase().includes(word)));
  const entries = all.slice(0, pageSize);
  const next = all.length > pageSize ? entries.at(-1).seq : 0;
  const checked = broken ? { ok: false, from: 0, through: 0, problem: broken } : { ok: true, from: log.length && (next || 1), through: Math.min(log.length, before - 1) };
  return { entries, next, checked };
}
