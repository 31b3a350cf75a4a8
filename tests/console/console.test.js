// What only a browser can show: policy, accessibility, keyboard, narrow screens, no scripts, the check of a proof.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { demo, launch, open, server } from "./service.js";

const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const PATHS = [
  "/o/noordwal",
  "/o/noordwal/explore?q=&since=-90d",
  "/o/noordwal/explore?q=outcome%3Afailure&since=-30d&limit=25",
  "/o/noordwal/explore?q=actor%3Anobody",
  "/o/noordwal/explore?q=actro%3Abob",
  "/o/noordwal/timeline?by=session&value=nrc-5e1f&catalog=netop",
  "/o/noordwal/timeline?by=actor&value=u-109",
  "/o/noordwal/timeline?by=session&value=nothing",
  "/o/noordwal/live?q=",
  "/o/noordwal/explore?q=catalog%3Anetop&since=-4d&layout=netop",
  "/o/noordwal/explore?q=catalog%3Aopenkat&since=-4d&layout=openkat",
  "/o/noordwal/views",
  "/o/noordwal/e/100?around=actor&n=10",
  "/o/noordwal/integrity",
  "/catalogs?o=noordwal",
  "/catalogs/openkat?o=noordwal",
  "/catalogs/openkat/900213?o=noordwal",
  "/catalogs/netop/DEVICE.NRC_SESSION_STARTED?o=noordwal",
  "/verify",
  "/o/noordwal/nothing-here",
];
/** A page that refuses says so with its status, and the browser repeats that. */
const refused = (text) => /the server responded with a status of 40[04]/.test(text);

let site, browser;
before(async () => {
  [site, browser] = await Promise.all([demo(), launch()]);
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

for (const [colorScheme, locale] of [["light", "en-US"], ["dark", "en-US"], ["light", "nl-NL"], ["dark", "nl-NL"]]) {
  test(`no page breaks a rule of accessibility or policy, ${colorScheme}, ${locale}`, async () => {
    const { page, context, wrong } = await open(browser, site.url, { colorScheme, locale, expected: refused });
    for (const path of PATHS) {
      await page.goto(site.url + path);
      assert.equal(await page.locator("html").getAttribute("lang"), locale.slice(0, 2));
      await page.evaluate(AXE);
      const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
      const told = found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
      assert.deepEqual(told, [], path);
    }
    assert.deepEqual(wrong, []);
    await context.close();
  });
}

test("320 pixels are enough: nothing but tables scrolls sideways", async () => {
  const { page, context, wrong } = await open(browser, site.url, { viewport: { width: 320, height: 640 }, expected: refused });
  for (const path of PATHS) {
    await page.goto(site.url + path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 320, `${path} is ${width} wide`);
  }
  assert.deepEqual(wrong, []);
  await context.close();
});

test("without scripts everything but extras works", async () => {
  const { page, context, wrong } = await open(browser, site.url, { javaScriptEnabled: false });
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d`);
  const all = await page.locator(".summary > div > strong").innerText();
  await page.fill("#q", "outcome:failure");
  await page.click("button.main");
  const failed = await page.locator(".summary > div > strong").innerText();
  assert.notEqual(failed, all);
  await page.locator(".facets li a").nth(2).click();
  assert.match(page.url(), /q=.*%3A/);
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d`);
  const first = await page.locator("td.time a").first().getAttribute("href");
  await page.click("a[rel=next]");
  assert.notEqual(await page.locator("td.time a").first().getAttribute("href"), first);
  await page.click("a[rel=prev]");
  assert.equal(await page.locator("td.time a").first().getAttribute("href"), first);
  await page.locator("svg.chart a").nth(40).dispatchEvent("click");
  await page.waitForURL(/since=20\d\d-/);
  await page.locator("td.time a").first().click();
  await page.waitForURL(/\/e\/\d+/);
  assert.ok(await page.getByText("Download proof").isVisible());
  assert.equal(await page.getByRole("button", { name: "Check in this browser" }).count(), 0);
  await page.locator("summary", { hasText: "guest" }).click();
  await page.getByRole("button", { name: "Dark" }).click();
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a proof is checked in the browser, and a false one is told", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  for (const path of ["/o/noordwal/e/0", "/o/noordwal/e/1201", "/o/kestrel/e/777"]) {
    await page.goto(site.url + path);
    await page.getByRole("button", { name: "Check in this browser" }).click();
    await page.locator("proof-check[data-result]").waitFor();
    assert.equal(await page.locator("proof-check").getAttribute("data-result"), "ok", await page.locator("proof-check").innerText());
    assert.match(await page.locator("proof-check").innerText(), /signed by/);
  }
  const changed = async (change) => {
    await page.goto(`${site.url}/o/noordwal/e/1201`);
    await page.locator("proof-check").evaluate(change);
    await page.getByRole("button", { name: "Check in this browser" }).click();
    await page.locator("proof-check[data-result]").waitFor();
    return page.locator("proof-check").getAttribute("data-result");
  };
  assert.equal(await changed((check) => (check.dataset.leaf = check.dataset.leaf.replace(/^.{4}/, "AAAA"))), "no");
  assert.equal(await changed((check) => (check.dataset.items = check.dataset.items.replace(/.{8}$/, "AAAAAAAA"))), "no");
  assert.equal(await changed((check) => (check.dataset.index = "1202")), "no");
  assert.equal(await changed((check) => (check.dataset.path = check.dataset.path.split(" ").slice(1).join(" "))), "no");
  assert.equal(await changed((check) => (check.dataset.note = check.dataset.note.replace(/^(.*\n)(\d+)/, "$19$2"))), "no");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("the keyboard reaches everything: search, rows, event, back", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d`);
  await page.keyboard.press("/");
  await page.keyboard.type("code:900213");
  await page.keyboard.press("Enter");
  await page.waitForURL(/900213/);
  await page.locator("td.time").first().waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  const focused = () => page.evaluate(() => document.activeElement.closest("tr")?.rowIndex);
  assert.equal(await focused(), 2);
  await page.keyboard.press("k");
  assert.equal(await focused(), 1);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/e\/\d+/);
  await page.goBack();
  assert.match(page.url(), /900213/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a link shows the same events in another browser, zone and theme", async () => {
  const rows = (page) => page.locator("td.time a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  const first = await open(browser, site.url, { permissions: ["clipboard-read", "clipboard-write"] });
  await first.page.goto(`${site.url}/o/noordwal/explore?q=outcome%3Afailure&since=-30d`);
  await first.page.locator("summary", { hasText: "Copy as" }).click();
  const link = await first.page.locator("copy-button").first().getAttribute("data-text");
  await first.page.goto(link);
  const shown = await rows(first.page);
  const second = await open(browser, site.url, { colorScheme: "dark", timezoneId: "Asia/Tokyo" });
  await second.page.goto(link);
  assert.deepEqual(await rows(second.page), shown);
  assert.ok(shown.length > 5);
  assert.deepEqual([...first.wrong, ...second.wrong], []);
  await Promise.all([first.context.close(), second.context.close()]);
});

test("the first load of Explore is light", async () => {
  const { page, context, size } = await open(browser, site.url);
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d`, { waitUntil: "networkidle" });
  assert.ok(size.requests <= 6, `${size.requests} requests`);
  assert.ok(size.bytes <= 75_000, `${size.bytes} bytes`);
  await context.close();
});

test("log-in, hostile text and log-out", async () => {
  const own = await server();
  try {
    const hostile = "<img src=x onerror=alert(1)>\"'{{7*7}}</script>";
    await own.send([
      {
        catalog: "openkat", code: "091111", occurred_at: new Date().toISOString(),
        actor: { id: hostile, name: hostile }, targets: [{ id: hostile, name: hostile }], reason: hostile,
        changes: [{ path: hostile, old: hostile, new: hostile }], data: { [hostile.slice(0, 20)]: hostile },
      },
    ]);
    const { page, context, wrong } = await open(browser, own.url, { expected: (text) => /status of 403|Clear-Site-Data/.test(text) });
    await page.goto(`${own.url}/o/default/explore?q=catalog%3Aopenkat`);
    assert.match(page.url(), /\/login/);
    await page.locator("summary", { hasText: "API key" }).click();
    await page.fill("#key", "idl_ad_wrong");
    await page.press("#key", "Enter");
    assert.ok(await page.getByRole("alert").isVisible());
    await page.fill("#key", own.token);
    await page.press("#key", "Enter");
    await page.waitForURL(/explore/);
    assert.equal(await page.locator("tbody tr td.who").first().innerText().then((text) => text.replace(/−$/, "").trim()), hostile);
    await page.locator("td.who a").first().click();
    assert.equal(await page.locator("tr td.time").count(), 1);
    await page.locator("td.time a").first().click();
    await page.waitForURL(/\/e\//);
    assert.ok((await page.locator("main").innerText()).includes(hostile));
    const value = encodeURIComponent(hostile);
    for (const path of [
      `timeline?by=actor&value=${value}`,
      `timeline?by=target&value=${value}`,
      "explore?q=catalog%3Aopenkat&since=&layout=openkat",
      "explore?q=catalog%3Aopenkat&since=&cols=time,actor,target,reason,changed.new&group=actor",
      "live?q=catalog%3Aopenkat",
    ]) {
      await page.goto(`${own.url}/o/default/${path}`);
      assert.ok((await page.locator("main").innerText()).includes(hostile), path);
      assert.equal(await page.locator("main img").count(), 0, path);
    }
    // The same in rows that a script puts in, and in what is offered while a query is written.
    await own.send([{ catalog: "openkat", code: "091111", occurred_at: new Date().toISOString(), actor: { id: hostile, name: hostile } }]);
    await page.locator(".tail .line", { hasText: hostile }).first().waitFor();
    await page.goto(`${own.url}/o/default/explore?q=catalog%3Aopenkat&since=`);
    await page.locator("#q").pressSequentially(" actor:");
    await page.getByRole("option", { name: "onerror" }).first().waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await page.locator(".bar .end details").last().locator("summary").click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.waitForURL(/\/login/);
    await page.goto(`${own.url}/o/default`);
    assert.match(page.url(), /\/login/);
    assert.deepEqual(wrong, []);
    await context.close();
  } finally {
    await own.stop();
  }
});
