// A Worker made of functions: it finds the function for an event, hands it
// only what it is listed for, and runs it in that function's pool.
import { Gone, Pool } from "./pool.mjs";
import { Crashed, formatHeaders } from "./instance.mjs";

// Bodies up to this many bytes with a declared length are read before the
// program starts, so that they cross in one copy; others are streamed.
const WHOLE_BODY = 64 * 1024;

// createWorker makes the handlers of a Worker. functions has the form of
// functions.mjs; route(pathname) names the function that answers a path or
// null for a static asset; triggers names those of the queue and of cron.
export function createWorker(functions, route, triggers) {
  const pools = {};

  function pool(name) {
    const f = functions[name];
    return (pools[name] ??= new Pool(name, f.module, f.instances));
  }

  // cut is the env of one function: the listed values and bindings and no more.
  function cut(name, env, ctx) {
    const f = functions[name];
    const own = { PRESENT: (f.present ?? []).filter((key) => env[key]).join(",") };
    for (const key of f.vars) if (typeof env[key] === "string") own[key] = env[key];
    for (const key of f.bindings) if (env[key]) own[key] = spread(key, env);
    for (const [key, callee] of Object.entries(f.calls ?? {})) {
      own[key] = { fetch: (request) => serve(callee, request, env, ctx) };
    }
    return own;
  }

  async function serve(name, request, env, ctx) {
    const event = { method: request.method, signal: request.signal };
    try {
      let form = "";
      if (request.body) {
        const length = Number(request.headers.get("content-length") ?? NaN);
        if (length <= WHOLE_BODY) event.body = new Uint8Array(await request.arrayBuffer());
        else {
          event.reader = request.body.getReader();
          form = "stream";
        }
      }
      event.head = `fetch\n${request.method}\n${request.url}\n${form}\n${formatHeaders(request.headers)}`;
      return await pool(name).run(event, cut(name, env, ctx), ctx);
    } catch (err) {
      return failed(err);
    }
  }

  return {
    call: serve, // a function's answer, by its name

    async fetch(request, env, ctx) {
      const name = route(pathname(request.url));
      if (name) return serve(name, request, env, ctx);
      if (env.ASSETS) return env.ASSETS.fetch(request);
      return Response.json({ error: "not found" }, { status: 404 });
    },

    // Each message is an event of its own: one failing does not repeat its neighbours.
    async queue(batch, env, ctx) {
      await Promise.all(batch.messages.map(async (message) => {
        const event = { head: `queue\n${message.id}\n${message.attempts}\n`, body: new Uint8Array(message.body) };
        try {
          const outcome = await pool(triggers.queue).run(event, cut(triggers.queue, env, ctx), ctx);
          if (outcome.error === "") message.ack();
          else message.retry(outcome.retrySeconds > 0 ? { delaySeconds: outcome.retrySeconds } : undefined);
        } catch (err) {
          failed(err);
          message.retry();
        }
      }));
    },

    async scheduled(controller, env, ctx) {
      const event = { head: `scheduled\n${controller.scheduledTime}\n` };
      const outcome = await pool(triggers.scheduled).run(event, cut(triggers.scheduled, env, ctx), ctx);
      if (outcome.error !== "") throw new Error("the schedule function reported a failure; its log says which");
    },
  };
}

// pathname is that of an absolute URL, without parsing all of it.
function pathname(url) {
  const start = url.indexOf("/", url.indexOf("//") + 2);
  const end = url.indexOf("?", start);
  return end < 0 ? url.slice(start) : url.slice(start, end);
}

// spread is the binding, or, where it has numbered companions (the local queues
// of build/run.mjs), another of them each time.
let next = 0;
function spread(name, env) {
  let companions = 0;
  while (env[`${name}_${companions + 1}`]) companions++;
  const i = companions ? next++ % (companions + 1) : 0;
  return i ? env[`${name}_${i}`] : env[name];
}

function failed(err) {
  const id = err?.id ?? crypto.randomUUID();
  if (!(err instanceof Crashed || err instanceof Gone)) {
    console.error(JSON.stringify({ level: "ERROR", msg: "function failed to start", id, error: err?.name }));
  }
  return Response.json({ error: "internal error", id }, { status: 500 });
}
