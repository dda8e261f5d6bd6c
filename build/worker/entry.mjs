// The Worker that wrangler deploys.
import { WorkerEntrypoint } from "cloudflare:workers";
import { functions, route } from "./functions.mjs";
import { createWorker } from "./worker.mjs";

const { call, ...worker } = createWorker(functions, route, { queue: "agent", scheduled: "schedule" });

export default worker;
export { Outbound, Sandbox } from "./sandbox.mjs";

// Agent is the agent function for this Worker's own objects. It has no address.
export class Agent extends WorkerEntrypoint {
  fetch(request) {
    return call("agent", request, this.env, this.ctx);
  }
}
