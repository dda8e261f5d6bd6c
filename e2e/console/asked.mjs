// The questions that stand under the agent's messages: claims that
// console.test.mjs runs with the rest of the page's.
import assert from 'node:assert/strict';
import { test } from 'node:test';

const plain = 'to: `bob@b.example` ✓ you said so\n\nI ask because a page of a stranger’s is in the conversation.';
const nasty = 'text: `<img src=x onerror="window.pwned = 1">\u202e moc.knab\u200b` ⚠ from a page\n\n<b>bold</b> ![x](https://evil.example.net/x.png) [mail](https://evil.example.net/)';

// at returns the server of the running test.
export function asked({ signedIn, send, eventually, lowContrast, at }) {
  const cards = (page) => page.locator('.asked');
  const answers = () => at().server.questions.answers.map(({ data, session }) => [data.split(' ')[0], session]);
  const announced = (page) => page.locator('#announcer').textContent();
  const focused = (page) => page.evaluate(() => document.activeElement.className || document.activeElement.tagName);
  const shows = (page, text) => eventually(async () => (await page.locator('.messages').innerText()).includes(text), `the page shows ${JSON.stringify(text)}`);

  // questioned is a page in which a turn has just put a question.
  async function questioned(text = plain, options = {}, opening) {
    const page = await signedIn(opening);
    await page.evaluate(() => (window.sameDocument = true));
    const turn = await send('send Bob what is on that page');
    const id = at().server.questions.ask(text, options);
    turn.done('I have asked.', { cards: [id] });
    await cards(page).waitFor();
    return { page, id };
  }

  test('a question stands under its message, and is still there after a reload', async () => {
    const { page } = await questioned(nasty, { grant: 'bob@b.example' });
    assert.equal(await page.evaluate(() => document.querySelector('.asked').closest('.reply').querySelector('.body').textContent.trim()), 'I have asked.');
    assert.equal(await cards(page).locator('strong').first().innerText(), 'May I do this?');
    assert.match(await cards(page).innerText(), /<img src=x onerror="window\.pwned = 1">U\+202E moc\.knabU\+200B/);
    assert.match(await cards(page).innerText(), /mail\s*evil\.example\.net/, 'a link shows where it leads');
    assert.equal(await cards(page).locator('img, b').count(), 0);
    assert.match(await announced(page), /I have asked\.\n.*May I do this\?/s);
    const labels = () => cards(page).locator('button').allInnerTexts();
    assert.deepEqual(await labels(), ['Yes, do it', 'No', 'Always for bob@b.example']);
    await page.reload();
    await cards(page).waitFor();
    assert.deepEqual(await labels(), ['Yes, do it', 'No', 'Always for bob@b.example']);
    assert.equal(await page.evaluate(() => window.pwned), undefined);
    assert.deepEqual(page.asked.filter((url) => url.includes('evil')), []);
  });

  test('yes shows its outcome, then that it is worked on, then what came of it, without a reload', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    let release;
    server.questions.hold = new Promise((resolve) => (release = resolve));
    await page.getByRole('button', { name: 'Yes, do it' }).focus();
    await page.keyboard.press('Enter');
    await eventually(() => server.questions.answers.length === 1, 'it is answered');
    assert.deepEqual(await cards(page).locator('button').evaluateAll((all) => all.map((b) => b.disabled)), [true, true]);
    release();
    await shows(page, '✓ You said yes at 15:04.');
    assert.equal(await cards(page).locator('button').count(), 0);
    assert.equal(await focused(page), 'asked', 'the focus is where the button was');
    await eventually(async () => /You said yes/.test(await announced(page)), 'and it is said aloud');
    assert.equal(await page.locator('.reply.waiting > .note').innerText(), 'I do it now.');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    server.says('The mail is sent.', { approval: id, tools: [{ name: 'send_mail', state: 'done', summary: 'sent' }] });
    await shows(page, 'The mail is sent.');
    assert.equal(await page.locator('.waiting').count(), 0);
    assert.match(await page.locator('.reply').last().innerText(), /send_mail\s+done/);
    assert.equal(await page.locator('.question').count(), 1, 'nobody said anything');
    assert.equal(await announced(page), 'The mail is sent.');
    assert.deepEqual(answers(), [['/yes', '']]);
    assert.equal(await page.evaluate(() => window.sameDocument), true);
    const shown = () => page.locator('.message :is(.bubble, .body)').allInnerTexts();
    const before = await shown();
    await page.reload();
    await shows(page, 'The mail is sent.');
    assert.deepEqual(await shown(), before);
  });

  test('no shows its outcome and nothing is waited for', async () => {
    const { page } = await questioned();
    await page.getByRole('button', { name: 'No', exact: true }).click();
    await shows(page, '✗ You said no at 15:04.');
    assert.equal(await page.locator('.reply').count(), 1);
    assert.equal(await page.getByRole('button', { name: 'Stop' }).isVisible(), false);
    assert.deepEqual(answers(), [['/no', '']]);
  });

  test('always is in the list of grants', async () => {
    const { page, id } = await questioned(plain, { grant: 'bob@b.example' });
    at().server.says('The mail is sent.', { approval: id });
    await page.getByRole('button', { name: 'Always for bob@b.example' }).click();
    await shows(page, 'and always for bob@b.example');
    await shows(page, 'The mail is sent.');
    await page.getByRole('button', { name: 'Grants' }).click();
    await page.locator('.cards > li', { hasText: 'send_mail always to bob@b.example' }).waitFor();
  });

  test('a question that is put twice takes two answers, and no double click', async () => {
    const { page, id } = await questioned(plain, { twice: true });
    const { server } = at();
    await page.getByRole('button', { name: 'Yes, do it' }).dblclick();
    const sure = page.getByRole('button', { name: 'Yes, I am sure' });
    await sure.waitFor();
    assert.equal(await sure.isDisabled(), true);
    assert.equal(await page.locator('.asked').getAttribute('data-state'), 'asked-again');
    assert.match(await cards(page).innerText(), /Are you sure\?/);
    await eventually(() => sure.isEnabled(), 'a moment later it can be said');
    assert.equal(server.questions.answers.length, 1);
    server.says('The mail is sent.', { approval: id });
    await sure.click();
    await shows(page, 'The mail is sent.');
    assert.equal(new Set(server.questions.answers.map((a) => a.data)).size, 2, 'with another code');
  });

  test('a question that has lapsed says so', async () => {
    const { page, id } = await questioned();
    at().server.questions.get(id).lapsed = true;
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await shows(page, '⌛ Nobody answered in time');
    assert.equal(await cards(page).locator('button').count(), 0);
    assert.equal(await page.locator('.waiting').count(), 0);
  });

  test('an answer that does not get through brings the buttons back', async () => {
    const { page } = await questioned();
    const { server } = at();
    await page.route('**/api/answer', (route) => route.abort());
    await page.getByRole('button', { name: 'No', exact: true }).focus();
    await page.keyboard.press('Space');
    await eventually(async () => /could not be reached/.test(await cards(page).innerText()), 'it says so');
    assert.match(await announced(page), /could not be reached/);
    assert.deepEqual(await cards(page).locator('button').evaluateAll((all) => all.map((b) => b.disabled)), [false, false]);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'No');
    await page.unroute('**/api/answer');
    server.questions.refuse = [404, { error: 'there is no such question' }];
    await page.keyboard.press('Space');
    await eventually(async () => /There is no such question\./.test(await cards(page).innerText()), 'and what else is wrong');
    await page.keyboard.press('Space');
    await shows(page, '✗ You said no');
    assert.equal(await cards(page).locator('.error-text').isVisible(), false);
  });

  test('an answer that counted although its reply was lost is found', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    await page.route('**/api/answer', async (route) => {
      await server.questions.answer(route.request().postDataJSON(), server.faults);
      server.says('The mail is sent.', { approval: id });
      await route.abort();
    });
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await shows(page, '✓ You said yes');
    await shows(page, 'The mail is sent.');
    assert.equal(server.questions.answers.length, 1);
  });

  test('an answer that waits for the queue is waited for, and may be changed', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    server.questions.refuse = [202, { card: server.questions.card(id), reply: 'Your answer is stored and counts within two minutes.' }];
    server.busy.add('');
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await eventually(async () => /is stored and counts/.test(await cards(page).innerText()), 'it says so');
    await page.getByRole('button', { name: 'Stop' }).waitFor();
    await eventually(() => page.getByRole('button', { name: 'No', exact: true }).isEnabled(), 'the buttons are back');
    server.questions.get(id).state = 'approved';
    server.says('The mail is sent.', { approval: id });
    server.busy.clear();
    await shows(page, '✓ You said yes');
    await shows(page, 'The mail is sent.');
  });

  test('what another tab or channel has answered is shown as it was', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    const other = await page.context().newPage();
    await other.goto(server.url);
    await cards(other).waitFor();
    server.says('The mail is sent.', { approval: id });
    await other.getByRole('button', { name: 'Yes, do it' }).click();
    await shows(other, 'The mail is sent.');
    await page.bringToFront();
    if ((await cards(page).locator('button').count()) > 0) await page.getByRole('button', { name: 'No', exact: true }).click().catch(() => {});
    await shows(page, '✓ You said yes');
    await shows(page, 'The mail is sent.');
    assert.equal(await page.locator('.reply').count(), 2);
    await other.close();
  });

  test('what is answered elsewhere is shown when the page is looked at', async () => {
    const { page, id } = await questioned();
    at().server.questions.get(id).state = 'denied';
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await shows(page, '✗ You said no');
  });

  test('what takes longer than a minute is not waited for, and it is said where it will be', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    await page.clock.install();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await shows(page, '✓ You said yes');
    server.busy.add('');
    await eventually(async () => {
      await page.clock.runFor(5000);
      return /longer than a minute.*here, in this chat/.test(await page.locator('.reply').last().innerText());
    }, 'it says where the answer will be');
    assert.equal(await page.locator('#send').isVisible(), true, 'one can go on');
    await page.getByRole('button', { name: 'Look now' }).click();
    await page.getByText('Still working on this…').waitFor();
    server.says('The mail is sent.', { approval: id });
    server.busy.clear();
    await eventually(async () => {
      await page.clock.runFor(2000);
      return (await page.locator('.messages').innerText()).includes('The mail is sent.');
    }, 'and there it is');
    assert.equal(await page.locator('.reply').count(), 2);
  });

  test('two questions at once are each answered, and followed one after the other', async () => {
    const page = await signedIn();
    const { server } = at();
    const turn = await send('two things');
    const ids = [server.questions.ask('one', { tool: 'first' }), server.questions.ask('two', { tool: 'second' })];
    turn.done('', { cards: ids });
    await cards(page).nth(1).waitFor();
    await cards(page).nth(0).getByRole('button', { name: 'Yes' }).click();
    await shows(page, 'I do it now.');
    await cards(page).nth(1).getByRole('button', { name: 'Yes' }).click();
    await eventually(async () => (await page.locator('.asked[data-state$=over]').count()) === 2, 'both are answered');
    server.says('First is done.', { approval: ids[0] });
    server.says('Second is done.', { approval: ids[1] });
    await shows(page, 'Second is done.');
    assert.deepEqual(await page.locator('.reply > .body').allInnerTexts(), ['', 'First is done.', 'Second is done.']);
  });

  test('a question is answered while another turn is waited for, and everything is shown once', async () => {
    const { server } = at();
    const id = server.questions.ask(plain);
    server.history('').push({ role: 'user', text: 'from my phone', time: new Date().toISOString() });
    server.says('May I?', { cards: [id] });
    server.busy.add('');
    const page = await signedIn();
    await page.getByText('Still working on this…').waitFor();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await shows(page, '✓ You said yes');
    server.history('').push({ role: 'user', text: 'and this', time: new Date().toISOString() });
    server.says('That as well.');
    server.says('The mail is sent.', { approval: id });
    server.busy.clear();
    await shows(page, 'The mail is sent.');
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.deepEqual(await page.locator('.message > :is(.bubble, .body)').allInnerTexts(), ['from my phone', 'May I?', 'and this', 'That as well.', 'The mail is sent.']);
  });

  test('what is gone on with can ask again, and can be stopped', async () => {
    const { page, id } = await questioned();
    const { server } = at();
    const next = server.questions.ask('another', { tool: 'other_tool' });
    server.says('And this?', { approval: id, cards: [next] });
    server.questions.said = 'I do it now. Only this once: there are 200 grants already; revoke some first.';
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await cards(page).nth(1).waitFor();
    await cards(page).nth(1).getByRole('button', { name: 'Yes, do it' }).click();
    await shows(page, 'Only this once');
    await page.getByRole('button', { name: 'Stop' }).click();
    await eventually(() => server.stops.length === 1, 'the server was asked to stop');
    server.says('(Stopped.)', { approval: next });
    await shows(page, '(Stopped.)');
    await page.locator('#send').waitFor();
  });

  test('a session that has ended asks for the token, and the question is still open', async () => {
    const { page } = await questioned();
    const { server } = at();
    server.sessions.clear();
    await page.getByRole('button', { name: 'Yes, do it' }).click();
    await page.locator('#login').waitFor();
    await page.fill('#token', server.token);
    await page.keyboard.press('Enter');
    await page.locator('#app').waitFor();
    await page.getByRole('button', { name: 'No', exact: true }).click();
    await shows(page, '✗ You said no');
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`questions keep a contrast of 4.5 and the width of a phone, ${colorScheme}`, async () => {
      const wide = 'w'.repeat(300);
      const { server } = at();
      const long = server.questions.ask(`text:\n\`\`\`\n${wide}\n\`\`\`\n ⚠ from \`${wide}\` ${nasty}`, { tool: wide, grant: wide.slice(0, 60), twice: true });
      const denied = server.questions.ask('x', { tool: wide });
      const broken = server.questions.ask('x');
      server.questions.get(denied).state = 'denied';
      server.questions.grant(wide, wide, { by: wide });
      server.history('').push({ role: 'user', text: 'hi', time: new Date().toISOString() });
      server.says('Three questions.', { cards: [long, denied, broken] });
      const page = await signedIn({ colorScheme, viewport: { width: 375, height: 812 }, hasTouch: true, isMobile: true });
      const sound = async (within) => {
        assert.deepEqual(await page.evaluate(() => [document.documentElement.scrollWidth, document.querySelector('#scroll').scrollWidth, visualViewport.width]), [375, 375, 375]);
        assert.deepEqual(await page.evaluate(lowContrast, within), []);
      };
      await cards(page).nth(2).waitFor();
      await sound('.asked *');
      server.questions.refuse = [500, { error: `could not ${wide} just now` }];
      await cards(page).nth(2).getByRole('button', { name: 'No' }).tap();
      await cards(page).nth(2).locator('.error-text').waitFor();
      await cards(page).nth(0).getByRole('button', { name: 'Yes' }).tap();
      await page.getByRole('button', { name: 'Yes, I am sure' }).waitFor();
      await sound('.asked *');
      const heights = await cards(page).locator('.answers button').evaluateAll((all) => all.map((b) => b.offsetHeight));
      assert.ok(heights.every((h) => h >= 40), heights.join());
      await page.getByRole('button', { name: 'Chats' }).tap();
      await page.getByRole('button', { name: 'Grants' }).tap();
      await page.locator('.cards').waitFor();
      await sound('#grants *');
      assert.ok(await page.evaluate(() => document.querySelector('#grants').scrollWidth <= 375));
      await page.getByRole('button', { name: /^Revoke/ }).tap();
      await sound('#grants *');
    });
  }
}
