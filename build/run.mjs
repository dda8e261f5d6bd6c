// `make run`: everything on this machine, in the real Workers runtime, with
// local storage. Needs what `make build` made.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const port = process.env.PORT || "8787";
const state = resolve(process.env.STATE || join(root, ".wrangler/state"));

// Every variable a function may be given (build/worker/functions.mjs).
const VARIABLES = [
  "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL",
  "CLOUDFLARE_AI_GATEWAY_API_KEY", "CF_AI_GATEWAY_ACCOUNT_ID", "CF_AI_GATEWAY_GATEWAY_ID", "CF_AI_GATEWAY_MODEL",
  "MODEL", "MODEL_FALLBACKS", "OWNER",
  "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_DM_POLICY", "TELEGRAM_API_BASE",
  "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_DM_POLICY", "SLACK_API_BASE",
  "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD", "CONSOLE_TOKEN", "SEAL_KEY", "BUDGET_DAILY_USD", "TIMEZONE",
];

mkdirSync(state, { recursive: true });
const vars = { ...readDevVars(join(root, ".dev.vars")) };
for (const name of VARIABLES) if (process.env[name] !== undefined) vars[name] = process.env[name];
if (vars.CONSOLE_TOKEN === undefined) vars.CONSOLE_TOKEN = kept("console-token");

// Secrets travel in a file of the owner's own, not on a command line that
// every user of the machine can read.
const envFile = join(state, "variables");
writeFileSync(envFile, Object.entries(vars).map(([name, value]) => `${name}=${quote(value)}\n`).join(""), { mode: 0o600 });
chmodSync(envFile, 0o600);

const child = spawn(process.execPath, [
  join(root, "node_modules/wrangler/bin/wrangler.js"), "dev",
  "--config", localConfig(), "--ip", "127.0.0.1", "--port", port, "--inspector-port", "0",
  "--persist-to", state, "--env-file", envFile, "--show-interactive-dev-session=false", "--test-scheduled",
], {
  cwd: root, stdio: ["ignore", "pipe", "pipe"], detached: true,
  env: { ...withoutSecrets(), WRANGLER_SEND_METRICS: "false", NO_COLOR: "1", CLOUDFLARE_CF_FETCH_ENABLED: "false" },
});

let stopping = false;
let serving = false;
const unshown = []; // what explains a start that fails
for (const stream of [child.stdout, child.stderr]) {
  let rest = "";
  stream.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (worthShowing(line)) console.log(line);
      else if (!serving) unshown.push(line);
    }
  });
}
child.on("exit", (code) => {
  rmSync(envFile, { force: true });
  if (!serving && !stopping) console.error(unshown.join("\n"));
  process.exit(stopping ? 0 : code || 1);
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);

await ready();
serving = true;
const offline = !["MODEL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CF_AI_GATEWAY_MODEL"].some((name) => vars[name]);
console.log(`
Instar runs on http://localhost:${port}
Console:  http://localhost:${port}/#token=${vars.CONSOLE_TOKEN}
Model:    ${offline || vars.MODEL === "offline" ? "the built-in offline model (not a language model): set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one" : vars.MODEL || "as the keys allow"}
State:    ${state}
Stop it with Ctrl-C.
`);

// The local runtime has no clock for cron triggers: this is it.
setInterval(() => { fetch(`http://127.0.0.1:${port}/cdn-cgi/handler/scheduled`).catch(() => {}); }, 60_000).unref();

// localConfig is wrangler.toml with eight queues in place of one. The platform
// runs many consumers of a queue side by side; its local stand-in runs one
// delivery at a time, so one long turn would hold up everybody.
function localConfig() {
  const text = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace(/^main = "(.*)"$/m, (_, path) => `main = ${JSON.stringify(join(root, path))}`)
    .replace(/^directory = "(.*)"$/m, (_, path) => `directory = ${JSON.stringify(join(root, path))}`);
  const producer = /\[\[queues\.producers\]\][^[]*/.exec(text)[0];
  const consumer = /\[\[queues\.consumers\]\][^[]*/.exec(text)[0];
  let more = "";
  for (let i = 1; i < 8; i++) {
    more += producer.replace('"QUEUE"', `"QUEUE_${i}"`).replace('"instar"', `"instar-${i}"`);
    more += consumer.replace('"instar"', `"instar-${i}"`);
  }
  const file = join(state, "wrangler.toml");
  writeFileSync(file, text + "\n" + more);
  return file;
}

async function ready() {
  for (let i = 0; i < 600 && child.exitCode === null; i++) {
    try {
      if ((await fetch(`http://127.0.0.1:${port}/healthz`)).status < 600) return;
    } catch {
      await new Promise((done) => setTimeout(done, 100));
    }
  }
}

function stop() {
  if (stopping) return;
  stopping = true;
  try { process.kill(-child.pid, "SIGTERM"); } catch { /* it has ended */ }
  setTimeout(() => { try { process.kill(-child.pid, "SIGKILL"); } catch { /* it has ended */ } }, 3000).unref();
}

// kept is a random secret that stays the same as long as the state does.
function kept(name) {
  const file = join(state, name);
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString("base64url"), { mode: 0o600 });
  return readFileSync(file, "utf8").trim();
}

function readDevVars(file) {
  const values = {};
  if (!existsSync(file)) return values;
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    if (match) values[match[1]] = match[2].replace(/^(["'])(.*)\1$/, "$2");
  }
  return values;
}

function quote(value) {
  for (const mark of ["'", '"', "`"]) if (!value.includes(mark) && !value.includes("\n")) return mark + value + mark;
  throw new Error("a variable holds line breaks or all three kinds of quotes; it cannot be passed on");
}

function withoutSecrets() {
  const env = { ...process.env };
  for (const name of VARIABLES) delete env[name];
  return env;
}

// wrangler's own chatter is left out, and its list of variables with it.
function worthShowing(line) {
  return line.startsWith("{") || line.includes('{"level"') || /error|warn|✘|panic|drip/i.test(line) && !/CLOUDFLARE_|cf object|env\./.test(line);
}
