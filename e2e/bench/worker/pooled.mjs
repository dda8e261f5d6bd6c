// The benchmark's handler behind Instar's own glue.
import module from "../../../build/dist/bench/pooled.wasm";
import { createWorker } from "../../../build/worker/worker.mjs";

export default createWorker({ pooled: { module, vars: [], bindings: [], instances: 8 } }, () => "pooled", {});
