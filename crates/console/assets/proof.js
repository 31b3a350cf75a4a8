// Checks proofs and evidence bundles with the browser's own cryptography (docs/internals/format.md has the formats). It asks the
// network for nothing, and puts what it reads into pages as text only: the same file works inside a page of the console and in a
// page that was opened from a disk.

/** @param {string} kind @param {string} [text] @param {string} [name] class @returns {HTMLElement} */
function element(kind, text = "", name = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}

/** @param {string} text base64 @returns {Uint8Array} */
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
/** @param {Uint8Array} data @returns {string} */
function base64(data) {
  let text = "";
  for (const byte of data) text += String.fromCharCode(byte);
  return btoa(text);
}
/** @param {Uint8Array} data @returns {string} */
const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {...Uint8Array} parts */
function joined(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
/** @param {...Uint8Array} parts */
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
/** @param {Uint8Array} one @param {Uint8Array} other */
const same = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);
const utf8 = (text) => new TextEncoder().encode(text);
/** Refuses bytes that are not UTF-8. @param {Uint8Array} data */
const textOf = (data) => new TextDecoder("utf-8", { fatal: true }).decode(data);
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const LEAF_BYTES = 80;

/**
 * The root that a leaf and its path lead to (RFC 9162, 2.1.3.2); null when the path does not fit index and size.
 * @param {bigint} index @param {bigint} size @param {Uint8Array} leaf @param {Uint8Array[]} path
 */
async function rootOf(index, size, leaf, path) {
  if (index >= size) return null;
  let [node, last, hash] = [index, size - 1n, await sha256(LEAF, leaf)];
  for (const sibling of path) {
    if (last === 0n) return null;
    if (node & 1n || node === last) {
      hash = await sha256(NODE, sibling, hash);
      while (node !== 0n && !(node & 1n)) [node, last] = [node >> 1n, last >> 1n];
    } else {
      hash = await sha256(NODE, hash, sibling);
    }
    [node, last] = [node >> 1n, last >> 1n];
  }
  return last === 0n ? hash : null;
}

/**
 * The root that many leaves and the hashes beside them lead to: split as RFC 6962 splits, left before right; a part without a
 * leaf takes the next hash. Null when there are too many or too few.
 * @param {number} size @param {{index: number, hash: Uint8Array}[]} leaves ascending @param {Uint8Array[]} hashes
 */
async function batchRoot(size, leaves, hashes) {
  let next = 0;
  const fold = async (start, end, from, to) => {
    if (from === to) {
      if (next === hashes.length) throw new Error("there are too few hashes");
      return hashes[next++];
    }
    if (end - start === 1) return leaves[from].hash;
    let half = 1;
    while (half * 2 < end - start) half *= 2;
    let middle = from;
    while (middle < to && leaves[middle].index < start + half) middle += 1;
    const left = await fold(start, start + half, from, middle);
    return sha256(NODE, left, await fold(start + half, end, middle, to));
  };
  const root = await fold(0, size, 0, leaves.length);
  return next === hashes.length ? root : null;
}

/**
 * Whether a note carries a valid signature of a key (C2SP signed-note, Ed25519); null when the browser cannot tell.
 * @param {string} note @param {string} vkey
 */
async function signedBy(note, vkey) {
  const end = note.lastIndexOf("\n\n") + 1;
  const [name, id, ...rest] = vkey.split("+");
  const key = bytes(rest.join("+"));
  if (key[0] !== 1) return null;
  const known = await sha256(utf8(`${name}\n`), key);
  if (hex(known.slice(0, 4)) !== id) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.slice(1), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  const text = utf8(note.slice(0, end));
  for (const line of note.slice(end + 1).split("\n")) {
    const [dash, who, payload] = line.split(" ");
    if (dash !== "—" || who !== name || !payload) continue;
    const signature = bytes(payload);
    if (hex(signature.slice(0, 4)) === id && (await crypto.subtle.verify("Ed25519", imported, signature.slice(4), text))) return true;
  }
  return false;
}

/** The same for several keys: one is enough. @param {string} note @param {string[]} vkeys */
async function signedByOne(note, vkeys) {
  let result = false;
  for (const vkey of vkeys) {
    const signed = await signedBy(note, vkey);
    if (signed) return true;
    if (signed === null) result = null;
  }
  return result;
}

/**
 * The items that a disclosure holds, and the hash that a leaf made from them has (docs/internals/format.md).
 * @param {Uint8Array} data
 */
async function bodyOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = view.getUint16(0);
  const [parts, items] = [[], []];
  let at = 2;
  for (let item = 0; item < count; item += 1) {
    const length = view.getUint16(at);
    const framed = data.slice(at, at + 2 + length);
    at += 2 + length;
    const state = view.getUint8(at);
    let commitment = data.slice(at + 1, at + 33);
    at += 33;
    let value = null;
    if (state === 3) {
      value = data.slice(at + 4, at + 4 + view.getUint32(at));
      at += 4 + value.length;
      commitment = await sha256(utf8("evc1\0"), commitment, framed, value);
    } else if (state !== 2) throw new Error("an item is neither a commitment nor disclosed");
    parts.push(framed, commitment);
    items.push([textOf(framed.slice(2)), value]);
  }
  if (at !== data.length) throw new Error("bytes are left over");
  const hash = await sha256(utf8("evb1\0"), data.slice(0, 2), ...parts);
  return { hash, items };
}

/** A value in its canonical encoding, as the JSON of the API has it. @param {Uint8Array} data */
function valueOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let at = 0;
  const text = (length) => textOf(data.slice(at, (at += length)));
  const size = () => view.getUint32((at += 4) - 4);
  const short = () => view.getUint16((at += 2) - 2);
  const read = () => {
    const tag = data[at++];
    switch (tag) {
      case 0: return null;
      case 1: return false;
      case 2: return true;
      case 3: {
        const number = view.getBigInt64((at += 8) - 8);
        return number >= -(2n ** 53n) && number <= 2n ** 53n ? Number(number) : String(number);
      }
      case 4: {
        const digits = text(short());
        return digits.includes(".") ? Number(digits) : digits;
      }
      case 5: return text(size());
      case 6: {
        const length = size();
        return base64(data.slice(at, (at += length)));
      }
      case 7: {
        const seconds = view.getBigInt64((at += 8) - 8);
        const nanos = size();
        const offset = view.getInt16((at += 2) - 2);
        return timeText(Number(seconds), nanos, offset);
      }
      case 8: return Array.from({ length: size() }, read);
      case 9: {
        const pairs = [];
        for (let count = size(); count > 0; count -= 1) {
          const key = text(short());
          pairs.push([key, read()]);
        }
        return Object.fromEntries(pairs);
      }
      default: throw new Error(`a value has the unknown tag ${tag}`);
    }
  };
  const value = read();
  if (at !== data.length) throw new Error("bytes are left over behind a value");
  return value;
}

/** RFC 3339 with nine digits. @param {number} seconds @param {number} nanos @param {number} offset minutes, 0x7fff for none */
function timeText(seconds, nanos, offset) {
  const shift = offset === 0x7fff ? 0 : offset;
  const local = new Date((seconds + shift * 60) * 1000).toISOString().slice(0, 19);
  const two = (number) => String(number).padStart(2, "0");
  const minutes = Math.abs(shift);
  const zone = shift === 0 ? "Z" : `${shift < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
  return `${local}.${String(nanos).padStart(9, "0")}${zone}`;
}

/** Puts a value at a path such as `actor.id`: one level of nesting, as in the JSON of the API. */
function put(event, path, value) {
  if (path.startsWith("params.")) {
    event.params = { ...event.params, [path.slice(7)]: value };
    return;
  }
  const dot = path.indexOf(".");
  if (dot < 0) event[path] = value;
  else event[path.slice(0, dot)] = { ...event[path.slice(0, dot)], [path.slice(dot + 1)]: value };
}

/** What an event's proof says that it is, as the JSON of the API. @param {Uint8Array} leaf @param {[string, Uint8Array|null][]} items */
function eventOf(leaf, items) {
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.byteLength);
  const event = {};
  const subjects = [];
  const closed = [];
  for (const [path, value] of items) {
    if (value === null) closed.push(path);
    else if (path === "*") for (const [name, one] of Object.entries(valueOf(value))) put(event, name, one);
    else if (path.startsWith("subjects.")) subjects[Number(path.slice(9))] = valueOf(value);
    else put(event, path, valueOf(value));
  }
  const present = subjects.filter((subject) => subject !== undefined);
  if (present.length) event.subjects = present;
  const sequence = view.getBigUint64(40);
  if (sequence !== 0n) put(event, "producer.seq", String(sequence));
  const id = hex(leaf.slice(16, 32));
  event.id = [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join("-");
  const received = view.getBigUint64(8);
  event.received_at = timeText(Number(received / 1_000_000_000n), Number(received % 1_000_000_000n), 0);
  event.leaf = base64(leaf);
  return { event, closed };
}

/** Whether two values of JSON are the same, whatever the order of members. */
function equal(one, other) {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || !one || !other || Array.isArray(one) !== Array.isArray(other)) return false;
  const [names, others] = [Object.keys(one), Object.keys(other)];
  return names.length === others.length && names.every((name) => Object.hasOwn(other, name) && equal(one[name], other[name]));
}

/** Words of the catalog in a line of events: the manifest vouches for them, not the event. */
const WORDS = ["title", "sentence"];

/** What of a line differs from its proof; nothing if nothing does. */
function difference(line, proven, closed) {
  for (const name of Object.keys(line)) {
    if (WORDS.includes(name) || name === "erased") continue;
    if (!Object.hasOwn(proven, name)) return `${name} is not in the proven event`;
    if (!equal(line[name], proven[name])) return `${name} differs from the proven event`;
  }
  const missing = Object.keys(proven).find((name) => !Object.hasOwn(line, name));
  if (missing) return `${missing} is missing`;
  const erased = line.erased ?? [];
  const kept = closed.filter((path) => path !== "raw" || erased.includes("raw"));
  if (!equal([...erased].sort(), kept.sort())) return "what it says to be erased differs from what the proof keeps back";
  return "";
}

/** Bytes that `deflate` made. @param {Uint8Array} data */
async function inflated(data) {
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The parts of a zip file, by name. @param {Uint8Array} zip @returns {Promise<Map<string, Uint8Array>>} */
async function unzip(zip) {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength);
  let end = zip.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end -= 1;
  if (end < 0) throw new Error("this is no zip file, or its end is missing");
  const parts = new Map();
  let at = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count -= 1) {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Error("the zip file is damaged");
    const [method, packed, size] = [view.getUint16(at + 10, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    const header = view.getUint32(at + 42, true);
    const path = textOf(zip.slice(at + 46, at + 46 + name));
    at += 46 + name + extra + comment;
    if (path.endsWith("/")) continue;
    const begin = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    const data = zip.slice(begin, begin + packed);
    if (method !== 0 && method !== 8) throw new Error(`${path} is packed in a way that this page does not know`);
    const unpacked = method === 8 ? await inflated(data) : data;
    if (unpacked.length !== size) throw new Error(`${path} is damaged`);
    if (parts.has(path)) throw new Error(`there are two parts of the name ${path}`);
    parts.set(path, unpacked);
  }
  return parts;
}

/** `proofs.bin` taken apart. @param {Uint8Array} data */
function proofsOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (textOf(data.slice(0, 4)) !== "ixb1") throw new Error("proofs.bin does not begin with ixb1");
  const proofs = { size: Number(view.getBigUint64(4)), events: [], hashes: [] };
  let at = 16;
  for (let count = view.getUint32(12); count > 0; count -= 1) {
    const index = Number(view.getBigUint64(at));
    const leaf = data.slice(at + 8, (at += 8 + LEAF_BYTES));
    const length = view.getUint32(at);
    proofs.events.push({ index, leaf, disclosure: data.slice(at + 4, (at += 4 + length)) });
  }
  const count = view.getUint32(at);
  at += 4;
  if (data.length !== at + 32 * count) throw new Error("proofs.bin does not end with as many hashes as it says");
  for (; at < data.length; at += 32) proofs.hashes.push(data.slice(at, at + 32));
  return proofs;
}

/** A .tlog-proof taken apart. @param {string} text */
function proofFileOf(text) {
  const cut = text.indexOf("\n\n");
  const [header, extra, index, ...path] = text.slice(0, cut).split("\n");
  if (header !== "c2sp.org/tlog-proof@v1" || !extra?.startsWith("extra ") || !index?.startsWith("index ")) throw new Error("this is no proof of ours");
  const data = bytes(extra.slice(6));
  if (textOf(data.slice(0, 4)) !== "ixd1") throw new Error("its extra is of another program");
  const note = text.slice(cut + 2);
  const [origin, size, root] = note.split("\n");
  return { index: BigInt(index.slice(6)), leaf: data.slice(4, 84), disclosure: data.slice(84), path: path.map(bytes), note, origin, size: BigInt(size), root };
}

/** Says of a signature what it is worth. */
function saySigned(say, signed, origin, trusted) {
  if (signed === null) say("skip", "this browser does not know Ed25519: the signature was not checked");
  else if (!signed) say("no", trusted ? "the checkpoint is not signed by the key that you gave" : "the checkpoint is not signed by the log's key");
  else say("ok", trusted ? `signed by ${origin}, with the key that you gave` : `signed by ${origin}, with the key that came along: compare it with the one that you got elsewhere`);
  return signed !== false;
}

/** Checks one proof: its items made its leaf, its leaf is in the tree that the checkpoint signs. */
async function checkProof(proof, keys, trusted, say) {
  say(proof.leaf.length === LEAF_BYTES ? "ok" : "no", `leaf: ${proof.leaf.length} bytes, hash ${base64(await sha256(LEAF, proof.leaf))}`);
  const body = await bodyOf(proof.disclosure);
  const made = proof.leaf.length === LEAF_BYTES && same(body.hash, proof.leaf.slice(48));
  say(made ? "ok" : "no", made ? `${body.items.length} items are those that the leaf was made from` : "the leaf was made from other items");
  const found = await rootOf(proof.index, proof.size, proof.leaf, proof.path);
  const fits = found !== null && base64(found) === proof.root;
  say(fits ? "ok" : "no", fits ? `${proof.path.length} hashes lead to the root of ${proof.size} events` : "the path does not lead to the signed root");
  const signed = keys.length ? await signedByOne(proof.note, keys) : null;
  const holds = keys.length ? saySigned(say, signed, proof.origin, trusted) : (say("skip", "no key was given: the signature was not checked"), true);
  return { ok: made && fits && holds, body, signed };
}

/** Bundle parts that the manifest does not name. */
const UNNAMED = ["manifest.json", "manifest.tlog-proof"];
const SLOT = /<script type="application\/octet-stream" id="bundle">([^<]*)<\/script>/;

/** Every part is what the manifest names. */
async function checkParts(parts, manifest, say, alone) {
  let whole = true;
  const no = (text) => {
    whole = false;
    say("no", text);
  };
  for (const { name, bytes: length, sha256: digest } of manifest.parts) {
    const data = parts.get(name);
    // Inside the page there is no second page.
    if (!data && name === "verify.html" && alone) continue;
    if (!data) {
      no(`${name} is missing`);
      continue;
    }
    const hashed = name === "verify.html" ? utf8(textOf(data).replace(SLOT, '<script type="application/octet-stream" id="bundle"><\/script>')) : data;
    if (hashed.length !== length || hex(await sha256(hashed)) !== digest) no(`${name} is not the file that the manifest names: its SHA-256 differs`);
  }
  // Whoever opens the page beside must see what is in the file.
  const inside = parts.has("verify.html") && textOf(parts.get("verify.html")).match(SLOT)?.[1];
  for (const [name, data] of inside ? await unzip(bytes(inside)) : []) {
    if (!parts.has(name) || !same(data, parts.get(name))) no(`the ${name} inside verify.html is not the ${name} beside it`);
  }
  for (const name of parts.keys()) {
    if (!UNNAMED.includes(name) && !manifest.parts.some((part) => part.name === name)) no(`the manifest does not name ${name}`);
  }
  if (whole) say("ok", `${manifest.parts.length} parts are those that the manifest names`);
  return whole;
}

/** Each line of events is what its leaf was made from. */
async function checkEvents(lines, proofs, manifest, say) {
  let good = 0;
  const shown = [];
  const faults = [];
  for (const [at, proof] of proofs.events.entries()) {
    const fault = async () => {
      const body = await bodyOf(proof.disclosure);
      if (!same(body.hash, proof.leaf.slice(48))) return "its values in proofs.bin are not those that its leaf was made from";
      const { event, closed } = eventOf(proof.leaf, body.items);
      shown.push({ ...event, index: proof.index });
      if (lines[at] === undefined) return "its line in events.ndjson is missing";
      let line;
      try {
        line = JSON.parse(lines[at]);
      } catch {
        return "its line in events.ndjson is no JSON";
      }
      const what = difference(line, { ...event, index: proof.index, organization: manifest.organization }, closed);
      shown[shown.length - 1].title = line.title;
      return what && `events.ndjson: ${what}`;
    };
    let what;
    try {
      what = await fault();
    } catch (error) {
      what = `it cannot be read: ${error}`;
    }
    if (what) faults.push(`event ${proof.index}: ${what}`);
    else good += 1;
  }
  for (const text of faults.slice(0, 20)) say("no", text);
  if (faults.length > 20) say("no", `and ${faults.length - 20} more events`);
  const counted = lines.length === proofs.events.length && manifest.rows === good;
  if (!counted && !faults.length) say("no", "the number of events is not the one that the manifest names");
  if (counted && !faults.length) say("ok", `${good} events are those that their leaves were made from`);
  return { ok: counted && !faults.length, shown };
}

/** The event that recorded the manifest is in the log. */
async function checkManifest(parts, manifest, keys, say) {
  const file = parts.get("manifest.tlog-proof");
  if (!file && !manifest.recorded) {
    say("skip", "no event of the log records this bundle: who made it, of what and whether it is all is nobody's word");
    return true;
  }
  if (!file || !manifest.recorded) {
    say("no", "whether the manifest was recorded and the proof of it do not fit");
    return false;
  }
  const proof = proofFileOf(textOf(file));
  const quiet = [];
  const { ok, body } = await checkProof(proof, keys, false, (state, text) => state === "no" && quiet.push(text));
  const plain = body.items.find(([path, value]) => path === "*" && value);
  const recorded = plain && valueOf(plain[1])["params.manifest_sha256"];
  const found = hex(await sha256(parts.get("manifest.json")));
  const own = (proof.leaf[1] & 1) === 1 && proof.origin === manifest.log.origin;
  if (ok && own && recorded === found) {
    say("ok", `event ${proof.index} of the log records this manifest`);
    return true;
  }
  say("no", quiet[0] ? `manifest.tlog-proof: ${quiet[0]}` : "manifest.json is not the one that the log recorded");
  return false;
}

/**
 * Checks a bundle.
 * @param {Map<string, Uint8Array>} parts @param {string} key a vkey that is trusted, or nothing @param {(state: string, text: string) => void} say
 * @param {boolean} alone without the page itself
 */
async function checkBundle(parts, key, say, alone = false) {
  const part = (name) => {
    if (!parts.has(name)) throw new Error(`there is no ${name} in it`);
    return parts.get(name);
  };
  const manifest = JSON.parse(textOf(part("manifest.json")));
  if (manifest.bundle !== "indelible-bundle@v1") throw new Error("this is no evidence bundle that this page knows");
  const keys = key ? [key] : textOf(part("log.vkey")).split("\n").filter(Boolean);
  const note = textOf(part("checkpoint"));
  const [origin, size, root] = note.split("\n");
  let ok = await checkParts(parts, manifest, say, alone);
  const proofs = proofsOf(part("proofs.bin"));
  const lines = textOf(part("events.ndjson")).split("\n");
  lines.pop();
  const events = await checkEvents(lines, proofs, manifest, say);
  const leaves = [];
  for (const proof of proofs.events) leaves.push({ index: proof.index, hash: await sha256(LEAF, proof.leaf) });
  const ascending = leaves.every((leaf, at) => leaf.index < proofs.size && (at === 0 || leaves[at - 1].index < leaf.index));
  const found = ascending && leaves.length ? await batchRoot(proofs.size, leaves, proofs.hashes).catch(() => null) : null;
  const fits = Boolean(found) && base64(found) === root && String(proofs.size) === size;
  say(fits ? "ok" : "no", fits ? `all of them lead to the root of the log's first ${size} events` : "proofs.bin: the events do not lead to the signed root");
  const named = manifest.log.origin === origin && String(manifest.log.size) === size && manifest.log.root === root;
  if (!named) say("no", "manifest.json names another log, size or root than the signed checkpoint");
  const signed = saySigned(say, await signedByOne(note, keys), origin, Boolean(key));
  const recorded = await checkManifest(parts, manifest, keys, say);
  ok = ok && events.ok && fits && named && signed && recorded;
  return { ok, manifest, shown: events.shown };
}

/** A value for people: long ones are cut on the screen only. */
const plain = (value) => (value === undefined || value === null ? "" : String(value));

/** A list of steps, each ok, no, or skipped. */
function stepsIn(place) {
  const steps = element("ol", "", "steps");
  steps.setAttribute("aria-live", "polite");
  place.append(steps);
  return (state, text) => steps.append(element("li", text, state));
}

/** Checks in this browser that the event's fields made its leaf, and that the leaf is in the tree that the checkpoint signs. */
class ProofCheck extends HTMLElement {
  connectedCallback() {
    if (this.firstChild || !globalThis.crypto?.subtle) return;
    const button = element("button", "Check in this browser", "main small");
    button.type = "button";
    button.addEventListener("click", async () => {
      button.disabled = true;
      this.querySelector(".steps")?.remove();
      await this.check(stepsIn(this));
      button.disabled = false;
    });
    this.append(button);
  }

  /** @param {(state: string, text: string) => void} say */
  async check(say) {
    try {
      const { index = "", leaf = "", items = "", path = "", note = "", key = "" } = this.dataset;
      const [origin, size, root] = note.split("\n");
      const proof = { index: BigInt(index), leaf: bytes(leaf), disclosure: bytes(items), path: path.split(" ").filter(Boolean).map(bytes), note, origin, size: BigInt(size), root };
      const checked = await checkProof(proof, [key], false, say);
      this.list(checked.body.items);
      this.dataset.result = checked.ok ? "ok" : "no";
    } catch (error) {
      say("no", `the proof cannot be read: ${error}`);
      this.dataset.result = "no";
    }
  }

  /** What the leaf was made from, to be compared with what the page says. @param {[string, Uint8Array|null][]} items */
  list(items) {
    this.querySelector("details")?.remove();
    const details = element("details");
    const facts = element("dl", "", "facts");
    details.append(element("summary", "What the leaf was made from"), facts);
    for (const [path, value] of items) {
      const text = value ? new TextDecoder().decode(value).replace(/[\p{C}\ufffd]+/gu, " · ") : "not disclosed";
      facts.append(element("dt", path), element("dd", text));
    }
    this.append(details);
  }
}

/** Rows that the page shows of a bundle; the file has all of them. */
const MAX_ROWS = 500;

/** Takes a proof, a bundle or a receipt that is dropped, chosen or pasted, and says what holds. Nothing leaves the browser. */
class VerifyFiles extends HTMLElement {
  connectedCallback() {
    if (this.ready) return;
    this.ready = true;
    this.querySelector("[data-without]")?.remove();
    if (!globalThis.crypto?.subtle) {
      this.append(element("p", "This browser offers no cryptography to this page: open it over HTTPS, from this machine, or as a file.", "notice bad"));
      return;
    }
    this.form();
    const inside = document.getElementById("bundle")?.textContent.trim();
    if (inside) this.run(async (say) => this.bundle(await unzip(bytes(inside)), say, true), "the data inside this page");
  }

  form() {
    const drop = element("label", "", "drop");
    const file = element("input");
    file.type = "file";
    file.multiple = true;
    file.accept = ".zip,.tlog-proof,.json,.txt,.ndjson,.bin,.vkey,.html";
    drop.append(element("strong", "Drop a file here, or choose one"), element("span", "an evidence bundle (.zip), a proof (.tlog-proof) or a receipt (.json)", "quiet"), file);
    const keyLabel = element("label", "Key of the log, if you got it elsewhere ");
    this.key = element("input");
    this.key.spellcheck = false;
    this.key.autocomplete = "off";
    this.key.placeholder = "log.example/log/…+1a2b3c4d+A…";
    keyLabel.append(this.key);
    const pasteLabel = element("label", "Or paste a proof or a receipt ");
    const paste = element("textarea");
    paste.rows = 4;
    paste.spellcheck = false;
    pasteLabel.append(paste);
    const button = element("button", "Check what was pasted");
    button.type = "button";
    this.result = element("section", "", "result");
    this.result.setAttribute("aria-live", "polite");
    file.addEventListener("change", () => this.files([...file.files]));
    button.addEventListener("click", () => this.run((say) => this.text(paste.value, say), "what was pasted"));
    for (const kind of ["dragover", "drop"]) {
      this.addEventListener(kind, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", kind === "dragover");
        if (kind === "drop" && event.dataTransfer?.files.length) this.files([...event.dataTransfer.files]);
      });
    }
    this.append(keyLabel, drop, pasteLabel, button, this.result);
  }

  /** @param {File[]} files */
  files(files) {
    if (!files.length) return;
    const read = async (file) => new Uint8Array(await file.arrayBuffer());
    if (files.length > 1) {
      this.run(async (say) => {
        const parts = new Map();
        for (const file of files) parts.set(file.name.startsWith("manifest") || !file.name.endsWith(".json") ? file.name : `catalogs/${file.name}`, await read(file));
        return this.bundle(parts, say);
      }, `${files.length} files`);
      return;
    }
    this.run(async (say) => {
      const data = await read(files[0]);
      if (data[0] === 0x50 && data[1] === 0x4b) return this.bundle(await unzip(data), say);
      return this.text(textOf(data), say);
    }, files[0].name);
  }

  /** Runs a check and shows what it came to. */
  async run(work, name) {
    delete this.dataset.result;
    this.result.replaceChildren();
    const heading = element("h2", `Checking ${name} …`);
    this.result.append(heading);
    const say = stepsIn(this.result);
    let ok = false;
    try {
      ok = await work(say);
    } catch (error) {
      say("no", `it cannot be read: ${error instanceof Error ? error.message : error}`);
    }
    heading.textContent = ok === null ? `A receipt is not a proof: ${name}` : ok ? `It holds: ${name}` : `IT DOES NOT HOLD: ${name}`;
    heading.className = ok === null ? "" : ok ? "good" : "bad";
    this.dataset.result = ok === null ? "receipt" : ok ? "ok" : "no";
  }

  async bundle(parts, say, alone = false) {
    const { ok, manifest, shown } = await checkBundle(parts, this.key.value.trim(), say, alone);
    this.facts([
      ["Organization", manifest.organization], ["Log", manifest.log.origin], ["Query", manifest.query.text || "everything"],
      ["Window", `${manifest.query.since ?? "beginning"} to ${manifest.query.until ?? "end"}`], ["Events", manifest.rows],
      ["Made", `${manifest.made_at} by ${manifest.made_by?.name || manifest.made_by?.id || "nobody known"}`], ["Purpose", manifest.purpose ?? "not said"],
      ...manifest.left_out.map((left) => ["Left out", `${left.what}${left.events ? `, ${left.events} events` : ""}: ${left.why}`]),
      ["Keys inside", textOf(parts.get("log.vkey")).trim()],
    ]);
    this.table(shown);
    return ok;
  }

  async text(text, say) {
    if (text.startsWith("c2sp.org/tlog-proof@v1")) {
      const proof = proofFileOf(text);
      const key = this.key.value.trim();
      const { ok, body } = await checkProof(proof, key ? [key] : [], Boolean(key), say);
      const { event, closed } = eventOf(proof.leaf, body.items);
      this.facts([["Log", proof.origin], ["Index", proof.index], ["Received", event.received_at], ["Not disclosed", closed.join(", ") || "nothing"], ["Event", JSON.stringify(event, null, 1)]]);
      return ok;
    }
    const receipt = JSON.parse(text);
    const { index, id, leaf_hash: leaf, received_at: received } = receipt.receipt ?? receipt;
    if (leaf === undefined || index === undefined) throw new Error("this is neither a proof, nor a bundle, nor a receipt");
    say(bytes(leaf).length === 32 ? "ok" : "no", "its leaf hash has the right form");
    say("skip", "a receipt is the server's word until a checkpoint covers it: exchange it for a proof (events/{id}/proof), and compare the leaf hash there with this one");
    this.facts([["Index", index], ["Event", id], ["Leaf hash", leaf], ["Received", received]]);
    return null;
  }

  facts(pairs) {
    const list = element("dl", "", "facts");
    for (const [name, value] of pairs) {
      const row = element("div");
      row.append(element("dt", name), element("dd", plain(value), "wrap"));
      list.append(row);
    }
    this.result.append(list);
  }

  table(events) {
    const scroll = element("div", "", "scroll");
    scroll.tabIndex = 0;
    scroll.setAttribute("role", "region");
    scroll.setAttribute("aria-label", "Events");
    const table = element("table", "", "list");
    const [head, rows, body] = [element("thead"), element("tr"), element("tbody")];
    for (const title of ["Index", "Time", "Event", "Actor", "Target", "Outcome"]) {
      const cell = element("th", title);
      cell.scope = "col";
      rows.append(cell);
    }
    head.append(rows);
    for (const event of events.slice(0, MAX_ROWS)) {
      const row = element("tr");
      const target = event.targets?.[0];
      const cells = [event.index, event.occurred_at, `${event.title ?? ""} ${event.catalog ?? ""} ${event.code ?? ""}`.trim(), event.actor?.name ?? event.actor?.id, target?.name ?? target?.id, event.outcome];
      for (const text of cells) row.append(element("td", plain(text)));
      body.append(row);
    }
    table.append(head, body);
    scroll.append(table);
    this.result.append(scroll);
    if (events.length > MAX_ROWS) this.result.append(element("p", `${events.length - MAX_ROWS} more were checked and are in events.ndjson.`, "quiet"));
  }
}

customElements.define("proof-check", ProofCheck);
customElements.define("verify-files", VerifyFiles);
