// Starts Chromium and opens pages in it, noting what each page asks for.
import { accessSync, constants } from 'node:fs';
import { chromium } from 'playwright-core';

const path = process.env.CHROMIUM || '/usr/bin/chromium';
const args = ['--no-sandbox', '--headless', '--disable-gpu', '--disable-background-networking', '--disable-component-update',
  '--disable-sync', '--disable-quic', '--no-first-run'];

export async function launch() {
  try {
    accessSync(path, constants.X_OK);
  } catch {
    throw new Error(`NO BROWSER: ${path} is not there or cannot be run. Install Chromium (Debian: apt-get install chromium) or set CHROMIUM to its path.`);
  }
  return chromium.launch({ executablePath: path, args });
}

// open makes a page in a context of its own. page.asked lists every address
// the page requested; page.errors what it complained about, except for answers
// of 4xx and 5xx, which tests cause on purpose.
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(8000);
  const page = await context.newPage();
  page.asked = [];
  page.errors = [];
  page.on('request', (request) => page.asked.push(request.url()));
  page.on('pageerror', (err) => page.errors.push(err.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !/^Failed to load resource: /.test(message.text())) page.errors.push(message.text());
  });
  return page;
}
