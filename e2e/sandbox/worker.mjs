// The Worker of the sandbox's tests: the real objects and the real glue, with a
// function that calls them, and what they call in turn: the agent and the webhook.
import { WorkerEntrypoint } from "cloudflare:workers";
import probe from "../../build/dist/test/sandbox.wasm";
import { Sandbox as Real } from "../../build/worker/sandbox.mjs";
import { createWorker } from "../../build/worker/worker.mjs";

const functions = { probe: { module: probe, vars: [], bindings: ["SANDBOX"], instances: 6 } };
const { call: _, ...worker } = createWorker(functions, (path) => (path.startsWith("/probe/") ? "probe" : null), {});
export { Outbound } from "../../build/worker/sandbox.mjs";

// Sandbox is the real one, which can be made to forget all that it has in memory.
export class Sandbox extends Real {
  fetch(request) {
    if (new URL(request.url).searchParams.has("forget")) this.ctx.abort("as asked");
    return super.fetch(request);
  }
}

// What happened, and what the agent shall do when a session's container is to
// sleep: answer with a status, the last of them for good; "throw"; or "quiet KEY"
// and "loud KEY", call that container in one of these ways and answer 204.
const seen = { sleeps: [], reports: [] };
const answers = {};

export default {
  ...worker,
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/hooks/sandbox") {
      seen.reports.push({ url: request.url, method: request.method, authorization: request.headers.get("authorization"), body: await request.text() });
      return new Response(null, { status: 202 });
    }
    if (pathname === "/test/seen") return Response.json(seen);
    if (pathname === "/test/agent") {
      answers[searchParams.get("session")] = searchParams.getAll("does").map((a) => Number(a) || a);
      return Response.json({});
    }
    // Straight to the object, past the Go half.
    if (pathname === "/test/raw") return env.SANDBOX.getByName(searchParams.get("session")).fetch(request);
    return worker.fetch(request, env, ctx);
  },
};

export class Agent extends WorkerEntrypoint {
  async fetch(request) {
    const { session } = await request.json();
    const does = answers[session] ?? [204];
    const answer = does.length > 1 ? does.shift() : does[0];
    seen.sleeps.push({ url: request.url, method: request.method, session, at: Date.now() });
    if (answer === "throw") throw new Error("as asked");
    const [, how, key] = /^(quiet|loud) (.*)$/.exec(answer) ?? [];
    if (how) {
      const headers = { "instar-sandbox-key": key, "instar-sandbox-session": session };
      if (how === "quiet") headers["instar-sandbox-quiet"] = "1";
      const saved = await this.env.SANDBOX.getByName(session).fetch("http://sandbox/lines?n=3&every=100ms", { headers });
      const text = await saved.text();
      return new Response(null, { status: text.endsWith("line 2\n") ? 204 : 500 });
    }
    return new Response(null, { status: answer });
  }
}
