// The Worker as it is deployed, with a bucket, settings and a queue in memory:
// what is left is what the functions themselves cost. Of the platform's
// bindings they do what the functions use.
import { functions, route } from "../../../build/worker/functions.mjs";
import { createWorker } from "../../../build/worker/worker.mjs";

const worker = createWorker(functions, route, { queue: "agent", scheduled: "schedule" });
const objects = new Map();
const settings = new Map();
let etags = 0;
let messages = 0;

const SETTINGS = {
  get: async (key) => settings.get(key) ?? null,
  put: async (key, value) => { settings.set(key, value); },
};
const BUCKET = {
  get: async (key) => {
    const o = objects.get(key);
    return o ? { etag: o.etag, arrayBuffer: async () => o.data } : null;
  },
  put: async (key, bytes, { onlyIf }) => {
    const o = objects.get(key);
    if (onlyIf.etagMatches ? o?.etag !== onlyIf.etagMatches : o) return null;
    const etag = String(++etags);
    objects.set(key, { etag, data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) });
    return { etag };
  },
  delete: async (key) => { objects.delete(key); },
  list: async ({ prefix = "", startAfter = "", limit }) => {
    const all = [...objects.keys()].filter((key) => key.startsWith(prefix) && key > startAfter).sort();
    return {
      objects: all.slice(0, limit).map((key) => ({ key, etag: objects.get(key).etag, size: objects.get(key).data.byteLength })),
      truncated: all.length > limit,
    };
  },
};

export default {
  async fetch(request, vars, ctx) {
    const env = { ...vars, BUCKET, SETTINGS };
    // A queue that delivers at once, within the request's own event.
    env.QUEUE = {
      send: async (body) => {
        const message = { id: String(++messages), attempts: 1, body: body.slice(), ack() {}, retry() { console.error("a delivery failed"); } };
        ctx.waitUntil(worker.queue({ messages: [message] }, env, ctx));
      },
    };
    return worker.fetch(request, env, ctx);
  },
};
