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
