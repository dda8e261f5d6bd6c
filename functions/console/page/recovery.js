// Finding in the session's history what comes without a stream: the reply to a
// message whose stream broke, and what follows a yes.
import { ApiError } from './api.js';
import { when } from './format.js';

// How often an idle history without the reply is asked before giving up, and
// the waits between, in ms.
const waits = [400, 1000, 2000, 4000, 6000];

// How often a session that is still busy is asked, in ms, and for how long.
const busyWait = 3000;
const busyLimit = 30 * 60_000;

// How long what follows a yes is waited for, in ms.
const continuedLimit = 60_000;

// Clocks differ a little, and a Date header counts whole seconds.
const clockSlack = 2000;

const squeeze = (text) => (text ?? '').replace(/\s+/g, ' ').trim();
export const sameText = (a, b) => squeeze(a) === squeeze(b);

// findAnswer returns what followed the message of this attempt, or null. An
// equal message from before the attempt does not count: its reply is an old one.
export function findAnswer(messages, attempt) {
  const list = messages ?? [];
  const at = list.findLastIndex((m) => m.role === 'user' && sameText(m.text, attempt.text));
  if (at < 0) return null;
  const same = list.filter((m) => m.role === 'user' && sameText(m.text, attempt.text)).length;
  const time = when(list[at].time);
  const fresh = same > attempt.sameBefore || (time !== null && time.getTime() >= attempt.sentAt - clockSlack);
  if (!fresh) return null;
  const end = list.findIndex((m, i) => i > at && m.role === 'user');
  const replies = list.slice(at + 1, end < 0 ? undefined : end).filter((m) => m.role === 'assistant');
  if (replies.length === 0) return null;
  const last = replies.at(-1);
  const text = replies.map((m) => m.text).filter(Boolean).join('\n\n');
  return {
    text, tools: replies.flatMap((m) => m.tools ?? []), model: last.model, cost: last.cost_usd, time: when(last.time),
    cards: replies.flatMap((m) => m.cards ?? []),
    files: replies.flatMap((m) => m.files ?? []),
  };
}

// recover asks the history until the reply is there; null when it gives up.
// onBusy runs whenever the turn is found to be still under way.
export async function recover(api, name, attempt, signal, onBusy) {
  const limit = Date.now() + busyLimit;
  let tries = 0;
  let wait = waits[0];
  while (tries < waits.length && Date.now() < limit) {
    await pause(wait, signal);
    let history = null;
    try {
      history = await api.session(name);
    } catch (err) {
      if (!(err instanceof ApiError) || err.status === 401) throw err;
    }
    signal.throwIfAborted();
    if (history?.busy) {
      onBusy();
      tries = 0;
      wait = busyWait;
      continue;
    }
    const found = history && findAnswer(history.messages, attempt);
    if (found) return found;
    tries++;
    wait = waits[tries];
  }
  return null;
}

// untilIdle waits for the end of a turn that is under way in the session.
export async function untilIdle(api, name, signal) {
  const limit = Date.now() + busyLimit;
  for (let wait = 1000; Date.now() < limit; wait = Math.min(wait * 1.5, 5000)) {
    await pause(wait, signal);
    if (!(await api.session(name)).busy) return;
  }
}

// continued asks the history for the message with which the agent goes on after
// a yes to the question of this id; null when it gives up.
export async function continued(api, name, id, signal) {
  const limit = Date.now() + continuedLimit;
  for (let wait = 500; Date.now() < limit; wait = Math.min(wait * 1.5, busyWait)) {
    await pause(wait, signal);
    let history = null;
    try {
      history = await api.session(name);
    } catch (err) {
      if (!(err instanceof ApiError) || err.status === 401) throw err;
    }
    signal.throwIfAborted();
    const found = history?.messages?.findLast((m) => m.approval === id);
    if (found) return found;
  }
  return null;
}

// pause waits, but not longer than until the phone wakes up or is online again.
function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener('online', end);
      document.removeEventListener('visibilitychange', wake);
      signal.removeEventListener('abort', end);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const wake = () => document.visibilityState === 'visible' && end();
    const timer = setTimeout(end, ms);
    addEventListener('online', end);
    document.addEventListener('visibilitychange', wake);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
  });
}
