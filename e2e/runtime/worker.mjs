// The Worker of the runtime's tests: the probe in the real glue, once with a
// few instances and once with a single one.
import probe from "../../build/dist/test/probe.wasm";
import { createWorker } from "../../build/worker/worker.mjs";

const listed = { module: probe, vars: ["GIVEN"], present: ["SECRET"], bindings: ["BUCKET", "QUEUE", "BATCH"] };

const functions = {
  probe: { ...listed, calls: { SINGLE: "single" }, instances: 6 },
  single: { ...listed, instances: 1 },
  mortal: { ...listed, instances: 1 },
  mortal2: { ...listed, instances: 1 },
};

const route = (pathname) => Object.keys(functions).find((name) => pathname.startsWith(`/${name}/`)) ?? null;

const worker = createWorker(functions, route, { queue: "probe", scheduled: "probe" });

export default {
  ...worker,
  // Without waitUntil the runtime ends an event when its client goes away, as it
  // ends any event that passes a limit.
  fetch(request, env, ctx) {
    const mortal = new URL(request.url).pathname.startsWith("/mortal");
    return worker.fetch(request, env, mortal ? { waitUntil() {} } : ctx);
  },
};
