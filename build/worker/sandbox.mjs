// The platform half of the sandbox: a Durable Object for each session, which
// owns the session's container, and the entrypoint that all that leaves a
// container comes to. Only this Worker's own code reaches either of them.
//
// It is made of the platform's own ctx.container. The class of the package
// @cloudflare/containers works as well, but Cloudflare has deprecated it ("Migrate
// from the Container class to the Durable Object Container API", 2026-11-09).
import { DurableObject, WorkerEntrypoint } from "cloudflare:workers";
import { judge } from "./outbound.mjs";

const PORT = 8080; // of the daemon, functions/sandbox
const START_MS = 20_000; // within which the daemon answers
const STARTS = 3; // of a container that ends before it does
const POLL_MS = 25;
const STOP_MS = 10_000; // for the daemon to end its jobs
const TELL_MS = 5 * 60_000; // for the agent to save the workspace; an alarm has 15 minutes
const LONGEST_MS = 6 * 3600_000; // of a job, and of the platform's own inactivity timeout

// All TLS of a container is ended outside of it, so the platform's authority is
// the only one that it needs to trust. The platform puts it there.
const CA = "/etc/cloudflare/certs/cloudflare-containers-ca.crt";
const TRUST = Object.fromEntries(["SSL_CERT_FILE", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "NODE_EXTRA_CA_CERTS"]
  .map((name) => [name, CA]));

// Headers of the Go half (shared/workers/sandbox.go). None of them gets to the
// daemon, and none of the daemon's gets out.
const KEY = "instar-sandbox-key"; // the public key, base64
const SESSION = "instar-sandbox-session";
const QUIET = "instar-sandbox-quiet"; // the call neither wakes the container nor keeps it awake
const ERROR = "instar-sandbox-error"; // of an answer of this object's own: which kind

export class Sandbox extends DurableObject {
  #seen = Date.now(); // the last call that was not quiet; of a new object, its beginning
  #calls = 0; // under way, and not quiet
  #telling = false; // the agent is being told that the container is to sleep
  #came = false; // a call that was not quiet came meanwhile
  #excused = false; // for such calls it has been let stay already
  #answers = false; // the daemon has answered since the container started
  #change = null; // the start or stop that is under way
  #end = null; // why the container ended, once it has

  constructor(ctx, env) {
    super(ctx, env);
    if (!ctx.container?.running) return;
    // It outlived the memory of this object, or the version of this Worker.
    this.#watch();
    ctx.blockConcurrencyWhile(() => this.#intercept().catch(report)); // without it nothing leaves
  }

  async fetch(request) {
    const key = request.headers.get(KEY) ?? "";
    const session = request.headers.get(SESSION);
    const quiet = request.headers.has(QUIET);
    if (!/^[A-Za-z0-9+/]{43}=$/.test(key) || !session || session !== this.ctx.id.name) return failed("request", "this is no call to this session's sandbox");
    if (!this.ctx.container) return failed("off", "the sandbox is off here");
    const done = quiet ? () => {} : this.#begin();
    try {
      if (!await this.#up(key, quiet)) return failed("asleep", "the sandbox is asleep");
      return await this.#pass(request, done);
    } catch (err) {
      done();
      report(err);
      return failed("unreachable", err?.message ?? "unknown");
    }
  }

  // alarm puts a container to sleep that nobody has called for a while and that
  // has no job running. The agent is told first, so that it can save the
  // workspace; it may answer 409 to have it stay. Calls that come meanwhile are a
  // reason to wait as well, but only once: they may be the agent's own.
  async alarm() {
    if (!this.ctx.container?.running) return;
    try {
      await this.#sleep(sleepMs(this.env));
    } catch (err) {
      report(err);
      await this.#alarmIn(sleepMs(this.env)); // or it would run for ever
    }
  }

  async #sleep(limit) {
    const idle = Date.now() - this.#seen;
    if (this.#calls || idle < limit) return this.#alarmIn(this.#calls ? limit : limit - idle);
    const young = idle < LONGEST_MS;
    if (young && (await this.#asked()).running > 0) return this.#alarmIn(limit);
    this.#telling = true;
    const wanted = await this.#told();
    await pause(4 * POLL_MS); // until the last of its calls is known to have ended
    this.#telling = false;
    const came = this.#came;
    this.#came = false;
    if (wanted && young || came && !this.#excused) {
      this.#excused ||= came;
      return this.#alarmIn(limit);
    }
    await this.#changing(() => (this.#calls ? this.#alarmIn(limit) : this.#stop()));
  }

  // #begin counts a call, and returns what ends it.
  #begin() {
    const during = this.#telling;
    const seen = () => {
      this.#came ||= during;
      if (during) return;
      this.#seen = Date.now();
      this.#excused = false;
    };
    let under = 1;
    this.#calls++;
    seen();
    return () => {
      this.#calls -= under;
      if (under) seen();
      under = 0;
    };
  }

  // #up returns when the daemon answers that was given this key, starting it if
  // it must, unless quiet: then it reports whether it did.
  async #up(key, quiet) {
    for (;;) {
      if (this.#change) await this.#change; // its failure is this call's too
      else if (this.ctx.container.running && this.#answers && this.#key === key) return true;
      else if (quiet && (!this.ctx.container.running || this.#key !== key)) return false;
      else await this.#changing(() => this.#start(key));
    }
  }

  // #changing has one start or stop under way at a time.
  async #changing(change) {
    while (this.#change) await this.#change.catch(() => {});
    this.#change = change();
    try {
      await this.#change;
    } finally {
      this.#change = null;
    }
  }

  // #key is the one that the container was given. It is kept, since a container
  // may outlive the memory of this object.
  get #key() { return this.ctx.storage.kv.get("key"); }

  async #start(key) {
    const { container, storage } = this.ctx;
    const began = Date.now();
    if (container.running && this.#key !== key) await this.#stop();
    for (let starts = 0; ; await pause(POLL_MS)) {
      if (!container.running) {
        if (starts === STARTS) throw new Error(`the container does not start: ${await this.#end}`);
        await pause(500 * starts++);
        storage.kv.put("key", key);
        await this.#intercept();
        container.start({ enableInternet: false, env: { SANDBOX_PUBLIC_KEY: key, SANDBOX_SESSION: this.ctx.id.name, ...TRUST } });
        this.#watch();
        await this.#alarmIn(sleepMs(this.env));
      }
      const { problem } = await this.#asked();
      if (!problem) break;
      if (Date.now() - began > START_MS) {
        await container.destroy();
        throw new Error(`the container does not start: ${problem}`);
      }
    }
    this.#answers = true;
    console.log(JSON.stringify({ level: "INFO", msg: "sandbox ready", ms: Date.now() - began }));
  }

  // #intercept has all that leaves the container come to Outbound, until it ends.
  async #intercept() {
    const outbound = this.ctx.exports.Outbound({ props: {} });
    await this.ctx.container.interceptAllOutboundHttp(outbound);
    await this.ctx.container.interceptOutboundHttps("*", outbound);
  }

  // #asked asks the daemon whether it is there, and how many jobs run.
  async #asked() {
    try {
      const answer = await this.ctx.container.getTcpPort(PORT).fetch("http://sandbox/healthz", { signal: AbortSignal.timeout(5000) });
      const said = await answer.json().catch(() => ({}));
      return answer.ok ? { running: Number(said.running) } : { problem: `its daemon answers with ${answer.status}` };
    } catch (err) {
      return { problem: err.message };
    }
  }

  // #watch follows the container to its end. While it waits, the platform keeps
  // this object in memory, and with it what it knows of the last call. Should the
  // object go all the same, the platform stops the container in the end.
  #watch() {
    const { container } = this.ctx;
    const end = container.monitor().then(() => "it ended", (err) => err.message);
    end.then(() => { if (this.#end === end) this.#answers = false; });
    this.#end = end;
    this.#answers = false;
    container.setInactivityTimeout(Math.min(2 * sleepMs(this.env), LONGEST_MS)).catch(() => {});
  }

  // #stop lets the daemon end the jobs that it has, and waits a while for it.
  async #stop() {
    const { container } = this.ctx;
    if (container.running && (await this.#asked()).running !== 0) {
      container.signal(15);
      await Promise.race([this.#end, pause(STOP_MS)]);
    }
    this.#answers = false;
    await container.destroy();
  }

  #alarmIn(ms) {
    return this.ctx.storage.setAlarm(Date.now() + Math.max(ms, 100));
  }

  // #told reports whether the agent wants the container to stay.
  async #told() {
    for (let tries = 2; tries > 0; tries--) {
      try {
        const answer = await this.ctx.exports.Agent.fetch("http://agent/sandbox/sleep", {
          method: "POST", headers: { "content-type": "application/json" },
          body: JSON.stringify({ session: this.ctx.id.name }), signal: AbortSignal.timeout(TELL_MS),
        });
        await answer.body?.cancel();
        if (answer.ok) return false;
        if (answer.status === 409) return true;
      } catch {
        // As an error that it answered with.
      }
    }
    return false;
  }

  // #pass hands a call on to the daemon. done is called when the answer's body
  // has ended, or whoever reads it has gone away.
  async #pass(request, done) {
    const url = new URL(request.url);
    const answer = await this.ctx.container.getTcpPort(PORT).fetch(`http://sandbox${url.pathname}${url.search}`, {
      method: request.method, headers: without(request.headers), body: request.body, redirect: "manual", signal: request.signal,
    });
    const init = { status: answer.status, headers: without(answer.headers) };
    if (!answer.body) {
      done();
      return new Response(null, init);
    }
    const length = answer.headers.get("content-length");
    const { readable, writable } = length === null ? new IdentityTransformStream() : new FixedLengthStream(Number(length));
    this.ctx.waitUntil(answer.body.pipeTo(writable).catch(() => {}).finally(done));
    return new Response(readable, init);
  }
}

// Outbound answers in place of the network: there is no other way out of a
// container. What it adds to a request the container never sees.
export class Outbound extends WorkerEntrypoint {
  async fetch(request) {
    const { refused, callback, authorization } = judge(request.method, request.url, this.env, request.headers);
    if (refused) return Response.json({ error: refused }, { status: 403 });
    if (callback) return this.ctx.exports.default.fetch(new Request(callback, request));
    const headers = new Headers(request.headers);
    if (authorization) headers.set("authorization", authorization);
    // The container follows a redirect itself, and is judged for it again.
    return fetch(new Request(request, { headers, redirect: "manual" }));
  }
}

// sleepMs is after how long an idle container sleeps: SANDBOX_SLEEP_MINUTES.
function sleepMs(env) {
  const minutes = Number(env.SANDBOX_SLEEP_MINUTES || 5);
  return minutes > 0 ? Math.min(minutes * 60_000, LONGEST_MS) : 5 * 60_000;
}

// without is a message's headers without those of the Go half, and without what
// would have the daemon answer twice.
function without(headers) {
  const rest = new Headers(headers);
  for (const name of [KEY, SESSION, QUIET, ERROR, "expect"]) rest.delete(name);
  return rest;
}

function report(err) {
  console.error(JSON.stringify({ level: "ERROR", msg: "sandbox", error: err?.message }));
}

function failed(kind, error) {
  return Response.json({ error }, { status: 503, headers: { [ERROR]: kind } });
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
