// Questions on the page against a real server whose owner's conversation has
// somebody else's words in it, and whose model makes a job of "Remind me":
// e2e/chat/console_gate_test.go starts one.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, open } from './browser.mjs';

const { CONSOLE_URL, CONSOLE_TOKEN } = process.env;
const skip = CONSOLE_URL && CONSOLE_TOKEN ? false : 'CONSOLE_URL and CONSOLE_TOKEN are not set';
let browser;

before(async () => {
  if (!skip) browser = await launch();
});
after(() => browser?.close());

test('a question is answered with no and yes, a second tab sees it, and the panels come when they are opened', { skip }, async () => {
  const page = await open(browser);
  page.context().setDefaultTimeout(30_000);
  await page.goto(`${CONSOLE_URL}/#token=${encodeURIComponent(CONSOLE_TOKEN)}`);
  await page.locator('#app').waitFor();
  const ask = async (n) => {
    await page.fill('#text', 'Remind me to feed the zebra every day');
    await page.keyboard.press('Enter');
    await page.locator('.asked').nth(n).getByRole('button', { name: 'Yes, do it' }).waitFor();
    return page.locator('.asked').nth(n);
  };
  const first = await ask(0);
  assert.match(await first.innerText(), /May I do this\? schedule_create.*Feed the zebra\..*I ask because/s);
  await first.getByRole('button', { name: 'No', exact: true }).click();
  await page.locator('.asked', { hasText: '✗ You said no at' }).waitFor();

  const second = await ask(1);
  const tab = await page.context().newPage();
  await tab.goto(CONSOLE_URL);
  const there = tab.locator('.asked').nth(1);
  await there.getByRole('button', { name: 'No', exact: true }).waitFor();
  await second.getByRole('button', { name: 'Yes, do it' }).click();
  await page.locator('.asked', { hasText: '✓ You said yes at' }).waitFor();
  await page.getByText('The owner said yes to schedule_create, and it ran (done)').last().waitFor();
  assert.equal(await page.locator('.question').count(), 3, 'nobody said more than that');
  await there.getByRole('button', { name: 'No', exact: true }).click();
  await tab.locator('.asked', { hasText: '✓ You said yes at' }).waitFor();
  await tab.getByText('The owner said yes to schedule_create, and it ran (done)').last().waitFor();

  const panels = () => page.asked.filter((url) => /\/panels-\w+\.js$/.test(url)).length;
  assert.equal(panels(), 0);
  await page.getByRole('button', { name: 'Grants' }).click();
  await page.getByText('There are none').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Audit log' }).click();
  await page.locator('.verdict').waitFor();
  assert.equal(panels(), 1);
  assert.deepEqual(page.asked.filter((url) => !url.startsWith(CONSOLE_URL) && !/^(?:about|data):/.test(url)), []);
  assert.deepEqual(page.errors, []);
});
