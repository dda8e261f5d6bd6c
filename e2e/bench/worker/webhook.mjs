// The Worker as it is deployed, with a bucket and a queue that do nothing: what
// is left is what the webhook function itself costs.
import { functions, route } from "../../../build/worker/functions.mjs";
import { createWorker } from "../../../build/worker/worker.mjs";

const worker = createWorker(functions, route, { queue: "agent", scheduled: "schedule" });
const BUCKET = { put: async () => ({ etag: "0" }), get: async () => null };
const QUEUE = { send: async () => {} };

export default {
  fetch: (request, env, ctx) => worker.fetch(request, { ...env, BUCKET, QUEUE }, ctx),
};
