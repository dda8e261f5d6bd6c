// What a sandbox container may reach. This is the rule alone: sandbox.mjs puts
// every request that leaves a container to it, and build/run.mjs reads the same
// list for what it needs of the environment.

// CALLBACK is the host by which the daemon reaches the Worker that owns it.
export const CALLBACK = "instar.internal";
const CALLBACK_PATH = "/hooks/sandbox";

// A name with at least one dot, as DNS has it. What an address looks like is not
// a name: its last part is a number. So no address is ever reachable, private,
// link-local, of a metadata service or any other.
const NAME = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;
// Names that mean something else inside a network than outside of it: RFC 6761,
// 6762, 8375 and 9476, and the "internal" of metadata services.
const LOCAL = /(^|\.)(localhost|local|internal|intranet|home\.arpa|lan|corp|home|private|test|invalid|onion|alt)$/;
const SECRET = /^[A-Z][A-Z0-9_]*$/;

// parseHosts reads SANDBOX_HOSTS, "github.com, api.example.com=EXAMPLE_KEY".
// open maps a host to the name of the secret for it, or to "". "*" is every host on
// the internet, and has no secret. An entry that cannot be meant is in problems,
// and opens nothing.
export function parseHosts(text) {
  const open = new Map();
  const problems = [];
  for (const entry of (text ?? "").split(/[\s,]+/).filter(Boolean)) {
    const [host, secret = "", ...more] = entry.split("=");
    const name = host.toLowerCase();
    if (entry === "*") open.set("*", "");
    else if (!NAME.test(name)) problems.push(`${host} is no host name`);
    else if (LOCAL.test(name)) problems.push(`${host} is not on the internet`);
    else if (more.length || (entry.includes("=") && !SECRET.test(secret))) problems.push(`${host}= needs the name of a variable, as in ${name}=EXAMPLE_KEY`);
    else if (open.has(name)) problems.push(`${host} is there twice`);
    else open.set(name, secret);
  }
  return { open, problems };
}

// judge says what becomes of a request of a container, and never more than one of
//
//   {refused}               why not, with the host's name
//   {callback}              the URL at which the Worker itself answers
//   {authorization: ""}     it goes out as it is
//   {authorization: value}  it goes out with that header in place of its own
//
// A request that a page made gets no secret: the owner has given those to commands,
// each of which they may be asked about, and not to whoever wrote a page that the
// browser shows.
export function judge(method, address, env, headers = new Headers()) {
  const url = new URL(address);
  const host = url.hostname.replace(/\.$/, "");
  if (host === CALLBACK) {
    if (url.port || url.pathname !== CALLBACK_PATH) return { refused: `${host} answers nothing but ${CALLBACK_PATH}` };
    if (method !== "POST") return { refused: `${host} takes POST alone` };
    return { callback: `https://${CALLBACK}${CALLBACK_PATH}` };
  }
  if (!NAME.test(host) || LOCAL.test(host)) return { refused: `${host} is closed: what is not a name on the internet cannot be opened` };
  const { open, problems } = parseHosts(env.SANDBOX_HOSTS);
  const secret = open.get(host) ?? open.get("*");
  if (secret === undefined) {
    const hint = problems.length ? ` (SANDBOX_HOSTS: ${problems.join("; ")})` : "";
    return { refused: `${host} is closed: the owner has not opened it in SANDBOX_HOSTS${hint}` };
  }
  if (url.protocol !== "https:" || url.port) return { refused: `${host} is open for https on its usual port alone` };
  if (!secret || byPage(headers)) return { authorization: "" };
  const value = env[secret];
  if (typeof value !== "string" || !value) return { refused: `${host} is closed: ${secret}, which SANDBOX_HOSTS names for it, is not set` };
  // Git sends basic auth; GitHub takes a token as the password of this user.
  return { authorization: host === "github.com" ? `Basic ${btoa(`x-access-token:${value}`)}` : `Bearer ${value}` };
}

// byPage tells by what a browser adds and no script can take away (W3C Fetch Metadata;
// a WebSocket's opening has an Origin alone, RFC 6455).
const byPage = (headers) => headers.has("sec-fetch-site") || headers.has("origin");
