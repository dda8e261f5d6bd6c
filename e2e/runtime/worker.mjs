// The Worker of the runtime's tests: the probe in the real glue.
import probe from "../../build/dist/test/probe.wasm";
import { createWorker } from "../../build/worker/worker.mjs";

const functions = {
  probe: {
    module: probe,
    vars: ["GIVEN"],
    present: ["SECRET"],
    bindings: ["BUCKET", "QUEUE"],
    instances: 6,
  },
};

export default createWorker(functions, () => "probe", { queue: "probe", scheduled: "probe" });
