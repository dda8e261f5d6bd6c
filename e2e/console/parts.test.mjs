// The parts of the page that read outside bytes and need no browser.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findAnswer } from '../../functions/console/page/recovery.js';
import { Parser } from '../../functions/console/page/sse.js';

function events(pieces) {
  const all = [];
  const parser = new Parser((type, data) => all.push([type, data]));
  for (const piece of pieces) parser.push(piece);
  return all;
}

const stream = ': hello\n\nevent: text\r\ndata: {"delta":"a"}\r\n\r\ndata:one\rdata: two\r\revent: done\nid: 7\ndata\ndata:  x\n\nevent: lost\n\nevent: cut\ndata: 1';
const want = [['text', '{"delta":"a"}'], ['message', 'one\ntwo'], ['done', '\n x']];

test('the event stream is read as the HTML standard says', () => {
  assert.deepEqual(events([stream]), want);
});

test('it does not matter where the network cuts the stream', () => {
  for (let i = 0; i <= stream.length; i++) {
    for (let j = i; j <= stream.length; j++) {
      assert.deepEqual(events([stream.slice(0, i), stream.slice(i, j), stream.slice(j)]), want, `cut at ${i} and ${j}`);
    }
  }
});

test('no bytes make the parser throw or invent an event', () => {
  const letters = ['\r', '\n', ':', ' ', 'data', 'event', 'x', '\u0000', 'é'];
  let seed = 1;
  const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: random(30) }, () => letters[random(letters.length)]).join('');
    const found = events([...text]);
    assert.deepEqual(found, events([text]), JSON.stringify(text));
    if (!text.includes('data')) assert.deepEqual(found, []);
  }
});

const at = (seconds) => new Date(1_800_000_000_000 + seconds * 1000).toISOString();
const attempt = { text: 'continue', sentAt: 1_800_000_000_000, sameBefore: 1 };

const cases = [
  ['nothing', [], null],
  ['only an old pair', [['user', 'continue', -60], ['assistant', 'old', -50]], null],
  ['a new question without a reply', [['user', 'continue', 1]], null],
  ['a new pair', [['user', 'continue', -60], ['assistant', 'old', -50], ['user', 'continue', 1], ['assistant', 'new', 2]], 'new'],
  ['a new pair in a history cut short', [['user', 'continue', 1], ['assistant', 'new', 2]], 'new'],
  ['spaces that the server changed', [['user', ' continue\n', 1], ['assistant', 'new', 2]], 'new'],
  ['several messages of one reply', [['user', 'continue', 1], ['assistant', 'a', 2], ['assistant', 'b', 3]], 'a\n\nb'],
  ['a later question from elsewhere', [['user', 'continue', 1], ['assistant', 'mine', 2], ['user', 'other', 3], ['assistant', 'not mine', 4]], 'mine'],
  ['no times, one more of the same', [['user', 'continue'], ['assistant', 'old'], ['user', 'continue'], ['assistant', 'new']], 'new'],
  ['no times, no more of the same', [['user', 'continue'], ['assistant', 'old']], null],
];

for (const [name, list, text] of cases) {
  test(`the reply in a history with ${name}`, () => {
    const messages = list.map(([role, words, seconds]) => ({ role, text: words, time: seconds == null ? undefined : at(seconds) }));
    assert.equal(findAnswer(messages, attempt)?.text ?? null, text);
  });
}
