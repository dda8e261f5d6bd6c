// `make deploy`: creates the bucket, the namespace and the queue that
// wrangler.toml names where they are missing, deploys, and says what to do next.
// It needs `wrangler login` or CLOUDFLARE_API_TOKEN, and for the sandbox Docker on
// this machine and the Workers Paid plan; SANDBOX=off deploys without it.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const source = withoutSandbox(readFileSync(join(root, "wrangler.toml"), "utf8"));

step("R2 bucket", ["r2", "bucket", "create", "instar"]);
step("queue", ["queues", "create", "instar"]);
const namespace = findNamespace() ?? createNamespace();

// The account's own id of the namespace stays out of the repository.
mkdirSync(join(root, "build/dist"), { recursive: true });
const config = join(root, "wrangler.deploy.toml");
writeFileSync(config, "# Made by `make deploy`; not committed.\n" + source.replace(/^id = "0{32}"$/m, `id = "${namespace}"`));
run(["deploy", "--config", config, ...process.argv.slice(2)]);
console.log(`
Deployed. Set what the README's table of variables asks for, each with
  npx wrangler secret put NAME
at least CONSOLE_TOKEN (any long random text), OWNER and a model's key, and open
/healthz: it names what is missing.`);

// withoutSandbox leaves the sandbox out if it is not wanted. If it is, what it
// needs is looked for before anything is created.
function withoutSandbox(toml) {
  if (/^(off|0|false|no)$/i.test(process.env.SANDBOX ?? "")) {
    console.log("sandbox: left out");
    return toml.slice(0, toml.indexOf("\n# sandbox: all from here on\n") + 1);
  }
  const docker = spawnSync(process.env.WRANGLER_DOCKER_BIN || "docker", ["info"], { encoding: "utf8" });
  if (docker.status === 0) return toml;
  console.error(`The sandbox's container is built with Docker, and Docker does not answer: ${(docker.stderr || docker.error?.message || "").trim().split("\n").at(-1)}
Start Docker and try again, or deploy without the sandbox, as on the Free plan:
  SANDBOX=off make deploy`);
  process.exit(1);
}

// step creates something and takes "it exists" for done.
function step(what, args) {
  const result = wrangler(args);
  const text = result.stdout + result.stderr;
  if (result.status !== 0 && !/already (exists|taken|own)|11009|10004/i.test(text)) {
    console.error(text);
    console.error(`could not create the ${what}`);
    process.exit(1);
  }
  console.log(`${what}: ready`);
}

function findNamespace() {
  const result = wrangler(["kv", "namespace", "list"]);
  if (result.status !== 0) fail("could not list KV namespaces", result);
  const list = JSON.parse(result.stdout.slice(result.stdout.indexOf("[")));
  return list.find((n) => n.title === "instar-settings")?.id;
}

function createNamespace() {
  const result = wrangler(["kv", "namespace", "create", "instar-settings"]);
  const id = /[0-9a-f]{32}/.exec(result.stdout)?.[0];
  if (result.status !== 0 || !id) fail("could not create the KV namespace", result);
  return id;
}

function fail(what, result) {
  console.error(result.stdout + result.stderr);
  console.error(what);
  process.exit(1);
}

function wrangler(args) {
  return spawnSync(process.execPath, [join(root, "node_modules/wrangler/bin/wrangler.js"), ...args], { cwd: root, encoding: "utf8" });
}

function run(args) {
  const result = spawnSync(process.execPath, [join(root, "node_modules/wrangler/bin/wrangler.js"), ...args], { cwd: root, stdio: "inherit" });
  if (result.status !== 0) {
    if (source.includes("[[containers]]")) console.error("If it is the containers that your account does not have: SANDBOX=off make deploy");
    process.exit(result.status ?? 1);
  }
}
