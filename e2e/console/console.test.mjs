// The console's page in Chromium, against the stand-in for its API. With
// CONSOLE_URL and CONSOLE_TOKEN set, real.test.mjs runs against a real server.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { asked } from './asked.mjs';
import { files } from './files.mjs';
import { launch, open } from './browser.mjs';
import { panels } from './panels.mjs';
import { Standin } from './standin.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
let browser;
let server;
let page;

before(async () => {
  execFileSync(process.execPath, ['build/page.mjs'], { cwd: root });
  server = await new Standin(`${root}/build/dist/assets`).listen();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(() => server.reset());
afterEach(async () => {
  const complaints = page?.errors ?? [];
  await page?.context().close();
  page = null;
  assert.deepEqual(complaints, [], 'the page reported errors');
  assert.deepEqual(server.faults, [], 'the page broke the contract');
});

// signedIn opens the page by the link that `make run` prints.
async function signedIn(options) {
  page = await open(browser, options);
  await page.goto(`${server.url}/#token=${server.token}`);
  await page.locator('#app').waitFor();
  await page.locator('#loading').waitFor({ state: 'hidden' });
  return page;
}

async function send(text) {
  await page.fill('#text', text);
  await page.click('#send');
  return server.turn();
}

const lastReply = () => page.locator('.reply').last();
const body = () => lastReply().locator('.body');
const eventually = async (check, what) => {
  for (let i = 0; i < 160; i++) {
    if (await check()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`never came true: ${what}`);
};
const shows = (text) => eventually(async () => (await body().innerText()).includes(text), `the reply shows ${JSON.stringify(text)}`);

// kept is everything that a script of the page could still find.
const kept = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href, history.state]));

test('a token in the address is exchanged for a cookie and kept nowhere', async () => {
  await signedIn();
  assert.equal(page.url(), `${server.url}/`);
  assert.equal(await page.evaluate(() => location.hash), '');
  assert.equal(await page.evaluate(() => history.length), 2, 'about:blank and the clean address');
  assert.ok(!(await page.content()).includes(server.token), 'the token is not in the document');
  assert.ok(!(await kept()).includes(server.token), 'nor anywhere a script can look');
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script sees the session');
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.httpOnly, cookie.sameSite, cookie.path], [true, 'Strict', '/']);
  await page.reload();
  await page.locator('#app').waitFor();
  assert.equal(server.requests.filter((r) => r.path === '/api/login').length, 1, 'one login');
  assert.ok(page.asked.every((url) => !url.replace(/#.*/, '').includes(server.token)), 'no request carries the token in its address');
});

test('a new tab of the same browser is logged in, and a token kept by an older page is removed', async () => {
  await signedIn();
  await page.evaluate(() => localStorage.setItem('instar.token', 'stand-in-token'));
  const tab = await page.context().newPage();
  await tab.goto(server.url);
  await tab.locator('#app').waitFor();
  assert.equal(await tab.evaluate(() => localStorage.length), 0);
});

test('without a session there is a form, a wrong token brings it back with a reason, a right one opens the page', async () => {
  page = await open(browser);
  await page.goto(server.url);
  await page.locator('#login').waitFor();
  assert.equal(await page.locator('#login-error').isVisible(), false);
  await page.keyboard.press('Enter');
  assert.match(await page.locator('#login-error').innerText(), /Paste the token/);
  assert.equal(server.requests.filter((r) => r.path === '/api/login').length, 0);
  await page.fill('#token', 'wrong');
  await page.keyboard.press('Enter');
  await eventually(async () => /not accepted/.test(await page.locator('#login-error').innerText()), 'it says that the token is wrong');
  server.refuseLogin = { status: 429, body: { error: 'too many failed logins from this address' } };
  await page.getByRole('button', { name: 'Log in' }).click();
  await eventually(async () => /Too many failed logins from this address\. Wait/.test(await page.locator('#login-error').innerText()), 'it says to wait');
  await page.getByLabel('Console token').fill(` ${server.token} `);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.locator('#app').waitFor();
  assert.equal(await page.inputValue('#token'), '');
  assert.ok(!(await kept()).includes(server.token));
});

test('logging out ends the session on the server and leaves nothing in the browser', async () => {
  await signedIn();
  const before = await page.context().cookies();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('#login').waitFor();
  assert.equal(server.sessions.size, 0);
  assert.equal(await page.locator('#login-error').isVisible(), false);
  assert.equal(await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }])), '[{},{}]', 'logging out leaves nothing');
  assert.deepEqual(await page.context().cookies(), []);
  await page.context().addCookies(before);
  await page.reload();
  await page.locator('#login').waitFor();
});

test('a logout that fails says that one is still logged in', async () => {
  await signedIn();
  server.refuseLogout = { status: 500, body: { error: 'could not log out just now, try again' } };
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('#trouble').waitFor();
  assert.match(await page.locator('#trouble p').innerText(), /still logged in.*could not log out/i);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('#app').waitFor();
});

test('behind Cloudflare Access there is no form, and logging out goes on to its logout', async () => {
  server.through = true;
  page = await open(browser);
  await page.goto(server.url);
  await page.locator('#app').waitFor();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.waitForURL('**/cdn-cgi/access/logout');
});

test('a wrong token in the address shows the form', async () => {
  page = await open(browser);
  await page.goto(`${server.url}/#token=wrong`);
  await page.locator('#login').waitFor();
  assert.equal(page.url(), `${server.url}/`);
  assert.match(await page.locator('#login-error').innerText(), /not accepted/);
});

test('a link with a token opened in a page without a session logs in', async () => {
  page = await open(browser);
  await page.goto(server.url);
  await page.locator('#login').waitFor();
  await page.evaluate((token) => { location.hash = `token=${token}`; }, server.token);
  await page.locator('#app').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '');
});

test('a session that ends in the middle asks for the token and keeps the message', async () => {
  await signedIn();
  server.sessions.clear();
  await page.fill('#text', 'do not lose me');
  await page.click('#send');
  await page.locator('#login').waitFor();
  assert.match(await page.locator('#login-error').innerText(), /session has ended/);
  await page.fill('#token', server.token);
  await page.keyboard.press('Enter');
  await page.locator('#app').waitFor();
  assert.equal(await page.inputValue('#text'), 'do not lose me');
  assert.equal(await page.locator('.message').count(), 0);
});

test('a server without a way in says what to set', async () => {
  page = await open(browser);
  await page.route('**/api/*', (route) => route.fulfill({
    status: 503, json: { error: 'no way in is set up: set CONSOLE_TOKEN, or CF_ACCESS_TEAM_DOMAIN and CF_ACCESS_AUD', missing: ['CONSOLE_TOKEN', 'CF_ACCESS_TEAM_DOMAIN', 'CF_ACCESS_AUD'] },
  }));
  await page.goto(server.url);
  await page.locator('#trouble').waitFor();
  assert.equal(await page.locator('#trouble p').innerText(), 'No way in is set up: set CONSOLE_TOKEN, or CF_ACCESS_TEAM_DOMAIN and CF_ACCESS_AUD. Then try again.');
});

test('a server without its secrets says which are missing', async () => {
  await signedIn();
  server.refuse = { status: 503, body: { error: 'not configured', missing: ['SEAL_KEY'] } };
  await page.fill('#text', 'hello');
  await page.click('#send');
  await page.locator('.reply .error').waitFor();
  assert.match(await page.locator('.reply .error').innerText(), /Set SEAL_KEY/);
});

test('a reply appears piece by piece, with a caret, and ends with its facts', async () => {
  await signedIn();
  assert.equal(await page.locator('#hello button').count(), 3, 'three examples before anything was said');
  const turn = await send('what time is it');
  assert.equal(turn.text, 'what time is it');
  await page.locator('.reply.waiting .dots').waitFor();
  turn.delta('It is ');
  await shows('It is');
  const caret = await page.evaluate(() => getComputedStyle(document.querySelector('.streaming .body > :last-child'), '::after').animationName);
  assert.equal(caret, 'blink');
  assert.equal(await lastReply().getAttribute('aria-busy'), 'true');
  turn.delta('**noon');
  await shows('It is noon');
  assert.equal(await body().locator('strong').innerText(), 'noon', 'a mark that is still open does not show');
  turn.raw('event: text\r\ndata: {"delta":"**, caf');
  turn.raw(Buffer.from('é"}\r\n\r\n').subarray(0, 1));
  turn.raw(Buffer.from('é"}\r\n\r\n').subarray(1));
  await shows('noon, café');
  turn.event('reset', {});
  turn.delta('It is one.');
  await eventually(async () => (await body().innerText()) === 'It is one.', 'a retried model starts afresh');
  turn.done('It is one o’clock.');
  await shows('It is one o’clock.');
  assert.match(await lastReply().locator('.foot').innerText(), /claude-sonnet-4-5 · 1\.2k in, 56 out · \$0\.0042/);
  assert.equal(await page.locator('.streaming, .waiting').count(), 0);
  assert.equal(await page.locator('#announcer').textContent(), 'It is one o’clock.');
  assert.equal(await page.locator('#text').evaluate((e) => e === document.activeElement), true);
});

test('tool calls are chips that follow their state and open to a summary', async () => {
  await signedIn();
  const turn = await send('remember that I like tea');
  turn.tool('a', 'memory_write', 'running');
  turn.tool('b', 'web_fetch', 'running');
  await lastReply().locator('.tool[data-state=running]').nth(1).waitFor();
  turn.tool('a', 'memory_write', 'done', 'likes tea <img src=x>');
  turn.tool('b', 'web_fetch', 'refused', 'not without your approval');
  turn.done('Noted.');
  await shows('Noted.');
  const chips = lastReply().locator('.tool');
  assert.deepEqual(await chips.locator('summary').allInnerTexts().then((all) => all.map((t) => t.replace(/\s+/g, ' '))), ['memory_write done', 'web_fetch refused']);
  await chips.first().locator('summary').focus();
  await page.keyboard.press('Enter');
  assert.equal(await chips.first().locator('.tool-summary').innerText(), 'likes tea <img src=x>');
});

test('Markdown is rendered and nothing in it runs, loads or hides where it leads', async () => {
  await signedIn();
  const turn = await send('show me everything');
  const away = 'https://evil.example.net';
  turn.done([
    '# Title',
    '- [x] a\n- [ ] b',
    '| h | n |\n| --- | ---: |\n| c | 1 |',
    '```js\nalert("code <b>")\n```',
    `<script>window.pwned = 1</script>`,
    `<img src="${away}/a.png" onerror="window.pwned = 2">`,
    `<svg onload="window.pwned = 3"><use href="${away}/s.svg#x"/></svg>`,
    `<iframe src="${away}/f"></iframe><style>@import "${away}/c.css"</style><math><mi xlink:href="javascript:1">`,
    `text <b onclick="window.pwned = 4">inline</b> <form action="${away}"><input name=a></form>`,
    `![a secret](${away}/i.png?secret=1) ![](data:text/html,x "t") [![badge](${away}/b.svg)](https://ok.example.org/)`,
    '[js](javascript:window.pwned=5) [JS](JaVaScRiPt&colon;window.pwned=6) [data](data:text/html,<script>1</script>) [vb](vbscript:x) [rel](/api/stop) [hash](#token=x)',
    `[https://bank.example.com](${away}/phish?x="onmouseover="window.pwned=7) <https://ok.example.org/path> [user](https://bank.example.com@evil.example.net/)`,
    `[ref][r]\n\n[r]: ${away}/ref`,
  ].join('\n\n'));
  await shows('Title');
  assert.equal(await body().locator('h3').innerText(), 'Title');
  assert.match(await body().locator('ul').first().innerText(), /☑ a\s+☐ b/);
  assert.equal(await body().locator('td').nth(1).evaluate((e) => getComputedStyle(e).textAlign), 'end');
  assert.equal(await body().locator('pre').innerText().then((t) => t.trim()), 'alert("code <b>")');
  assert.equal(await body().locator('script, img, svg:not(.icon), iframe, style, form, input, math, object, link').count(), 0);
  assert.ok((await body().innerText()).includes('<script>window.pwned = 1</script>'), 'HTML stays text');

  const links = await body().locator('a').evaluateAll((all) => all.map((a) => ({ href: a.href, rel: a.rel, target: a.target, next: a.nextElementSibling?.matches('.host') ? a.nextElementSibling.textContent : '', text: a.textContent })));
  for (const link of links) {
    assert.match(link.href, /^https:/);
    assert.equal(link.rel, 'noopener noreferrer nofollow');
    assert.equal(link.target, '_blank');
    const host = new URL(link.href).host;
    assert.ok(link.next === host || link.text.startsWith(`https://${host}/`), `${link.text} shows its host ${host}`);
  }
  assert.deepEqual(links.map((l) => l.text), ['Image: a secret', 'Image: badge', 'https://bank.example.com', 'https://ok.example.org/path', 'user', 'ref']);
  const handlers = await body().locator('*').evaluateAll((all) => all.flatMap((e) => [...e.attributes].map((a) => a.name)).filter((n) => /^on|^style$|^id$|^src/.test(n)));
  assert.deepEqual(handlers, []);
  await page.mouse.move(500, 300);
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.deepEqual(page.asked.filter((url) => !url.startsWith(server.url) && !url.startsWith('data:image/svg+xml,')), [], 'nothing was asked of anyone else');
});

test('a code block can be copied', async () => {
  await signedIn({ permissions: ['clipboard-read', 'clipboard-write'] });
  const turn = await send('code');
  turn.done('```sh\nmake run\nmake test\n```');
  await page.locator('.code').getByRole('button', { name: 'Copy' }).click();
  await page.locator('.code').getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'make run\nmake test');
});

test('a stream that breaks is completed from the history, without a second POST', async () => {
  await signedIn();
  const turn = await send('long one');
  turn.tool('a', 'web_search', 'running');
  turn.delta('The beginning');
  await shows('The beginning');
  turn.cut();
  await eventually(async () => /still working/.test(await lastReply().locator('.note').innerText()), 'it says that the turn goes on');
  turn.record('The beginning and the end.', [{ name: 'web_search', state: 'done', summary: '3 results' }]);
  server.busy.clear();
  await shows('The beginning and the end.');
  assert.equal(await lastReply().locator('.tool').count(), 1);
  assert.equal(server.posts().length, 1);
});

test('an old reply to the same words is not taken for the new one', async () => {
  const old = new Date(Date.now() - 3600_000).toISOString();
  server.history('').push({ role: 'user', text: 'continue', time: old }, { role: 'assistant', text: 'old reply', time: old });
  await signedIn();
  await page.route('**/api/chat', (route) => route.abort('connectionreset'));
  await page.clock.install();
  await page.fill('#text', 'continue');
  await page.click('#send');
  await eventually(async () => {
    await page.clock.runFor(2000);
    return (await page.locator('.reply .error').count()) > 0;
  }, 'it gives up looking');
  assert.match(await page.locator('.reply .error').innerText(), /was not sent again/);
  assert.equal(await page.getByText('old reply').count(), 1);
  await page.unroute('**/api/chat');
  await page.getByRole('button', { name: 'Try again' }).click();
  (await server.turn()).done('new reply');
  await shows('new reply');
  assert.equal(server.posts().length, 1);
  assert.equal(await page.locator('.question').count(), 2, 'the failed attempt made room for the new one');
});

test('a failed turn says so and is sent again only by its button', async () => {
  await signedIn();
  (await send('try')).fail('The model is overloaded. Try again in a minute.');
  await page.locator('.reply .error').waitFor();
  assert.match(await page.locator('.reply .error').innerText(), /overloaded/);
  assert.equal(server.posts().length, 1);
  await page.getByRole('button', { name: 'Try again' }).click();
  (await server.turn()).done('Better now.');
  await shows('Better now.');
  assert.equal(server.posts().length, 2);
});

test('a message that is too long can be edited', async () => {
  await signedIn();
  server.refuse = { status: 413, body: { error: 'too large' } };
  await page.fill('#text', 'a very long message');
  await page.click('#send');
  await page.getByRole('button', { name: 'Edit message' }).click();
  assert.equal(await page.inputValue('#text'), 'a very long message');
  assert.equal(await page.locator('.message').count(), 0);
});

test('Stop ends the turn and keeps what was said', async () => {
  await signedIn();
  const turn = await send('count to a million');
  turn.delta('One, two');
  await shows('One, two');
  await page.getByRole('button', { name: 'Stop' }).click();
  await eventually(() => server.stops.length === 1, 'the server was asked to stop');
  turn.cut();
  await eventually(async () => (await lastReply().locator('.note').innerText()) === 'Stopped.', 'it says that it stopped');
  assert.equal(await body().innerText(), 'One, two');
  assert.equal(await page.locator('.error:visible').count(), 0);
  await page.locator('#send').waitFor();
});

test('a turn that a stop does not end is let go of', async () => {
  await signedIn();
  await page.clock.install();
  const turn = await send('hang');
  turn.delta('Just');
  await shows('Just');
  await page.getByRole('button', { name: 'Stop' }).click();
  await eventually(() => server.stops.length === 1, 'the server was asked to stop');
  await page.getByRole('button', { name: 'Stopping' }).waitFor();
  await page.clock.runFor(7000);
  await eventually(async () => (await lastReply().locator('.note').innerText()) === 'Stopped.', 'it says that it stopped');
});

test('a connection that died without a sign is noticed, and a slow turn is not disturbed', async () => {
  await signedIn();
  await page.clock.install();
  const turn = await send('slow');
  await page.locator('.waiting').waitFor();
  const histories = () => server.requests.filter((r) => r.path === '/api/session').length;
  const before = histories();
  await page.clock.runFor(46_000);
  await eventually(() => histories() === before + 1, 'the history was asked');
  assert.equal(await page.locator('.waiting').count(), 1);
  turn.record('It took a while.');
  server.busy.clear();
  await eventually(async () => {
    await page.clock.runFor(46_000);
    return (await body().innerText()).includes('It took a while.');
  }, 'the reply is shown');
  assert.equal(server.posts().length, 1);
});

test('a turn under way when the page opens is waited for', async () => {
  server.history('').push({ role: 'user', text: 'from my phone', time: new Date().toISOString() });
  server.busy.add('');
  await signedIn();
  await page.getByRole('button', { name: 'Stop' }).waitFor();
  server.history('').push({ role: 'assistant', text: 'done meanwhile', time: new Date().toISOString() });
  server.busy.clear();
  await shows('done meanwhile');
  assert.equal(await page.locator('.reply').count(), 1);
});

test('the transcript follows the end until the reader scrolls up', async () => {
  await signedIn();
  const turn = await send('a long story');
  const gap = () => page.locator('#scroll').evaluate((e) => e.scrollHeight - e.clientHeight - e.scrollTop);
  const line = 'Once upon a time there was a line.\n\n';
  turn.delta(line.repeat(40));
  await eventually(async () => (await body().locator('p').count()) === 40 && (await gap()) < 3, 'it follows');
  assert.equal(await page.locator('#latest').isVisible(), false);
  await page.mouse.move(700, 400);
  await page.mouse.wheel(0, -600);
  await page.locator('#latest').waitFor();
  const top = await page.locator('#scroll').evaluate((e) => e.scrollTop);
  turn.delta(line.repeat(20));
  await eventually(async () => (await body().locator('p').count()) === 60, 'more arrived');
  assert.equal(await page.locator('#scroll').evaluate((e) => e.scrollTop), top, 'the reader is left alone');
  await page.getByRole('button', { name: 'Jump to latest' }).click();
  await eventually(async () => (await gap()) < 3, 'it jumped');
  turn.delta(line.repeat(10));
  await eventually(async () => (await body().locator('p').count()) === 70 && (await gap()) < 3, 'and follows again');
  turn.done('');
});

test('a new chat has a session of its own, and the main one goes on behind it', async () => {
  await signedIn();
  const main = await send('in main');
  await page.getByRole('button', { name: 'New chat' }).click();
  const other = await send('in the new one');
  assert.match(other.session, /^chat-\d{8}-\d{4}-\w{4}$/);
  other.done('here');
  await shows('here');
  main.done('there');
  await page.locator('#sessions').getByRole('button', { name: /^Main/ }).click();
  await shows('there');
  await eventually(async () => (await page.locator('#sessions button').count()) === 2, 'both are listed');
  assert.match(await page.locator('#sessions').innerText(), /in the new one/);
});

test('Enter sends, Shift+Enter breaks the line, an input method’s Enter does neither', async () => {
  await signedIn();
  await page.locator('#text').focus();
  await page.keyboard.type('two');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('lines');
  assert.equal(await page.inputValue('#text'), 'two\nlines');
  const cdp = await page.context().newCDPSession(page);
  await cdp.send('Input.imeSetComposition', { text: 'にほ', selectionStart: 2, selectionEnd: 2 });
  await cdp.send('Input.dispatchKeyEvent', { type: 'rawKeyDown', key: 'Process', code: 'Enter', windowsVirtualKeyCode: 229 });
  await page.locator('#text').evaluate((e) => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })));
  await page.locator('#text').evaluate((e) => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true })));
  await cdp.send('Input.insertText', { text: '日本' });
  assert.equal(server.posts().length, 0);
  assert.equal(await page.inputValue('#text'), 'two\nlines日本');
  await page.keyboard.press('Enter');
  const turn = await server.turn();
  assert.equal(turn.text, 'two\nlines日本');
  await page.keyboard.type('draft');
  await page.keyboard.press('Enter');
  assert.equal(await page.inputValue('#text'), 'draft', 'Enter waits while a turn is under way');
  turn.done('ok');
  await shows('ok');
  assert.equal(server.posts().length, 1);
});

test('the status panel shows the facts and approves a pairing, by keyboard alone', async () => {
  server.status.pairing = [
    { code: 'K7QF-22', person: 'telegram:99', name: 'Ada', expires: new Date(Date.now() + 600_000).toISOString() },
    { code: 'OLD-1', person: 'telegram:7', name: 'Bob', expires: new Date(Date.now() + 600_000).toISOString() },
  ];
  await signedIn();
  assert.equal(await page.locator('#pending').innerText(), '2');
  await page.locator('#open-status').focus();
  await page.keyboard.press('Enter');
  await page.locator('.channels').waitFor();
  const text = await page.locator('#status').innerText();
  assert.match(text, /anthropic\/claude-sonnet-4-5/);
  assert.match(text, /\$0\.42 of \$2\.00/);
  assert.match(text, /telegram\s+connected/i);
  await page.getByRole('button', { name: 'Approve Ada' }).focus();
  await page.keyboard.press('Space');
  await page.getByText('Ada can talk to Instar now.').last().waitFor();
  assert.deepEqual(server.approved, ['K7QF-22']);
  server.status.pairing = [];
  await page.getByRole('button', { name: 'Approve Bob' }).click();
  await page.getByText('Ask Bob to write to Instar again.').last().waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#status').waitFor({ state: 'hidden' });
  assert.equal(await page.locator('#pending').isVisible(), false);
});

test('the offline model is named on the page', async () => {
  Object.assign(server.status, { offline: true, model: 'offline', budget: { spent_usd: 0, limit_usd: null } });
  await signedIn();
  assert.match(await page.locator('#offline').innerText(), /Offline model\..*ANTHROPIC_API_KEY/);
});

for (const colorScheme of ['light', 'dark']) {
  test(`${colorScheme} follows the system, the toggle overrides it, and text keeps a contrast of 4.5`, async () => {
    server.history('').push({ role: 'user', text: 'hi' }, { role: 'assistant', text: 'hello [a](https://x.example.org) `code`', tools: [{ name: 't', state: 'failed' }], model: 'm' });
    await signedIn({ colorScheme });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = 'rgb(21, 22, 20)';
    assert.equal((await background()) === dark, colorScheme === 'dark');
    for (const forced of ['light', 'dark']) {
      await page.locator('#theme').click();
      assert.equal((await background()) === dark, forced === 'dark');
      assert.deepEqual(await page.evaluate(lowContrast), []);
    }
    await page.reload();
    await page.locator('.reply').waitFor();
    assert.equal(await background(), dark, 'the choice stays');
  });
}

// lowContrast runs in the page: texts whose contrast with what is behind them
// is under 4.5 (WCAG 2.2, 1.4.3 level AA).
function lowContrast(within = '#app *') {
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(e).backgroundColor);
      layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    return layers.reverse().reduce((under, [r, g, b, a]) => [r, g, b].map((v, i) => v * a + under[i] * (1 - a)), [255, 255, 255]);
  };
  const low = [];
  for (const element of document.querySelectorAll(within)) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!own || !element.checkVisibility() || element.closest('.sr-only, :disabled')) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push(`${element.className || element.tagName}: ${element.textContent.trim().slice(0, 30)}`);
  }
  return low;
}

test('on a phone nothing is wider than the screen and the chats are in a drawer', async () => {
  const wide = 'w'.repeat(300);
  server.history('').push(
    { role: 'user', text: wide, time: new Date().toISOString() },
    { role: 'assistant', text: `${wide} \`${wide}\`\n\n\`\`\`\n${wide}\n\`\`\`\n\n| a | b |\n| - | - |\n| ${wide} | x |\n\n[${wide}](https://${'sub.'.repeat(30)}example.org)`, tools: [{ name: 'mcp__server__'.repeat(9), state: 'done', summary: wide }], time: new Date().toISOString() },
  );
  await signedIn({ viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true });
  await page.locator('.tool summary').click();
  const widths = () => page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector('#scroll').scrollWidth, visualViewport.width]);
  assert.deepEqual(await widths(), [375, 375, 375]);
  assert.equal(await page.locator('#side').isVisible(), false);
  await page.getByRole('button', { name: 'Chats' }).tap();
  await page.locator('#side').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#side').waitFor({ state: 'hidden' });
  const one = await page.locator('#text').evaluate((e) => e.clientHeight);
  await page.fill('#text', 'a\nb\nc\nd');
  assert.ok((await page.locator('#text').evaluate((e) => e.clientHeight)) > one + 40, 'the box grows');
  assert.ok((await page.locator('#text').evaluate((e) => parseFloat(getComputedStyle(e).fontSize))) >= 16, 'iOS does not zoom in');
  await page.locator('#open-status').tap();
  await page.locator('.channels').waitFor();
  assert.deepEqual(await widths(), [375, 375, 375]);
});

test('the policy in _headers holds in the browser: no inline script, no outside image', async () => {
  await signedIn();
  const blocked = await page.evaluate(async () => {
    const seen = [];
    document.addEventListener('securitypolicyviolation', (e) => seen.push(e.effectiveDirective));
    document.body.append(Object.assign(document.createElement('img'), { src: 'https://evil.example.net/x.png' }));
    const script = document.createElement('script');
    try {
      script.text = 'window.pwned = 1';
    } catch {
      seen.push('trusted types');
    }
    await fetch('https://evil.example.net/').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 50));
    return [...seen, window.pwned];
  });
  assert.deepEqual(new Set(blocked), new Set(['img-src', 'connect-src', 'require-trusted-types-for', 'trusted types', undefined]));
  page.errors.length = 0; // the violations above
});

panels({ signedIn, eventually, lowContrast, at: () => ({ server }) });
asked({ signedIn, send, eventually, lowContrast, at: () => ({ server }) });
files({ signedIn, send, eventually });
