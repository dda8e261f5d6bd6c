// Runs a Worker that stores and queues what it is sent and does nothing else,
// on the local stand-ins for R2 and Queues: what an acknowledgement takes on
// this machine before any Go code runs. Usage: node floor.mjs PORT STATE
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

const script = `
export default {
  async fetch(request, env) {
    const body = new Uint8Array(await request.arrayBuffer());
    await env.BUCKET.put("inbox/" + crypto.randomUUID(), body, { onlyIf: { etagDoesNotMatch: "*" } });
    await env.QUEUE.send(body);
    return new Response();
  },
  async queue() {},
};`;

const runtime = new Miniflare(convertV4MiniflareOptions({
  host: "127.0.0.1", port: Number(process.argv[2]), cf: false, log: new Log(LogLevel.WARN), resourcePersistencePath: process.argv[3],
  workers: [{
    name: "floor", modules: true, script, compatibilityDate: "2026-11-01", r2Buckets: { BUCKET: "floor" },
    queueProducers: { QUEUE: "floor" }, queueConsumers: { floor: { maxBatchSize: 1, maxBatchTimeout: 0 } },
  }],
}));
process.once("SIGTERM", async () => { await runtime.dispose(); process.exit(0); });
await runtime.ready;
console.log("serving");
