// The files that come with the agent's messages: claims that console.test.mjs runs
// with the rest of the page's.
import assert from 'node:assert/strict';
import { test } from 'node:test';

export function files({ signedIn, send, eventually }) {
  test('a picture is shown and any file can be saved, also after a reload', async () => {
    const page = await signedIn();
    const turn = await send('show me the page');
    turn.done('Here.', {
      files: [
        { name: 'screenshot.png', media_type: 'image/png', size: 71, url: '/api/file?n=0&session=main&turn=1' },
        { name: '<b>page</b>.pdf', media_type: 'application/pdf', size: 9, url: '/api/file?n=1&session=main&turn=1' },
      ],
    });
    const there = async () => {
      await page.locator('.file').nth(1).waitFor();
      await eventually(() => page.locator('.file img').evaluate((img) => img.naturalWidth === 2), 'the picture is drawn');
      assert.equal(await page.locator('.file img').getAttribute('alt'), 'screenshot.png');
      assert.deepEqual(await page.locator('.file').evaluateAll((all) => all.map((a) => [a.download, new URL(a.href).pathname])), [['screenshot.png', '/api/file'], ['<b>page</b>.pdf', '/api/file']]);
      assert.equal(await page.locator('.file b').count(), 0);
    };
    await there();
    await page.reload();
    await there();
  });
}
