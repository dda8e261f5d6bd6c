// The Worker that wrangler deploys.
import { functions, route } from "./functions.mjs";
import { createWorker } from "./worker.mjs";

export default createWorker(functions, route, { queue: "agent", scheduled: "schedule" });
