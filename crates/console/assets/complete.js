// Completion of the query line: a list of offers below it that the keyboard alone can use (ARIA 1.2, combobox with a list).

/** Somebody who writes on is not asked for. */
const WAIT_MS = 90;

class QueryBox extends HTMLElement {
  connectedCallback() {
    const input = this.querySelector("input");
    if (!input || this.list) return;
    this.input = input;
    this.offers = [];
    this.at = -1;
    const list = document.createElement("ul");
    list.id = `${input.id}-offers`;
    list.className = "offers";
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", this.dataset.name ?? "");
    list.hidden = true;
    this.list = list;
    this.append(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id], ["aria-haspopup", "listbox"]]) {
      input.setAttribute(name, value);
    }
    input.addEventListener("input", () => this.soon());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => this.close());
    list.addEventListener("pointerdown", (event) => {
      // The line keeps the focus, so that the list stays until the offer is taken.
      event.preventDefault();
      const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
      if (option) this.take([...list.children].indexOf(option));
    });
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    this.asking?.abort();
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), WAIT_MS);
  }

  async ask() {
    this.asking?.abort();
    this.asking = new AbortController();
    const text = this.input.value;
    const before = text.slice(0, this.input.selectionStart ?? text.length);
    const params = new URLSearchParams({ q: text, position: String(new TextEncoder().encode(before).length), limit: "12" });
    try {
      const answer = await fetch(`${this.dataset.src}?${params}`, { signal: this.asking.signal, headers: { accept: "application/json" } });
      if (!answer.ok || answer.redirected) return this.close();
      this.show(text, await answer.json());
    } catch {
      this.close();
    }
  }

  show(text, { offset, length, items }) {
    if (text !== this.input.value || document.activeElement !== this.input) return;
    const bytes = new TextEncoder().encode(text);
    const part = (from, to) => new TextDecoder().decode(bytes.slice(from, to));
    this.edges = [part(0, offset), part(offset + length, bytes.length)];
    const written = part(offset, offset + length);
    this.offers = items.filter((item) => item.text !== written);
    this.list.replaceChildren(...this.offers.map((offer, at) => this.option(offer, at)));
    this.at = -1;
    this.list.hidden = !this.offers.length;
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.input.removeAttribute("aria-activedescendant");
  }

  option(offer, at) {
    const option = document.createElement("li");
    option.id = `${this.list.id}-${at}`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", "false");
    for (const [name, text] of [["text", offer.text], ["about", offer.about ?? ""], ["n", offer.count === undefined ? "" : String(offer.count)]]) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      part.dir = "auto";
      option.append(part);
    }
    return option;
  }

  key(event) {
    if (this.list.hidden) {
      if (event.key === "ArrowDown" && !event.altKey) {
        event.preventDefault();
        this.ask();
      }
      return;
    }
    const last = this.offers.length - 1;
    if (event.key === "ArrowDown") this.choose(this.at >= last ? 0 : this.at + 1);
    else if (event.key === "ArrowUp") this.choose(this.at <= 0 ? last : this.at - 1);
    else if (event.key === "Enter" && this.at >= 0) this.take(this.at);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  choose(at) {
    this.list.children[this.at]?.setAttribute("aria-selected", "false");
    const option = this.list.children[at];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    this.at = at;
    this.input.setAttribute("aria-activedescendant", option?.id ?? "");
  }

  take(at) {
    const [before, after] = this.edges;
    const offer = this.offers[at];
    // A name of a field goes on with its value; a value is done.
    const goes = /[:.]$/.test(offer.text);
    const space = goes || after.startsWith(" ") ? "" : " ";
    this.input.value = before + offer.text + space + after;
    const end = before.length + offer.text.length + (goes ? 0 : 1);
    this.input.setSelectionRange(end, end);
    this.close();
    this.input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  close() {
    clearTimeout(this.timer);
    this.asking?.abort();
    this.list.hidden = true;
    this.at = -1;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}

customElements.define("query-box", QueryBox);
