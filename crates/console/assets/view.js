// Shows the events that a viewer token lets through. The token stays in this page: it is taken out of the address and sent to
// our own API alone. Everything of an event is put in as text.

class PartView extends HTMLElement {
  connectedCallback() {
    this.token = new URLSearchParams(location.hash.slice(1)).get("t");
    if (!this.token) return;
    history.replaceState(null, "", location.pathname);
    this.status = this.querySelector("[role=status]");
    this.rows = this.querySelector("tbody");
    this.more = this.querySelector(".more");
    const form = this.querySelector("form");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.show(form.elements.q.value, null);
    });
    this.more.addEventListener("click", () => this.show(this.asked, this.cursor));
    this.show("", null);
  }

  async show(q, cursor) {
    this.asked = q;
    const asked = new URLSearchParams({ q, limit: "50", count: "exact" });
    if (cursor) asked.set("cursor", cursor);
    this.status.textContent = "Loading …";
    try {
      const headers = { authorization: `Bearer ${this.token}`, accept: "application/json" };
      const answer = await fetch(`${this.dataset.events}?${asked}`, { headers, credentials: "omit" });
      const body = await answer.json();
      if (!answer.ok) throw new Error(`${body.title}: ${body.detail}`);
      if (!cursor) this.rows.replaceChildren();
      this.rows.append(...body.items.map(row));
      this.cursor = body.next_cursor;
      this.more.hidden = !this.cursor;
      const count = body.count ? body.count.value : this.rows.children.length;
      this.status.textContent = count === 1 ? "1 event" : `${count} events`;
    } catch (error) {
      this.status.textContent = error.message;
    }
  }
}

function row(event) {
  const line = document.createElement("tr");
  const actor = event.actor ?? {};
  const time = document.createElement("time");
  time.dateTime = event.occurred_at;
  time.textContent = event.occurred_at.slice(0, 19).replace("T", " ");
  const what = event.sentence ?? event.title ?? event.code;
  for (const content of [time, what, actor.name ?? actor.id ?? "", event.outcome ?? ""]) {
    const cell = document.createElement("td");
    cell.append(content);
    line.append(cell);
  }
  return line;
}

customElements.define("part-view", PartView);
