// Events as they come. Texts are put in as text, one change of the page for each frame; what is not drawn is counted.

/** Rows that are kept, and rows that are put in at once: a frame stays short whatever comes. */
const KEPT = 2000;
const AT_ONCE = 64;
/** Shortest time between two changes: nobody reads faster, and other programs want the machine, too. */
const BETWEEN_MS = 100;
/** Rows of a block; the browser skips blocks that are out of sight as a whole. */
const BLOCK = 32;
/** A person who listens is told no more often. */
const TELL_MS = 10_000;
/** Further behind than this nobody catches up by waiting. */
const FAR = 10_000;

/** @param {string} kind @param {string} name @param {string} [text] */
function made(kind, name, text = "") {
  const element = document.createElement(kind);
  element.className = name;
  element.textContent = text;
  return element;
}

class LiveTail extends HTMLElement {
  connectedCallback() {
    if (this.stream) return;
    this.count = this.drawn = this.told = this.failed = 0;
    this.rows = [];
    this.held = false;
    if (!this.list) this.build();
    this.open();
    this.onhide = () => document.hidden && this.hold(true);
    this.onselect = () => this.paint();
    document.addEventListener("visibilitychange", this.onhide);
    document.addEventListener("selectionchange", this.onselect);
    this.telling = setInterval(() => this.tell(), TELL_MS);
  }

  disconnectedCallback() {
    this.stream?.close();
    this.stream = null;
    document.removeEventListener("visibilitychange", this.onhide);
    document.removeEventListener("selectionchange", this.onselect);
    clearInterval(this.telling);
  }

  build() {
    const bar = made("div", "tailbar");
    this.state = made("span", "chip", this.dataset.wait);
    this.total = made("span", "quiet");
    this.button = made("button", "small", this.dataset.pause);
    this.button.type = "button";
    this.button.addEventListener("click", () => (this.pausing ? this.resume() : this.hold(true)));
    this.earlier = made("a", "");
    this.earlier.href = this.dataset.since ?? "";
    this.earlier.hidden = true;
    this.jump = made("a", "button small");
    this.jump.href = location.href;
    this.jump.hidden = true;
    bar.append(this.state, this.button, this.total, this.earlier, this.jump);
    this.list = made("div", "tail");
    this.list.setAttribute("role", "log");
    this.list.setAttribute("aria-live", "off");
    this.list.setAttribute("aria-label", this.dataset.name ?? "");
    this.list.tabIndex = 0;
    this.list.addEventListener("scroll", () => this.paint(), { passive: true });
    this.list.addEventListener("focusin", () => this.paint());
    this.list.addEventListener("focusout", () => this.paint());
    this.polite = made("p", "away");
    this.polite.setAttribute("aria-live", "polite");
    this.append(bar, this.list, this.polite);
  }

  open() {
    this.stream = new EventSource(this.dataset.src ?? "");
    this.stream.addEventListener("open", () => this.say("on"));
    this.stream.addEventListener("message", (event) => this.take(JSON.parse(event.data)));
    this.stream.addEventListener("ended", (event) => {
      this.stream.close();
      this.say("ended", JSON.parse(event.data).why);
    });
    this.stream.addEventListener("error", () => this.say(this.stream.readyState === EventSource.CLOSED ? "ended" : "lost"));
  }

  /** @param {"on" | "lost" | "ended"} state @param {string} [why] */
  say(state, why = "") {
    this.dataset.state = state;
    this.state.className = `chip ${{ on: "ok", lost: "warning", ended: "error" }[state]}`;
    this.state.textContent = [this.dataset[state], why].filter(Boolean).join(": ");
  }

  take(message) {
    this.count += message.rows.length;
    this.failed += message.rows.filter((row) => row.outcome === "failure").length;
    this.rows.push(...message.rows);
    if (this.rows.length > KEPT) this.rows.splice(0, this.rows.length - KEPT);
    this.unread = (this.unread ?? 0) + message.rows.length;
    const behind = message.high - message.next;
    this.jump.hidden = behind <= FAR;
    this.jump.textContent = `${behind} ${this.dataset.behind}`;
    this.paint();
  }

  /** Whether new rows wait: somebody reads, selects or is elsewhere. */
  get pausing() {
    const chosen = document.getSelection();
    const selects = chosen && !chosen.isCollapsed && this.list.contains(chosen.anchorNode);
    const inside = this.list.contains(document.activeElement) && document.activeElement !== this.list;
    return this.held || this.list.scrollTop > 8 || Boolean(selects) || inside;
  }

  hold(on) {
    this.held = on;
    this.paint();
  }

  resume() {
    this.held = false;
    if (this.list.contains(document.activeElement)) this.list.focus();
    document.getSelection()?.removeAllRanges();
    this.list.scrollTop = 0;
    this.paint();
  }

  paint() {
    if (this.waits) return;
    this.waits = true;
    const early = Math.max(0, (this.last ?? 0) + BETWEEN_MS - performance.now());
    setTimeout(() => requestAnimationFrame((now) => {
      this.waits = false;
      this.last = now;
      this.flush();
    }), early);
  }

  flush() {
    const pausing = this.pausing;
    if (!pausing && this.rows.length) {
      this.put(this.rows.splice(0, AT_ONCE));
    }
    this.unread = this.rows.length ? this.unread : 0;
    if (!pausing && this.rows.length) this.paint();
    const waiting = pausing ? (this.unread ?? 0) : this.rows.length;
    this.button.textContent = pausing ? `${this.dataset.paused}: ${waiting} ${this.dataset.new}, ${this.dataset.resume}` : this.dataset.pause;
    this.button.classList.toggle("main", pausing);
    const shown = this.drawn;
    this.total.textContent = `${this.count} ${this.dataset.received}`;
    const left = this.count - shown - this.rows.length;
    this.earlier.hidden = left <= 0;
    this.earlier.textContent = `${left} ${this.dataset.earlier}`;
    Object.assign(this.dataset, { count: String(this.count), shown: String(shown), left: String(left), pausing: String(pausing) });
  }

  /** Puts rows at the top, the last one first, and takes as many away at the end as are too many. */
  put(rows) {
    for (const row of rows) {
      let block = this.list.firstElementChild;
      if (!block || block.childElementCount >= BLOCK) {
        block = made("div", "block");
        this.list.prepend(block);
      }
      block.prepend(this.row(row));
    }
    this.drawn += rows.length;
    while (this.drawn > KEPT) {
      const last = this.list.lastElementChild;
      last.lastElementChild.remove();
      if (!last.firstElementChild) last.remove();
      this.drawn -= 1;
    }
  }

  row(of) {
    const line = made("div", "line");
    const time = made("a", "time");
    time.href = of.href;
    const at = made("time", "", of.shown);
    at.dateTime = of.iso;
    at.append(made("span", "ms", of.fraction));
    time.append(at);
    const what = made("span", "what");
    const title = made("a", "t", of.title);
    title.href = of.href;
    title.dir = "auto";
    what.append(title, " ", made("span", "code", of.code));
    for (const flag of of.flags) what.append(" ", made("span", "chip warning", flag));
    const texts = ["actor", "target", "from"].map((name) => made("span", name, of[name]));
    for (const text of texts) text.dir = "auto";
    line.append(time, made("span", of.crude && `chip crude ${of.crude}`, of.crude), what, texts[0], texts[1], made("span", `outcome ${of.outcome}`, of.outcome), texts[2]);
    return line;
  }

  tell() {
    const [fresh, failed] = [this.count - this.told, this.failed];
    if (!fresh) return;
    this.polite.textContent = `${fresh} ${this.dataset.new}${failed ? `, ${failed} ${this.dataset.failed}` : ""}`;
    this.told = this.count;
    this.failed = 0;
  }
}

customElements.define("live-tail", LiveTail);
