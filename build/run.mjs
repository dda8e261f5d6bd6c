// `make run`: everything on this machine, in the real Workers runtime (workerd)
// with Miniflare's local bucket, settings and queues - what `wrangler dev` runs
// too, without its proxy in between. Needs what `make build` made.
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { convertV4MiniflareOptions, fetch as forward, Headers, Log, LogLevel, Miniflare } from "miniflare";
import { findDocker } from "./sandbox/docker.mjs";
import { parseHosts } from "./worker/outbound.mjs";

const root = resolve(import.meta.dirname, "..");
const port = Number(process.env.PORT || 8787);
const state = resolve(process.env.STATE || join(root, ".wrangler/state"));
const dist = resolve(process.env.DIST || join(root, "build/dist")); // what it lacks is taken from build/dist

// What is taken over from the environment: the variables of the design. Which
// function is given which of them is build/worker/functions.mjs's to say.
const VARIABLES = [
  "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL",
  "CLOUDFLARE_AI_GATEWAY_API_KEY", "CF_AI_GATEWAY_ACCOUNT_ID", "CF_AI_GATEWAY_GATEWAY_ID", "CF_AI_GATEWAY_MODEL",
  "MODEL", "MODEL_FALLBACKS", "OWNER", "OWNER_ADDRESSES",
  "TELEGRAM_BOT_TOKEN", "TELEGRAM_WEBHOOK_SECRET", "TELEGRAM_DM_POLICY", "TELEGRAM_API_BASE",
  "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "SLACK_DM_POLICY", "SLACK_API_BASE",
  "CF_ACCESS_TEAM_DOMAIN", "CF_ACCESS_AUD", "CONSOLE_TOKEN", "SEAL_KEY", "BUDGET_DAILY_USD", "TIMEZONE", "BRAVE_API_KEY",
  "SANDBOX_HOSTS", "SANDBOX_SLEEP_MINUTES", "CF_BROWSER_ACCOUNT_ID", "CF_BROWSER_TOKEN", "CF_API_BASE",
];

// The platform runs many consumers of a queue side by side; its local stand-in
// runs one delivery at a time, so one long turn would hold up everybody. Eight
// queues in place of one make up for it (see spread in build/worker/worker.mjs).
const QUEUES = 8;

mkdirSync(state, { recursive: true, mode: 0o700 });
const vars = { ...readDevVars(join(root, ".dev.vars")) };
const take = (name) => { if (process.env[name] !== undefined) vars[name] = process.env[name]; };
VARIABLES.forEach(take);
const hosts = parseHosts(vars.SANDBOX_HOSTS);
for (const secret of hosts.open.values()) if (secret) take(secret);
if (vars.CONSOLE_TOKEN === undefined) vars.CONSOLE_TOKEN = kept("console-token", () => randomBytes(24).toString("base64url"));
if (vars.SEAL_KEY === undefined) vars.SEAL_KEY = kept("seal-key", () => randomBytes(32).toString("base64"));

const sandbox = await findDocker({ ...vars, ...process.env });

// Being told to stop is no failure, whoever hears the signal first: Miniflare
// ends the process by itself, with the signal's number.
let stopping = false;
process.on("exit", () => { if (stopping) process.exitCode = 0; });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, stop);
const runtime = new Miniflare(options());
try {
  await runtime.ready;
} catch (err) {
  console.error(err.code === "ERR_ADDRESS_IN_USE" || /address.*in use/i.test(err.message)
    ? `Port ${port} is taken: stop what uses it, or set PORT to another.`
    : `The runtime did not start: ${err.message}`);
  await runtime.dispose().catch(() => {});
  process.exit(1);
}
const offline = !["MODEL", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CF_AI_GATEWAY_MODEL"].some((name) => vars[name]);
console.log(`
Instar runs on http://localhost:${port}
Console:  http://localhost:${port}/#token=${vars.CONSOLE_TOKEN}
Model:    ${offline || vars.MODEL === "offline" ? "the built-in offline model (not a language model): set ANTHROPIC_API_KEY or OPENAI_API_KEY for a real one" : vars.MODEL || "as the keys allow"}
Sandbox:  ${sandboxLine()}
State:    ${state}
Stop it with Ctrl-C.
`);

// The local runtime has no clock for cron triggers: this is it. The local queue
// forgets what it held when the runtime is killed, so the first look comes as if
// it were three minutes later: the schedule function then takes all that is
// still in the inbox for stuck, and has it delivered again.
async function minute(ahead = 0) {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/cdn-cgi/local/scheduled?time=${Date.now() + ahead}`);
    if (!answer.ok) console.error(`The clock's look was answered with ${answer.status}.`);
  } catch {
    // The runtime is ending, or busy: the next minute comes.
  }
}
minute(3 * 60_000);
setInterval(minute, 60_000).unref();

// sandboxLine says whether there is a sandbox, or what would turn it on.
function sandboxLine() {
  const mistakes = hosts.problems.map((problem) => `; SANDBOX_HOSTS: ${problem}`).join("");
  if (sandbox.off) return `off: ${sandbox.off}${mistakes}`;
  const open = [...hosts.open.keys()];
  const reach = open.includes("*") ? "it reaches every host on the internet" : open.length ? `it reaches ${open.join(", ")} and nothing else` : "it reaches no host, SANDBOX_HOSTS opens some";
  return `on, in Docker; ${reach}${mistakes}`;
}

async function stop() {
  stopping = true;
  await runtime.dispose();
  process.exit(0);
}

// options are wrangler.toml's Worker, for this machine.
function options() {
  const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
  const modules = ["build/worker/entry.mjs", "build/worker/worker.mjs", "build/worker/pool.mjs", "build/worker/instance.mjs",
    "build/worker/functions.mjs", "build/worker/sandbox.mjs", "build/worker/outbound.mjs"].map((path) => ({ type: "ESModule", path: join(root, path) }));
  modules.push({ type: "ESModule", ...built("go.mjs") });
  for (const name of ["webhook", "agent", "console", "schedule"]) {
    modules.push({ type: "CompiledWasm", ...built(`${name}.wasm`) });
  }
  const queueProducers = {};
  const queueConsumers = {};
  for (let i = 0; i < QUEUES; i++) {
    const name = i ? `instar-${i}` : "instar";
    queueProducers[i ? `QUEUE_${i}` : "QUEUE"] = name;
    queueConsumers[name] = {
      maxBatchSize: 1, maxBatchTimeout: 0,
      maxRetries: Number(setting(toml, "max_retries")), retryDelay: Number(setting(toml, "retry_delay")),
    };
  }
  return convertV4MiniflareOptions({
    host: "127.0.0.1", port, cf: false, log: new Log(LogLevel.WARN),
    resourcePersistencePath: state, unsafeTriggerHandlers: true,
    handleStructuredLogs: ({ message }) => console.log(message),
    ...(sandbox.off ? {} : { containerEngine: sandbox.engine }),
    workers: [{
      name: "instar", modulesRoot: root, modules, bindings: vars,
      compatibilityDate: JSON.parse(setting(toml, "compatibility_date")),
      compatibilityFlags: JSON.parse(setting(toml, "compatibility_flags")),
      r2Buckets: { BUCKET: "instar" }, kvNamespaces: { SETTINGS: "settings" }, queueProducers, queueConsumers,
      ...(sandbox.off ? {} : { durableObjects: { SANDBOX: { className: "Sandbox", useSQLite: true, container: { imageName: sandbox.image } } } }),
      ...(process.env.TEST_INTERNET ? { outboundService: internet } : {}),
      assets: {
        directory: join(root, "build/dist/assets"), binding: "ASSETS",
        routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
      },
    }],
  });
}

// internet has a test's own server answer for every host that is not this machine,
// so that pages can be served to a browser where there is no internet.
function internet(request) {
  if (["127.0.0.1", "localhost"].includes(new URL(request.url).hostname)) return forward(request);
  const headers = new Headers(request.headers);
  headers.set("x-url", request.url);
  return forward(process.env.TEST_INTERNET, { method: request.method, headers, body: request.body, duplex: "half", redirect: "manual" });
}

// built is a module under the name by which the others import it.
function built(name) {
  const path = join(root, "build/dist", name);
  const own = join(dist, name);
  return { path, contents: readFileSync(existsSync(own) ? own : path) };
}

function setting(toml, name) {
  return new RegExp(`^${name} = (.*)$`, "m").exec(toml)[1];
}

// kept is a random secret that stays the same as long as the state does.
function kept(name, make) {
  const file = join(state, name);
  if (!existsSync(file)) writeFileSync(file, make(), { mode: 0o600 });
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
