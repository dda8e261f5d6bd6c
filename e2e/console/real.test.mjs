// The page against a real server: CONSOLE_URL (its base address) and
// CONSOLE_TOKEN name one that is already running, with the offline model or one that knows what to do with "remember".
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.mjs';

const { CONSOLE_URL, CONSOLE_TOKEN } = process.env;
const skip = CONSOLE_URL && CONSOLE_TOKEN ? false : 'CONSOLE_URL and CONSOLE_TOKEN are not set';
let browser;
let page;

before(async () => {
  if (skip) return;
  browser = await launch();
  page = await open(browser);
  page.context().setDefaultTimeout(30_000);
});
after(() => browser?.close());

// ask sends a message in a chat of its own and returns its finished reply.
async function ask(text) {
  await page.getByRole('button', { name: 'New chat' }).click();
  await page.fill('#text', text);
  await page.keyboard.press('Enter');
  const reply = page.locator('.reply:not([aria-busy])').last();
  await reply.waitFor();
  return reply;
}

test('a wrong token is refused and the right one logs in', { skip }, async () => {
  await page.goto(`${CONSOLE_URL}/#token=wrong`);
  await page.locator('#login').waitFor();
  await page.goto('about:blank');
  await page.goto(`${CONSOLE_URL}/#token=${encodeURIComponent(CONSOLE_TOKEN)}`);
  await page.locator('#app').waitFor();
  assert.equal(await page.evaluate(() => location.hash), '');
  assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0, 'nothing is kept that a script can read');
});

test('the assets come with the strict policy', { skip }, async () => {
  const { headers } = await fetch(CONSOLE_URL);
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/);
  assert.equal(headers.get('x-content-type-options'), 'nosniff');
  assert.equal(headers.get('referrer-policy'), 'no-referrer');
});

test('a question gets a streamed reply that is still there after a reload', { skip }, async () => {
  await page.evaluate(() => {
    window.steps = new Set();
    new MutationObserver(() => window.steps.add(document.querySelector('.streaming .body')?.textContent)).observe(document.querySelector('#messages'), { subtree: true, childList: true, attributes: true });
  });
  const asked = Date.now();
  const reply = await ask('what time is it');
  const took = Date.now() - asked;
  assert.equal(await page.locator('.messages .error').count(), 0, await reply.innerText());
  const text = await reply.locator('.body').innerText();
  assert.match(text, /\d/);
  // A model that answers within a frame or two leaves nothing to be seen on the way.
  if (took > 500) assert.ok(await page.evaluate(() => [...window.steps].some(Boolean)), 'some of it was shown before its end');
  await page.reload();
  await page.getByText(text.split('\n')[0]).first().waitFor();
});

test('remembering shows a memory_write chip that is done', { skip }, async () => {
  const reply = await ask('remember that my favourite tea is oolong');
  assert.match(await reply.locator('.tool', { hasText: 'memory_write' }).innerText(), /done/);
});

test('logging out ends the session, nothing was asked of anyone else and the page had no complaint', { skip }, async () => {
  const session = await page.context().cookies();
  await page.getByRole('button', { name: 'Log out' }).click();
  await page.locator('#login').waitFor();
  assert.deepEqual(await page.context().cookies(), []);
  await page.context().addCookies(session);
  await page.reload();
  await page.locator('#login').waitFor();
  assert.deepEqual(page.asked.filter((url) => !url.startsWith(CONSOLE_URL) && !/^(?:about|data):/.test(url)), []);
  assert.deepEqual(page.errors, []);
});
