// Looks for what `make run` needs of Docker to run the sandbox: an engine that
// answers, our image, and the image that workerd starts beside every container to
// take what leaves it. Nothing is pulled or built here; `make sandbox` does that.
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

// findDocker returns Miniflare's options, {image, engine}, or why there is no
// sandbox, {off}: one line that says what would turn it on.
export async function findDocker(env) {
  if (/^(off|0|false|no)$/i.test(env.SANDBOX ?? "")) return { off: "SANDBOX is off" };
  const host = env.DOCKER_HOST;
  if (host && !host.startsWith("unix://")) return { off: `DOCKER_HOST is ${host}, and only unix:// works here` };
  const sockets = host ? [host.slice("unix://".length)] : ["/var/run/docker.sock", join(homedir(), ".docker/run/docker.sock")];
  let socket;
  for (const s of sockets) if (!socket && await ask(s, "/_ping") === 200) socket = s;
  if (!socket) return { off: `no Docker engine answers at ${sockets[0]}: start Docker (or name its socket in DOCKER_HOST), then run \`make sandbox\` once` };
  const image = env.SANDBOX_IMAGE || "instar-sandbox";
  if (!await has(socket, image)) return { off: `Docker has no image ${image}: run \`make sandbox\` once` };
  for (const egress of [env.MINIFLARE_CONTAINER_EGRESS_IMAGE, originalEgress(), "instar-egress"]) {
    if (egress && await has(socket, egress)) {
      return { image, engine: { localDocker: { socketPath: `unix://${socket}`, containerEgressInterceptorImage: egress } } };
    }
  }
  return { off: "Docker lacks the image that takes what leaves a container: run `make sandbox` once" };
}

// originalEgress is the image that this version of Miniflare was made for.
function originalEgress() {
  return /"(cloudflare\/proxy-everything:[^"]+)"/.exec(readFileSync(join(root, "node_modules/miniflare/dist/src/index.js"), "utf8"))?.[1];
}

async function has(socket, image) {
  return await ask(socket, `/images/${image}/json`) === 200;
}

// ask returns the status of a request to the engine, or 0 when there is none.
function ask(socketPath, path) {
  return new Promise((resolve) => {
    const r = request({ socketPath, path, timeout: 3000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    r.on("error", () => resolve(0)).on("timeout", () => r.destroy()).end();
  });
}
