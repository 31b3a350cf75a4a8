// Takes the token of a link out of the address, where neither servers nor proxies see it, and into the form.

class LinkToken extends HTMLElement {
  connectedCallback() {
    const token = new URLSearchParams(location.hash.slice(1)).get("t");
    if (!token) return;
    const input = this.querySelector("input");
    input.value = token;
    this.hidden = true;
    history.replaceState(null, "", location.pathname);
    this.closest("form").querySelector("input:not([type=hidden]):not(#token)")?.focus();
  }
}
customElements.define("link-token", LinkToken);
