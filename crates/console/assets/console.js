// What the pages can do beyond links and forms. Every element here sits on a page that works without it; nothing is ever
// put into a page as HTML, only as text, so that the policy against injected scripts can stay at its strictest.

/** @param {string} text @param {string} [kind] @returns {HTMLElement} */
function element(kind, text = "") {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}

/** A button that copies a text. */
class CopyButton extends HTMLElement {
  connectedCallback() {
    if (this.firstChild || !navigator.clipboard) return;
    const button = element("button", "Copy");
    button.className = "small";
    button.type = "button";
    button.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(this.dataset.text ?? "");
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => (button.textContent = "Copy"), 1500);
    });
    this.append(button);
  }
}

/** Offers the browser's own zone beside UTC. */
class BrowserZone extends HTMLElement {
  connectedCallback() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (this.firstChild || !zone || zone === "UTC") return;
    const button = element("button", zone);
    button.className = "row";
    button.name = "zone";
    button.value = zone;
    button.setAttribute("aria-pressed", String(this.dataset.zone === zone));
    this.append(button);
  }
}

/** @param {string} text base64 @returns {Uint8Array} */
const bytes = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
/** @param {Uint8Array} data @returns {string} */
const base64 = (data) => btoa(String.fromCharCode(...data));
/** @param {Uint8Array} data @returns {string} */
const hex = (data) => [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
/** @param {...Uint8Array} parts */
const joined = (...parts) => new Uint8Array(parts.flatMap((part) => [...part]));
/** @param {...Uint8Array} parts */
const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", joined(...parts)));
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

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
 * Whether a note carries a valid signature of a key (C2SP signed-note, Ed25519); null when the browser cannot tell.
 * @param {string} note @param {string} vkey
 */
async function signedBy(note, vkey) {
  const end = note.lastIndexOf("\n\n") + 1;
  const [name, id, ...rest] = vkey.split("+");
  const key = bytes(rest.join("+"));
  if (key[0] !== 1) return null;
  const known = await sha256(new TextEncoder().encode(`${name}\n`), key);
  if (hex(known.slice(0, 4)) !== id) return false;
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key.slice(1), { name: "Ed25519" }, false, ["verify"]);
  } catch {
    return null;
  }
  const text = new TextEncoder().encode(note.slice(0, end));
  for (const line of note.slice(end + 1).split("\n")) {
    const [dash, who, payload] = line.split(" ");
    if (dash !== "—" || who !== name || !payload) continue;
    const signature = bytes(payload);
    if (hex(signature.slice(0, 4)) === id && (await crypto.subtle.verify("Ed25519", imported, signature.slice(4), text))) return true;
  }
  return false;
}

/**
 * The items that a disclosure holds, and the hash that a leaf made from them has (docs/internals/format.md).
 * @param {Uint8Array} data
 */
async function bodyOf(data) {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const count = view.getUint16(0);
  const [parts, shown] = [[], []];
  let at = 2;
  for (let item = 0; item < count; item += 1) {
    const length = view.getUint16(at);
    const framed = data.slice(at, at + 2 + length);
    at += 2 + length;
    const state = view.getUint8(at);
    let commitment = data.slice(at + 1, at + 33);
    at += 33;
    let text = "not disclosed";
    if (state === 3) {
      const value = data.slice(at + 4, at + 4 + view.getUint32(at));
      at += 4 + value.length;
      commitment = await sha256(new TextEncoder().encode("evc1\0"), commitment, framed, value);
      text = new TextDecoder().decode(value).replace(/[\p{C}\ufffd]+/gu, " · ");
    } else if (state !== 2) throw new Error("an item is neither a commitment nor disclosed");
    parts.push(framed, commitment);
    shown.push([new TextDecoder().decode(framed.slice(2)), text]);
  }
  if (at !== data.length) throw new Error("bytes are left over");
  const hash = await sha256(new TextEncoder().encode("evb1\0"), data.slice(0, 2), ...parts);
  return { hash, shown };
}

/** Checks in this browser that the event's fields made its leaf, and that the leaf is in the tree that the checkpoint signs. */
class ProofCheck extends HTMLElement {
  connectedCallback() {
    if (this.firstChild || !globalThis.crypto?.subtle) return;
    const button = element("button", "Check in this browser");
    button.className = "main small";
    button.type = "button";
    const steps = element("ol");
    steps.className = "steps";
    steps.setAttribute("aria-live", "polite");
    button.addEventListener("click", async () => {
      button.disabled = true;
      steps.replaceChildren();
      await this.check((state, text) => {
        const step = element("li", text);
        step.className = state;
        steps.append(step);
      });
      button.disabled = false;
    });
    this.append(button, steps);
  }

  /** @param {(state: string, text: string) => void} say */
  async check(say) {
    try {
      const { index = "", leaf = "", items = "", path = "", note = "", key = "" } = this.dataset;
      const [origin, size, root] = note.split("\n");
      const record = bytes(leaf);
      say(record.length === 80 ? "ok" : "no", `leaf: ${record.length} bytes, hash ${base64(await sha256(LEAF, record))}`);
      const body = await bodyOf(bytes(items));
      const made = base64(body.hash) === base64(record.slice(48));
      say(made ? "ok" : "no", made ? `${body.shown.length} items are those that the leaf was made from` : "the leaf was made from other items");
      const hashes = path.split(" ").filter(Boolean).map(bytes);
      const found = await rootOf(BigInt(index), BigInt(size), record, hashes);
      const same = found !== null && base64(found) === root;
      say(same ? "ok" : "no", same ? `${hashes.length} hashes lead to the root of ${size} events` : "the path does not lead to the signed root");
      const signed = await signedBy(note, key);
      if (signed === null) say("skip", "this browser does not know Ed25519: the signature was not checked");
      else say(signed ? "ok" : "no", signed ? `signed by ${origin}` : "the signature is not of the log's key");
      this.list(body.shown);
      this.dataset.result = made && same && signed !== false ? "ok" : "no";
    } catch (error) {
      say("no", `the proof cannot be read: ${error}`);
      this.dataset.result = "no";
    }
  }

  /** What the leaf was made from, to be compared with what the page says. @param {string[][]} items */
  list(items) {
    this.querySelector("details")?.remove();
    const details = element("details");
    const facts = element("dl");
    facts.className = "facts";
    details.append(element("summary", "What the leaf was made from"), facts);
    for (const [path, text] of items) facts.append(element("dt", path), element("dd", text));
    this.append(details);
  }
}

/** Bars of which several can be chosen, with a pointer or with Shift and the arrow keys. */
class TimeBrush extends HTMLElement {
  connectedCallback() {
    this.bars = [...this.querySelectorAll("svg.chart a")];
    if (!this.bars.length || this.ready) return;
    this.ready = true;
    // One stop for the tabulator; arrows go on from there.
    this.bars.forEach((bar, at) => bar.setAttribute("tabindex", at ? "-1" : "0"));
    const svg = this.querySelector("svg.chart");
    const at = (event) => this.bars.indexOf(document.elementFromPoint(event.clientX, event.clientY)?.closest("svg.chart a"));
    svg.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") this.from = this.to = at(event);
    });
    svg.addEventListener("pointermove", (event) => {
      if (this.from === undefined || !(event.buttons & 1) || at(event) < 0) return;
      this.to = at(event);
      this.paint();
    });
    svg.addEventListener("dragstart", (event) => event.preventDefault());
    svg.addEventListener("click", (event) => {
      if (this.from !== undefined && this.from !== this.to && !event.shiftKey) {
        event.preventDefault();
        this.go();
      }
    });
    document.addEventListener("pointerup", (this.up = (event) => {
      if (this.from !== undefined && this.from !== this.to && !event.target?.closest?.("svg.chart a")) this.go();
    }));
    svg.addEventListener("keydown", (event) => this.key(event));
  }

  disconnectedCallback() {
    document.removeEventListener("pointerup", this.up);
  }

  key(event) {
    const now = this.bars.indexOf(event.target.closest("a"));
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = Math.max(0, Math.min(this.bars.length - 1, now + step));
      if (event.shiftKey) this.from ??= now;
      else this.from = undefined;
      this.to = next;
      this.bars[now].setAttribute("tabindex", "-1");
      this.bars[next].setAttribute("tabindex", "0");
      this.bars[next].focus();
      this.paint();
    } else if (event.key === "Enter" && this.from !== undefined && this.from !== this.to) {
      event.preventDefault();
      this.go();
    } else if (event.key === "Escape") {
      this.from = undefined;
      this.paint();
    }
  }

  get range() {
    return this.from === undefined ? [] : [this.from, this.to].sort((a, b) => a - b);
  }

  paint() {
    const [first, last] = this.range;
    this.bars.forEach((bar, at) => bar.classList.toggle("picked", at >= first && at <= last));
  }

  go() {
    const [first, last] = this.range.map((at) => new URL(this.bars[at].getAttribute("href"), location.href));
    this.from = undefined;
    first.searchParams.set("until", last.searchParams.get("until") ?? "");
    location.assign(first);
  }
}

document.documentElement.classList.add("scripts");
customElements.define("time-brush", TimeBrush);
customElements.define("copy-button", CopyButton);
customElements.define("browser-zone", BrowserZone);
customElements.define("proof-check", ProofCheck);

/** Whether single keys do something: what somebody who speaks to the computer switches off. */
const KEYS_OFF = "indelible_keys_off";
const keysOff = () => {
  try {
    return localStorage.getItem(KEYS_OFF) === "1";
  } catch {
    return false;
  }
};

/** The list of keys, in a dialog of its own, and the switch that turns single keys off. */
class KeyHelp extends HTMLElement {
  connectedCallback() {
    if (this.dialog) return;
    const open = element("button", `? ${this.dataset.title}`);
    open.className = "small";
    open.type = "button";
    open.addEventListener("click", () => this.open());
    const dialog = element("dialog");
    const title = element("h2", this.dataset.title);
    title.id = "keys-title";
    dialog.setAttribute("aria-labelledby", title.id);
    const list = this.querySelector("dl");
    list.hidden = false;
    const label = element("label");
    const box = element("input");
    box.type = "checkbox";
    box.checked = !keysOff();
    box.addEventListener("change", () => {
      try {
        localStorage.setItem(KEYS_OFF, box.checked ? "0" : "1");
      } catch {
        // Without a place to keep it the choice holds for nothing; the keys stay as they are.
        box.checked = true;
      }
    });
    label.append(box, this.dataset.off);
    const close = element("button", this.dataset.close);
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    dialog.append(title, list, label, close);
    this.dialog = dialog;
    this.append(open, dialog);
  }

  open() {
    if (!this.dialog.open) this.dialog.showModal();
  }
}

customElements.define("key-help", KeyHelp);

/** @returns {HTMLElement[]} */
const rows = () => [...document.querySelectorAll("table.rows tbody tr:not(.over)")];

/** Times in UTC, or in this browser's zone when they are in UTC already. */
function turnZone() {
  const utc = document.querySelector("[data-zone-button]");
  const own = document.querySelector("browser-zone button");
  const shown = document.querySelector("browser-zone")?.dataset.zone;
  (shown === "UTC" ? own : utc)?.click();
}

/** What single keys do; the element that has the focus is given. */
const SINGLE = {
  "/": () => {
    const box = document.getElementById("q");
    if (!(box instanceof HTMLInputElement)) return false;
    box.focus();
    box.select();
  },
  j: (at) => step(at, 1),
  k: (at) => step(at, -1),
  e: (at) => at.closest(".v")?.querySelector("a:not(.x)")?.click(),
  x: (at) => at.closest(".v")?.querySelector("a.x")?.click(),
  l: () => before === "g" && document.querySelector("a[data-live]")?.click(),
  u: turnZone,
  "?": () => document.querySelector("key-help")?.open?.(),
};
let before = "";

/** @param {HTMLElement} at @param {number} by */
function step(at, by) {
  const all = rows();
  const now = all.findIndex((row) => row.contains(at));
  const next = now < 0 ? 0 : now + by;
  all[Math.max(0, Math.min(all.length - 1, next))]?.querySelector("a")?.focus();
}

document.addEventListener("keydown", (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape") {
    const menu = at.closest?.("details.menu[open]");
    if (menu) {
      menu.removeAttribute("open");
      menu.querySelector("summary")?.focus();
    }
    return;
  }
  // What a closed dialog hides keeps the focus until the page is next painted: nobody types into it.
  const typing = at.checkVisibility() && at.closest("input, textarea, select, dialog");
  if (event.ctrlKey || event.metaKey || event.altKey || keysOff() || typing) return;
  const act = Object.hasOwn(SINGLE, event.key) && SINGLE[event.key];
  if (act && act(at) !== false) event.preventDefault();
  before = event.key;
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
});
