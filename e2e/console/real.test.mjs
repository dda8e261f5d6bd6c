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

test('remembering shows a memory_write chip that is done, and the memory panel has it', { skip }, async () => {
  const reply = await ask('remember that my favourite tea is oolong');
  assert.match(await reply.locator('.tool', { hasText: 'memory_write' }).innerText(), /done/);

  // What it remembers is in the memory panel, can be changed there, and the audit log says so.
  await page.getByRole('button', { name: 'Memory' }).click();
  const entry = page.locator('.cards > li', { hasText: 'oolong' }).first();
  await entry.waitFor();
  assert.equal(await entry.locator('.from').count(), 0, 'the owner said it');
  await entry.getByRole('button', { name: /^Edit/ }).click();
  await page.locator('.cards textarea').fill('Sencha it is.');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.locator('.cards > li', { hasText: 'Sencha it is.' }).waitFor();
  await page.getByRole('button', { name: 'History' }).click();
  const change = page.locator('.cards > li').first();
  await change.getByText('became').waitFor();
  assert.match(await change.innerText(), /^Edited.*oolong/s);
  await change.getByRole('button', { name: /^Restore/ }).click();
  await page.getByRole('button', { name: 'Restore', exact: true }).click();
  await page.getByText('Restored.').last().waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Audit log' }).click();
  await page.getByRole('combobox', { name: 'Kind of entry' }).selectOption('memory');
  const newest = async () => (await page.locator('.log > li').allInnerTexts()).slice(0, 2).map((text) => text.split(/\s/).slice(0, 2).join(' ')).sort().join();
  for (let i = 0; i < 50 && (await newest()) !== 'memory edit,memory restored'; i++) { // noted soon after
    await page.getByRole('searchbox', { name: 'Words in the audit log' }).fill(' '.repeat(i % 2));
    await page.waitForTimeout(500);
  }
  assert.equal(await newest(), 'memory edit,memory restored');
  assert.match(await page.locator('.verdict').innerText(), /^Entries 1 to \d+ are unbroken\.$/);
  assert.doesNotMatch(await page.locator('.log').innerText(), /oolong|Sencha/i);
  await page.keyboard.press('Escape');
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
