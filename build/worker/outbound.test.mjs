// The rules of what a container may reach: node --test build/worker/*.test.mjs
import assert from "node:assert/strict";
import test from "node:test";
import { judge, parseHosts } from "./outbound.mjs";

const env = {
  SANDBOX_HOSTS: "github.com=GIT_TOKEN, api.example.com=EXAMPLE_KEY\n pypi.org,unset.example.com=NOT_SET",
  GIT_TOKEN: "ghp_secret", EXAMPLE_KEY: "sk-secret", SEAL_KEY: "never",
};
const get = (url, vars = env) => judge("GET", url, vars);

test("without SANDBOX_HOSTS everything is closed, and the answer names the host", () => {
  for (const vars of [{}, { SANDBOX_HOSTS: "" }, { SANDBOX_HOSTS: " , " }]) {
    assert.match(get("https://example.com/x", vars).refused, /^example\.com is closed/);
  }
});

test("an open host is open for https alone, on its port alone", () => {
  assert.deepEqual(get("https://pypi.org/simple/"), { authorization: "" });
  assert.deepEqual(get("https://PyPI.org./simple/"), { authorization: "" });
  assert.deepEqual(get("https://pypi.org:443/"), { authorization: "" });
  assert.match(get("http://pypi.org/").refused, /https/);
  assert.match(get("https://pypi.org:8443/").refused, /https/);
});

test("no other host is open on an open one's account", () => {
  for (const host of ["sub.pypi.org", "pypi.org.evil.com", "evilpypi.org", "pypi.com", "org", "pypi.org%2eevil.com", "pypi.org%00.evil.com"]) {
    let refused;
    try { ({ refused } = get(`https://${host}/`)); } catch { continue; } // no URL at all
    assert.match(refused, /is closed/, host);
  }
  assert.match(get("https://pypi.org@evil.com/").refused, /^evil\.com is closed/);
});

test("a star opens every host of the internet, and gives none a secret", () => {
  const vars = { SANDBOX_HOSTS: "* api.example.com=EXAMPLE_KEY", EXAMPLE_KEY: "sk-secret" };
  assert.deepEqual(get("https://anything.com/", vars), { authorization: "" });
  assert.deepEqual(get("https://api.example.com/", vars), { authorization: "Bearer sk-secret" });
  for (const url of ["http://anything.com/", "https://169.254.169.254/", "https://router.lan/", "https://metadata.google.internal/", "https://localhost/"]) {
    assert.ok(get(url, vars).refused, url);
  }
});

test("a secret goes as a bearer token, and to GitHub as git's basic auth", () => {
  assert.deepEqual(get("https://api.example.com/v1"), { authorization: "Bearer sk-secret" });
  assert.deepEqual(get("https://github.com/o/r.git/info/refs"), { authorization: "Basic " + btoa("x-access-token:ghp_secret") });
});

test("what a page in a browser sends is given no secret", () => {
  const by = (headers) => judge("POST", "https://api.example.com/v1", env, new Headers(headers));
  for (const headers of [{ "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "none" }, { "Sec-Fetch-Site": "same-origin" }, { origin: "https://evil.com" }, { origin: "null" }]) {
    assert.deepEqual(by(headers), { authorization: "" }, JSON.stringify(headers));
  }
  // Node's fetch has this one, and no page made it.
  assert.deepEqual(by({ "sec-fetch-mode": "cors", "user-agent": "node" }), { authorization: "Bearer sk-secret" });
});

test("a host whose secret is not set is closed, and no answer holds a secret", () => {
  assert.match(get("https://unset.example.com/").refused, /NOT_SET/);
  for (const url of ["https://unset.example.com/", "http://api.example.com/", "http://github.com/", "https://x.com/"]) {
    assert.doesNotMatch(get(url).refused, /secret|never/, url);
  }
});

test("the callback is open for one path and one method", () => {
  const at = (url, method = "POST") => judge(method, url, {});
  for (const url of ["http://instar.internal/hooks/sandbox", "https://instar.internal./hooks/sandbox", "http://instar.internal/hooks/sandbox?a=b"]) {
    assert.deepEqual(at(url), { callback: "https://instar.internal/hooks/sandbox" }, url);
  }
  assert.ok(at("http://instar.internal/hooks/sandbox", "GET").refused);
  for (const path of ["/", "/hooks/telegram", "/api/chat", "/hooks/sandbox/", "/hooks/sandbox/../telegram", "/hooks%2fsandbox"]) {
    assert.ok(at("http://instar.internal" + path).refused, path);
  }
  assert.ok(at("http://instar.internal:8080/hooks/sandbox").refused);
});

test("no address is reachable, however it is written and although it is listed", () => {
  const addresses = ["127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.100.100.200", "8.8.8.8", "0.0.0.0",
    "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "[::1]", "[fe80::1]", "[fd00:ec2::254]", "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]"];
  const vars = { SANDBOX_HOSTS: addresses.join(",") + ",127.0.0.1.,::1" };
  assert.equal(parseHosts(vars.SANDBOX_HOSTS).open.size, 0);
  for (const a of addresses) for (const scheme of ["http", "https"]) {
    assert.ok(get(`${scheme}://${a}/latest/meta-data/`, vars).refused, `${scheme} ${a}`);
  }
});

test("names of inner networks are not reachable although they are listed", () => {
  const names = ["localhost", "a.localhost", "metadata.google.internal", "instar.internal", "printer.local", "router.lan", "db", "x.home.arpa", "host.docker.internal"];
  const { open, problems } = parseHosts(names.join(","));
  assert.equal(open.size, 0);
  assert.equal(problems.length, names.length);
  for (const name of names) assert.ok(get(`https://${name}/`, { SANDBOX_HOSTS: names.join(",") }).refused, name);
});

test("an entry that cannot be meant opens nothing and is told", () => {
  const entries = ["*.example.com", "https://example.com", "example.com/path", "example.com:443", "user@example.com", "example.com=", "example.com=key-1", "example.com=A=B",
    "-a.example.com", "a..example.com", ".example.com", "exa_mple.com", "=KEY", "x".repeat(64) + ".com"];
  for (const entry of entries) {
    const { open, problems } = parseHosts(entry);
    assert.equal(open.size, 0, entry);
    assert.equal(problems.length, 1, entry);
  }
  assert.match(get("https://a.example.com/", { SANDBOX_HOSTS: "*.example.com" }).refused, /\*\.example\.com is no host name/);
  assert.equal(parseHosts("a.com,A.com=KEY").problems.length, 1); // which of them is meant nobody can say
});
