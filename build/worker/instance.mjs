// One running Go program and the bridge between it and the platform.
//
// The program sees its own global object instead of the isolate's, so it can
// reach only what stands in scope(): no process.env, no caches, no other
// instance. The Go half of the bridge is shared/workers; the two change
// together. Everything crosses as few times as possible: an event goes in, and a
// short answer comes out, as one block of bytes each, headers as lines of
// "name:value\n", streams a chunk at a time.
import loadGo from "../dist/go.mjs";

// How long a finished event may keep its instance while goroutines, timers or
// promises of it are still ending, before the instance is thrown away.
const QUIET_MS = 2000;
const MAX_EVENTS = 2000;
const MAX_BYTES = 40 * 1024 * 1024; // linear memory never shrinks

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Crashed extends Error {}

export class Instance {
  #go; #exports; #events = new Map(); #nextEvent = 1; #pending = 0; #served = 0; #aborts = new Map(); #idle = false;
  dead = false;
  alive = null; // called when the event begins to wait for something

  // program is for one that ends instead of serving, as the conformance suites
  // do: {args, env, print(line), ended(code)}.
  constructor(name, module, program = {}) {
    this.name = name;
    this.bridge = this.#bridge();
    this.context = { env: program.env ?? {}, ctx: {}, binding: {} }; // the object syumai/workers reads
    const scope = this.#scope(program.print ?? console.log);
    const Go = loadGo(scope);
    this.#go = new Go();
    this.#go.argv = [name, ...(program.args ?? [])];
    this.#go.exit = (code) => { this.crash(); program.ended?.(code); };
    const wasm = new WebAssembly.Instance(module, { ...this.#go.importObject, instar: this.#imports() });
    this.#exports = wasm.exports;
    this.#go.run(wasm).catch(() => this.crash()); // runs main until it waits for the first event
    if (!this.bridge.handle && !program.ended) throw new Crashed(`${name}: the program ended before it served`);
  }

  // dispatch starts one event. It returns two promises: response settles when
  // the program answers, ended when nothing of the event is left (or the
  // instance is dead).
  dispatch(event, env, ctx) {
    const id = this.#nextEvent++;
    this.#served++;
    this.context.env = env;
    this.context.ctx = ctx;
    const run = { id, ...event, env, head: encoder.encode(event.head) };
    const response = new Promise((resolve, reject) => { run.resolve = resolve; run.reject = reject; });
    const ended = new Promise((resolve) => { run.end = resolve; });
    this.#events.set(id, run);
    const cancel = () => this.#enter(() => this.bridge.cancel(id));
    event.signal?.addEventListener("abort", cancel, { once: true });
    this.#enter(() => this.bridge.handle(id, run.head.length, event.body?.length ?? 0));
    if (event.signal?.aborted) cancel(); // while the event waited for its instance
    return { response, ended: ended.finally(() => event.signal?.removeEventListener("abort", cancel)) };
  }

  // reusable waits until nothing of the last event is left and reports whether
  // the instance may serve another.
  async reusable() {
    if (this.#served >= MAX_EVENTS) return false;
    for (let waited = 0, step = 2; !this.dead; waited += step, step = Math.min(2 * step, 50)) {
      if (this.#quiet()) break;
      if (waited > QUIET_MS) return false;
      // Each time, since a timer may have been stopped only after the last.
      if (this.#pending === 0) this.#enter(() => this.bridge.settleTimers());
      await new Promise((resolve) => setTimeout(resolve, step));
    }
    this.context.env = this.context.ctx = {};
    return !this.dead && this.#exports.mem.buffer.byteLength <= MAX_BYTES;
  }

  close() {
    this.dead = true;
    for (const timer of this.#go._scheduledTimeouts.values()) clearTimeout(timer);
  }

  #quiet() {
    return this.#pending === 0 && this.#go._scheduledTimeouts.size === 0 && (this.#idle || this.bridge.idle());
  }

  #enter(call) {
    if (this.dead) return;
    try { call(); } catch { this.crash(); }
  }

  // crash ends every event of a program that exited, trapped or is given up.
  crash() {
    this.close();
    for (const run of this.#events.values()) {
      this.#unanswered(run);
      run.end();
    }
    this.#events.clear();
  }

  // #unanswered fails an event without an answer, or breaks off the answer that
  // has begun: it must not look whole.
  #unanswered(run) {
    const id = crypto.randomUUID();
    console.error(JSON.stringify({ level: "ERROR", msg: "function crashed", function: this.name, id }));
    run.reject(Object.assign(new Crashed("the function crashed"), { id }));
    Promise.resolve().then(() => run.writer?.abort("the function crashed")).catch(() => {});
  }

  // settle hands a promise's outcome to the goroutine waiting for it. A
  // promise that outlives its event is still counted, so that its callback can
  // never run Go code inside another request. drop gets a value for which no
  // goroutine waits any more.
  #settle(promise, id, drop) {
    this.#pending++;
    this.alive?.();
    promise.then(
      (value) => {
        this.#pending--;
        let taken = false;
        this.#enter(() => { taken = this.bridge.settled(id, true, value); });
        if (!taken) drop?.(value);
      },
      (err) => { this.#pending--; this.#enter(() => this.bridge.settled(id, false, String(err?.message ?? err))); },
    );
  }

  // #answer settles a call out with [status, headers, reader or null].
  #answer(id, response) {
    this.#settle(response
      .then((r) => [r.status, formatHeaders(r.headers), r.body ? r.body.getReader() : null])
      .finally(() => this.#aborts.delete(id)), id,
      ([, , reader]) => { reader?.cancel().catch(() => {}); });
  }

  // #imports are what the program calls with numbers alone (shared/workers/run.go).
  #imports() {
    return {
      // take copies an event's head and body into the program's memory.
      take: (id, into) => {
        const run = this.#events.get(id);
        const memory = new Uint8Array(this.#exports.mem.buffer);
        memory.set(run.head, into);
        if (run.body) memory.set(run.body, into + run.head.length);
      },
      // respond is an answer at once.
      respond: (id, status, head, headLength, body, bodyLength) => {
        const run = this.#events.get(id);
        const memory = this.#exports.mem.buffer;
        const headers = parseHeaders(decoder.decode(new Uint8Array(memory, head, headLength)));
        const bodyless = status === 204 || status === 205 || status === 304 || run.method === "HEAD" || bodyLength === 0;
        run.resolve(new Response(bodyless ? null : memory.slice(body, body + bodyLength), { status, headers }));
        run.answered = true;
      },
      // Everything of the event has returned. Flags: 1, the program panicked; 2, no
      // goroutine of the event is left.
      ended: (id, flags) => {
        const run = this.#events.get(id);
        this.#events.delete(id);
        run.reader?.cancel().catch(() => {}); // a body nobody read to its end
        if (!run.answered) this.#unanswered(run);
        if (flags & 1 || !run.answered) this.dead = true;
        this.#idle = (flags & 2) !== 0;
        run.end();
      },
    };
  }

  #bridge() {
    return {
      run: (id) => this.#events.get(id),
      // A method of a platform object.
      method: (id, target, name, ...args) => this.#settle(target[name](...args), id),
      abort: (id) => { this.#aborts.get(id)?.abort(); },

      // HTTP calls out, to the network and to another function.
      fetch: (id, method, url, headers, body) => {
        const abort = new AbortController();
        this.#aborts.set(id, abort);
        this.#answer(id, fetch(url, { method, headers: parseHeaders(headers), body, redirect: "manual", signal: abort.signal }));
      },
      call: (id, target, method, url, headers, body) => {
        const abort = new AbortController();
        this.#aborts.set(id, abort);
        const request = new Request(url, { method, headers: parseHeaders(headers), body, signal: abort.signal });
        this.#answer(id, target.fetch(request));
      },
      sandbox: (id, namespace, session, ...rest) => this.bridge.call(id, namespace.getByName(session), ...rest),
      // The two ends of a request's body that the program writes, of a known length
      // or of -1; drop breaks it off.
      pipe: (length) => {
        const { readable, writable } = length >= 0 ? new FixedLengthStream(length) : new IdentityTransformStream();
        return [readable, writable.getWriter()];
      },
      drop: (writer) => { writer.abort("broken off").catch(() => {}); },
      read: (id, reader) => this.#settle(reader.read().then((r) => (r.done ? null : r.value)), id),

      r2get: (id, bucket, key) => this.#settle(bucket.get(key)
        .then(async (o) => (o ? [o.etag, new Uint8Array(await o.arrayBuffer())] : null)), id),
      r2put: (id, bucket, key, etag, body) => this.#settle(bucket.put(key, body,
        { onlyIf: etag ? { etagMatches: etag } : { etagDoesNotMatch: "*" } })
        .then((o) => (o ? o.etag : null)), id),
      r2list: (id, bucket, prefix, startAfter, limit) => this.#settle(bucket.list(
        { prefix: prefix || undefined, startAfter: startAfter || undefined, limit })
        .then((page) => [page.truncated, page.objects.map((o) => `${o.etag} ${o.size} ${o.key}`).join("\n")]), id),

      // The head of an answer now, its body through the writer.
      stream: (id, status, headers) => {
        const run = this.#events.get(id);
        const { readable, writable } = new TransformStream();
        run.resolve(new Response(readable, { status, headers: parseHeaders(headers) }));
        run.writer = writable.getWriter();
        run.writer.closed.catch(() => this.#enter(() => this.bridge.cancel(run.id)));
        run.answered = true;
        return run.writer;
      },
      // The outcome of an event that is not a request: "" is success.
      outcome: (id, error, retrySeconds) => {
        const run = this.#events.get(id);
        run.resolve({ error, retrySeconds });
        run.answered = true;
      },
    };
  }

  #scope(print) {
    const scope = {
      Object, Array, Uint8Array, Uint8ClampedArray, Promise, Error, Date, Request, Response, Headers,
      ReadableStream, FixedLengthStream: globalThis.FixedLengthStream, AbortController,
      TextEncoder, TextDecoder, performance, crypto, clearTimeout,
      setTimeout: (call, ms) => {
        this.alive?.();
        return setTimeout(() => this.#enter(call), ms);
      },
      instar: this.bridge, context: this.context,
    };
    // What the Go runtime writes to stderr, line by line. A panic's value may
    // hold a person's words, so only the runtime's own errors are printed.
    let rest = "";
    const lineDecoder = new TextDecoder();
    scope.fs = {
      constants: { O_WRONLY: -1, O_RDWR: -1, O_CREAT: -1, O_TRUNC: -1, O_APPEND: -1, O_EXCL: -1, O_DIRECTORY: -1 },
      writeSync: (_fd, bytes) => {
        const lines = (rest + lineDecoder.decode(bytes, { stream: true })).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (line.startsWith("panic: ") && !line.startsWith("panic: runtime error")) console.error("panic: (value withheld)");
          else if (line) print(line);
        }
        return bytes.length;
      },
      write(fd, bytes, offset, length, _position, callback) {
        callback(null, this.writeSync(fd, bytes.subarray(offset, offset + length)));
      },
      fsync: (_fd, callback) => callback(null),
    };
    // There are no files: every other call fails as on a system without them.
    for (const name of ["chmod", "chown", "close", "fchmod", "fchown", "fstat", "ftruncate", "lchown", "link", "lstat", "mkdir",
      "open", "read", "readdir", "readlink", "rename", "rmdir", "stat", "symlink", "truncate", "unlink", "utimes"]) {
      scope.fs[name] = (...args) => args.at(-1)(Object.assign(new Error("not implemented"), { code: "ENOSYS" }));
    }
    return scope;
  }
}

function parseHeaders(block) {
  const headers = new Headers();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1));
  }
  return headers;
}

export function formatHeaders(headers) {
  let block = "";
  for (const [name, value] of headers) if (name !== "set-cookie") block += `${name}:${value}\n`;
  for (const cookie of headers.getSetCookie?.() ?? []) block += `set-cookie:${cookie}\n`;
  return block;
}
