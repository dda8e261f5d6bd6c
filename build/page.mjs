// Bundles the console's page into build/dist/assets, the folder that Workers Static
// Assets serves. Nothing is fetched: the libraries come from node_modules.
import { build } from 'esbuild';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const here = join(root, 'functions', 'console', 'page');
const out = join(root, 'build', 'dist', 'assets');

// What is loaded before the page can be used, libraries included, stays under
// this many bytes, so that the page is quick on a phone network.
const scriptLimit = 120_000;

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: [join(here, 'app.js'), join(here, 'style.css')],
  outdir: out,
  bundle: true,
  // What is imported with import() comes in files of its own, under a name that
  // changes with what is in it: two versions of the page never mix. They lie
  // beside app.js, and the page's policy lets scripts come from there.
  splitting: true,
  chunkNames: '[name]-[hash]',
  metafile: true,
  minify: true,
  format: 'esm',
  target: ['chrome123', 'firefox120', 'safari17.5'],
  legalComments: 'none',
  // The page's own licence notices for the two bundled libraries.
  banner: { js: '/* Includes marked (MIT) and DOMPurify (Apache-2.0 or MPL-2.0). */' },
});

const sizes = new Map(Object.entries(metafile.outputs).map(([path, { bytes }]) => [relative(out, join(root, path)), bytes]));
const first = needed('app.js');
const rest = [...sizes.keys()].filter((name) => name.endsWith('.js') && !first.includes(name));
const size = (names) => names.reduce((sum, name) => sum + sizes.get(name), 0);

await cp(join(here, '_headers'), join(out, '_headers'));
// The browser asks for what app.js imports before it has read app.js.
const script = '<script type="module" src="app.js"';
const page = await readFile(join(here, 'index.html'), 'utf8');
if (!page.includes(script)) throw new Error('index.html does not load app.js as it used to');
const preloads = first.slice(1).map((name) => `<link rel="modulepreload" href="${name}">\n`);
await writeFile(join(out, 'index.html'), page.replace(script, preloads.join('') + script));

console.log(`console: first load ${size(first)} bytes (${first.join(', ')}), later ${size(rest)} (${rest.join(', ')}), style.css ${sizes.get('style.css')}`);
if (size(first) > scriptLimit) {
  console.error(`console: the first load is over its limit of ${scriptLimit} bytes`);
  process.exit(1);
}

// needed are a script and those that it imports at once, itself first.
function needed(name, found = []) {
  if (found.includes(name)) return found;
  found.push(name);
  const output = metafile.outputs[relative(root, join(out, name))];
  for (const { path, kind } of output.imports) {
    if (kind === 'import-statement') needed(relative(out, join(root, path)), found);
  }
  return found;
}
