// Checks v1.json against the formats in the package comment of ../seal.go, with
// Node's own HKDF, SHA-256 and ChaCha20-Poly1305 and nothing of Instar's code:
//   node shared/seal/testdata/v1.mjs
import assert from "node:assert/strict";
import { createDecipheriv, createHash, hkdfSync } from "node:crypto";
import { readFileSync } from "node:fs";

const v = JSON.parse(readFileSync(new URL("v1.json", import.meta.url), "utf8"));
const hex = (text) => Buffer.from(text, "hex");
const kdf = (key, purpose) => Buffer.from(hkdfSync("sha256", key, "", `instar/seal/v1/${purpose}`, 32));
const id = (key) => kdf(key, "id").subarray(0, 8);

// HChaCha20, section 2.2 of draft-irtf-cfrg-xchacha-03.
function hchacha20(key, input) {
  const words = (bytes) => Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
  const s = [...words(Buffer.from("expand 32-byte k")), ...words(key), ...words(input)];
  const rotate = (x, n) => (x << n) | (x >>> (32 - n));
  const quarter = (a, b, c, d) => {
    for (const [x, y] of [[16, 12], [8, 7]]) {
      s[a] = (s[a] + s[b]) | 0; s[d] = rotate(s[d] ^ s[a], x);
      s[c] = (s[c] + s[d]) | 0; s[b] = rotate(s[b] ^ s[c], y);
    }
  };
  for (let i = 0; i < 10; i++) {
    for (let n = 0; n < 4; n++) quarter(n, 4 + n, 8 + n, 12 + n);
    for (let n = 0; n < 4; n++) quarter(n, 4 + ((n + 1) % 4), 8 + ((n + 2) % 4), 12 + ((n + 3) % 4));
  }
  const out = Buffer.alloc(32);
  [...s.slice(0, 4), ...s.slice(12)].forEach((word, i) => out.writeInt32LE(word | 0, 4 * i));
  return out;
}

function open(key, nonce, sealed, associated) {
  const decipher = createDecipheriv("chacha20-poly1305", hchacha20(key, nonce.subarray(0, 16)),
    Buffer.concat([Buffer.alloc(4), nonce.subarray(16)]), { authTagLength: 16 });
  decipher.setAAD(associated, { plaintextLength: sealed.length - 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
}

// The draft's own example, section 2.2.1.
assert.equal(hchacha20(hex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), hex("000000090000004a0000000031415927"))
  .toString("hex"), "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc");

for (const { from, purpose, key } of v.derived) assert.equal(kdf(hex(from), purpose).toString("hex"), key, purpose);

const sealKey = Buffer.from(v.seal_key, "base64");
assert.equal(id(sealKey).toString("hex"), v.seal_key_id);
const ring = JSON.parse(v.ring);
assert.equal(ring.v, 1);
const slot = ring.slots.find(({ key }) => key === v.seal_key_id);
const box = Buffer.from(slot.box, "base64");
assert.equal(box.subarray(0, 24).toString("hex"), v.ring_nonce);
const keys = open(kdf(sealKey, "wrap"), box.subarray(0, 24), box.subarray(24), Buffer.concat([Buffer.from("instar/seal/v1/ring"), id(sealKey)]));
assert.equal(keys.toString("hex"), v.root + v.data_keys.join(""));

for (const object of v.objects) {
  const sealed = hex(object.sealed);
  const key = hex(v.data_keys[object.data_key]);
  const header = sealed.subarray(0, 28);
  assert.equal(header.subarray(0, 4).toString("hex"), "ff534c01");
  assert.deepEqual(header.subarray(4, 12), id(key));
  assert.deepEqual(header.subarray(12, 20), createHash("sha256").update(object.key).digest().subarray(0, 8));
  assert.equal(header.readBigUInt64BE(20), BigInt(object.content.length / 2));
  const content = open(kdf(key, "object"), sealed.subarray(28, 52), sealed.subarray(52), Buffer.concat([header, Buffer.from(object.key)]));
  assert.equal(content.toString("hex"), object.content, object.key);
}
console.log(`v1.json: ${v.derived.length} derived keys, 1 ring and ${v.objects.length} objects are as the formats say`);
