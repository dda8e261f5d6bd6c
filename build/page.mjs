// Bundles the console's page into build/dist/assets, the folder that Workers Static
// Assets serves. Nothing is fetched: the libraries come from node_modules.
import { build } from 'esbuild';
import { cp, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const here = join(root, 'functions', 'console', 'page');
const out = join(root, 'build', 'dist', 'assets');

// The whole script, libraries included, stays under this many bytes, so that
// the page is quick on a phone network.
const scriptLimit = 120_000;

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  entryPoints: [join(here, 'app.js'), join(here, 'style.css')],
  outdir: out,
  bundle: true,
  minify: true,
  format: 'esm',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  legalComments: 'none',
  // The page's own licence notices for the two bundled libraries.
  banner: { js: '/* Includes marked (MIT) and DOMPurify (Apache-2.0 or MPL-2.0). */' },
});
for (const name of ['index.html', '_headers']) {
  await cp(join(here, name), join(out, name));
}

const { size } = await stat(join(out, 'app.js'));
if (size > scriptLimit) {
  console.error(`console: app.js is ${size} bytes, over its limit of ${scriptLimit}`);
  process.exit(1);
}
console.log(`console: app.js ${size} bytes, style.css ${(await stat(join(out, 'style.css'))).size} bytes`);
