// Runs a Go test binary inside one request, on the real bridge, and answers with
// what it printed and the code it exited with.
import module from "../../build/dist/test/conformance.wasm";
import { Instance } from "../../build/worker/instance.mjs";

export default {
  async fetch(request, env) {
    const args = new URL(request.url).searchParams.getAll("arg");
    const lines = [];
    const code = await new Promise((ended) => {
      new Instance("conformance", module, { env, args, print: (line) => lines.push(line), ended });
    });
    return Response.json({ code, output: lines.join("\n") });
  },
};
