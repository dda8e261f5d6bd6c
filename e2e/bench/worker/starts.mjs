// Starts ?n instances of the function the path names, through the real glue,
// and drops them. It is timed from outside: in a Worker the clock stands still.
import { functions } from "../../../build/worker/functions.mjs";
import { Instance } from "../../../build/worker/instance.mjs";

export default {
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const name = pathname.slice(1);
    const n = Number(searchParams.get("n"));
    for (let i = 0; i < n; i++) new Instance(name, functions[name].module).close();
    return new Response(String(n));
  },
};
