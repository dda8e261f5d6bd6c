// Runs e2e/sandbox/worker.mjs in Miniflare, as build/run.mjs runs the real one,
// with an internet of its own: every host answers with what it was asked, so that
// a test sees what left. $OPTIONS is {port, socket, image, egress, bindings}.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare, Response } from "miniflare";

const root = resolve(import.meta.dirname, "../..");
const { port, socket, image, egress, bindings } = JSON.parse(process.env.OPTIONS);
const modules = ["e2e/sandbox/worker.mjs", "build/worker/worker.mjs", "build/worker/pool.mjs", "build/worker/instance.mjs",
  "build/worker/sandbox.mjs", "build/worker/outbound.mjs", "build/dist/go.mjs"].map((path) => ({ type: "ESModule", path: join(root, path) }));
modules.push({ type: "CompiledWasm", path: join(root, "build/dist/test/sandbox.wasm") });
const toml = readFileSync(join(root, "wrangler.toml"), "utf8");
const setting = (name) => JSON.parse(new RegExp(`^${name} = (.*)$`, "m").exec(toml)[1]);

const runtime = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1", port, cf: false, log: new Log(LogLevel.WARN), handleStructuredLogs: ({ message }) => console.log(message),
  containerEngine: { localDocker: { socketPath: `unix://${socket}`, containerEgressInterceptorImage: egress } },
  workers: [{
    name: "sandbox-test", modulesRoot: root, modules, bindings: bindings ?? {},
    compatibilityDate: setting("compatibility_date"), compatibilityFlags: setting("compatibility_flags"),
    durableObjects: { SANDBOX: { className: "Sandbox", useSQLite: true, container: { imageName: image } } },
    outboundService: async (request) => {
      const { pathname, host } = new URL(request.url);
      if (pathname === "/elsewhere") return new Response(null, { status: 302, headers: { location: "https://closed.example.com/" } });
      return Response.json({ host, url: request.url, method: request.method, headers: Object.fromEntries(request.headers), body: await request.text() });
    },
  }],
}));
// It goes with the test, however that ends.
process.stdin.resume().once("end", async () => {
  await runtime.dispose();
  process.exit(0);
});
await runtime.ready;
console.log("ready");
