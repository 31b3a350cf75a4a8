// The page of a viewer token in frames of other origins: those that were named get it, others do not; it shows its part as text.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch, server } from "./service.js";

const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const HOSTILE = "<img src=x onerror=\"document.title='owned'\"> {{7*7}}";

let site, browser, portal;
before(async () => {
  [site, browser] = await Promise.all([server(), launch()]);
  // A page of somebody else that embeds whatever its address names.
  portal = createServer((request, answer) => {
    const framed = new URL(request.url, "http://portal").searchParams.get("url") ?? "";
    answer.setHeader("content-type", "text/html");
    answer.end(`<!doctype html><title>portal</title><iframe title="events" width="900" height="600" src="${framed.replaceAll('"', "&quot;")}"></iframe>`);
  });
  await new Promise((resolve) => portal.listen(0, "127.0.0.1", resolve));
  const at = new Date().toISOString();
  const event = (actor, message) => ({ catalog: "openkat", code: "091111", occurred_at: at, actor: { id: actor, name: message }, message });
  await site.send([event("own", HOSTILE), event("other", "not for this page"), event("own", "second")]);
});
after(async () => {
  await browser?.close();
  portal?.close();
  await site?.stop();
});

async function token(wanted) {
  const answer = await fetch(`${site.url}/api/v1/orgs/default/viewer-tokens`, {
    method: "POST",
    headers: { authorization: `Bearer ${site.token}`, "content-type": "application/json" },
    body: JSON.stringify({ filter: "actor.id:own", ...wanted }),
  });
  assert.equal(answer.status, 201, await answer.clone().text());
  return answer.json();
}

const origin = () => `http://127.0.0.1:${portal.address().port}`;

async function embedded(url) {
  const page = await browser.newPage();
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  await page.goto(`${origin()}/?url=${encodeURIComponent(url)}`);
  return { page, said };
}

test("a page of an origin that was named shows the part, as text, and nothing else", async () => {
  const made = await token({ frame_ancestors: [origin()] });
  const { page, said } = await embedded(made.url);
  const frame = page.frameLocator("iframe");
  await frame.getByText("2 events", { exact: true }).waitFor();
  assert.deepEqual(await frame.locator("tbody tr td:nth-child(3)").allTextContents().then((texts) => texts.sort()), [HOSTILE, "second"].sort());
  assert.equal(await frame.getByText("not for this page").count(), 0);
  await frame.getByLabel("Narrow").fill("actor.id:other");
  await frame.getByLabel("Narrow").press("Enter");
  await frame.getByText("0 events", { exact: true }).waitFor();
  await frame.getByLabel("Narrow").fill("actor.id:(");
  await frame.getByLabel("Narrow").press("Enter");
  await frame.getByText(/^Query/i).or(frame.getByText(/invalid|cannot/i)).first().waitFor();
  const inner = page.frames().find((one) => one.url().startsWith(site.url));
  assert.ok(!inner.url().includes("idl_vw_"), "the token is out of the address");
  assert.equal(await inner.title(), "Events · Indelible");
  await page.close();
  assert.deepEqual(said.filter((text) => !text.includes("status of 400")), []);
});

test("a page of another origin, and of a token without origins, shows nothing", async () => {
  for (const wanted of [{ frame_ancestors: ["https://portal.example.org"] }, {}]) {
    const made = await token(wanted);
    const { page, said } = await embedded(made.url);
    await page.waitForFunction(() => document.readyState === "complete");
    assert.ok(said.some((text) => text.includes("frame-ancestors")), said.join("\n"));
    assert.equal(await page.frameLocator("iframe").getByText("events").count(), 0);
    await page.close();
  }
});

test("by itself the page opens, is accessible, and says when its token is over", async () => {
  const made = await token({});
  const page = await browser.newPage();
  await page.goto(made.url);
  await page.getByText("2 events", { exact: true }).waitFor();
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  assert.deepEqual(found.violations.map((rule) => rule.id), []);
  await page.goto(`${site.url}/view/0000000000#t=idl_vw_0000000000_x`);
  await page.getByText(/credential|key/i).first().waitFor();
  await page.close();
});
