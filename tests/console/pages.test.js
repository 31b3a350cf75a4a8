// Timeline, live tail, completion and what else pages do in a browser beyond links and forms.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { demo, launch, open, server } from "./service.js";

let site, browser;
before(async () => {
  [site, browser] = await Promise.all([demo(), launch()]);
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

/** A page of a server of one's own, logged in. */
async function entered(own, options = {}) {
  const opened = await open(browser, own.url, options);
  await opened.page.goto(`${own.url}/login`);
  await opened.page.fill("#key", own.token);
  await opened.page.click("button.main");
  await opened.page.waitForURL((url) => url.pathname !== "/login");
  return opened;
}

const login = (at, id) => ({ catalog: "openkat", code: "091111", occurred_at: new Date(at).toISOString(), actor: { id, name: id }, targets: [{ id, name: id }] });

test("a session is bars from what begins to what ends it", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/o/noordwal/explore?q=session%3Anrc-5e1f&since=-90d`);
  await page.locator("table.rows a.more").first().click();
  await page.waitForURL(/timeline\?by=session&value=nrc-5e1f&catalog=netop/);
  assert.equal(await page.locator(".lanes rect.span").count(), 4);
  assert.equal(await page.locator(".lanes rect.open").count(), 0);
  const names = await page.locator(".lanes a").evaluateAll((links) => links.map((link) => link.getAttribute("aria-label")));
  assert.ok(names.some((name) => /Remote session started, (20 min|19 min 59 s|20 min 1 s)$/.test(name)), names.join("; "));
  assert.equal(await page.locator("table.rows tbody tr").count(), 8);
  const times = await page.locator("table.rows time").evaluateAll((all) => all.map((time) => time.dateTime));
  assert.deepEqual(times, [...times].sort());
  await page.locator(".lanes a").first().focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/e\/\d+/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a timeline says what has no end, what came late, and what it does not join", async () => {
  const own = await server();
  try {
    const event = (code, at, session, more = {}) => ({
      catalog: "netop", code, occurred_at: new Date(Date.now() - 600_000 + at * 1000).toISOString(), actor: { id: "u1", name: "Ann" },
      targets: [{ id: "d1", kind: "DEVICE", name: "ws-1" }], ...(session ? { session: { id: session, kind: "remote" } } : {}), ...more,
    });
    await own.send([
      event("DEVICE.NRC_SESSION_STARTED", 0, "s1"),
      event("DEVICE.CHAT_SESSION_STARTED", 60, "s1"),
      event("DEVICE.KEYBOARD_LOCKED", 70, null),
      event("DEVICE.KEYBOARD_LOCKED", 71, null, { targets: [{ id: "d2", kind: "DEVICE", name: "ws-2" }] }),
      event("DEVICE.CHAT_SESSION_STOPPED", 90, "s1"),
      event("DEVICE.CHAT_SESSION_STOPPED", 80, "s2"),
      event("DEVICE.FILE_SENT", 30, "s1"),
    ]);
    const { page, context, wrong } = await entered(own);
    await page.goto(`${own.url}/o/default/timeline?by=session&value=s1&catalog=netop`);
    assert.equal(await page.locator(".lanes rect.span").count(), 2);
    assert.equal(await page.locator(".lanes rect.open").count(), 1);
    assert.match(await page.locator("dl.facts").innerText(), /no end seen/);
    assert.equal(await page.getByText("came late", { exact: true }).count(), 1);
    const nearby = page.locator("section", { has: page.getByRole("heading", { name: "Nearby, not joined" }) });
    assert.equal(await nearby.locator("tbody tr").count(), 1);
    await page.goto(`${own.url}/o/default/timeline?by=session&value=`);
    assert.equal(await page.locator("table.rows").count(), 0);
    assert.deepEqual(wrong, []);
    await context.close();
  } finally {
    await own.stop();
  }
});

test("a flood of 40,000 events is counted exactly and the page stays quick", async () => {
  const own = await server();
  try {
    const { page, context, wrong } = await entered(own);
    await page.goto(`${own.url}/o/default/live?q=catalog%3Aopenkat`);
    await page.locator("live-tail[data-state=on]").waitFor();
    await page.evaluate(() => {
      globalThis.longest = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((task) => (globalThis.longest = Math.max(globalThis.longest, task.duration)))).observe({ type: "longtask" });
    });
    const now = Date.now();
    for (let batch = 0; batch < 40; batch += 1) {
      await own.send(Array.from({ length: 1000 }, (_, at) => login(now + batch * 1000 + at, `u-${batch}`)));
    }
    await page.locator("live-tail[data-count='40000']").waitFor({ timeout: 120_000 });
    await page.waitForFunction(() => document.querySelector("live-tail").dataset.shown === "2000");
    const tail = await page.locator("live-tail").evaluate((tail) => ({ ...tail.dataset }));
    assert.equal(Number(tail.shown) + Number(tail.left), 40_000);
    assert.equal(await page.locator(".tail .line").count(), 2000);
    assert.match(await page.locator(".tail .line").first().innerText(), /u-39/);
    const longest = await page.evaluate(() => globalThis.longest);
    assert.ok(longest < 200, `a task took ${longest} ms`);
    // Whoever reads is not disturbed, and is told what waits.
    await page.locator(".tail").evaluate((list) => (list.scrollTop = 400));
    await page.locator("live-tail[data-pausing=true]").waitFor();
    const top = await page.locator(".tail .line").first().innerText();
    await own.send([login(Date.now(), "late")]);
    await page.getByRole("button", { name: "Paused: 1 new" }).waitFor();
    assert.equal(await page.locator(".tail .line").first().innerText(), top);
    await page.getByRole("button", { name: "Paused" }).click();
    await page.locator(".tail .line", { hasText: "late" }).first().waitFor();
    // It ends visibly with the session.
    await page.evaluate(async () => {
      const csrf = document.querySelector("[name=csrf]").value;
      await fetch("/ui/logout", { method: "POST", body: new URLSearchParams({ csrf }), redirect: "manual" });
    });
    await page.locator("live-tail[data-state=ended]").waitFor({ timeout: 20_000 });
    assert.deepEqual(wrong.filter((text) => !/Clear-Site-Data/.test(text)), []);
    await context.close();
  } finally {
    await own.stop();
  }
});

test("a stream that breaks goes on without a gap and without a repeat", async () => {
  const own = await server();
  try {
    const { page, context } = await entered(own);
    await own.send(Array.from({ length: 1300 }, (_, at) => login(Date.now() + at, `u-${at}`)));
    const read = (last, enough) =>
      page.evaluate(
        async ([last, enough]) => {
          const stop = new AbortController();
          const headers = last ? { "last-event-id": last } : {};
          const answer = await fetch("/o/default/live/events?q=catalog%3Aopenkat&from=0", { headers, signal: stop.signal });
          const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
          let text = "";
          const rows = [];
          let id = last;
          while (rows.length < enough) {
            text += (await reader.read()).value;
            const whole = text.split("\n\n");
            text = whole.pop();
            for (const message of whole) {
              id = /^id: (\d+)/m.exec(message)?.[1] ?? id;
              const data = /^data: (.*)$/m.exec(message);
              if (data) rows.push(...JSON.parse(data[1]).rows.map((row) => row.index));
            }
          }
          stop.abort();
          return { rows, id };
        },
        [last, enough],
      );
    const first = await read("", 500);
    assert.equal(first.rows.length, 500, "at most 500 events in a message");
    const second = await read(first.id, 800);
    const all = [...first.rows, ...second.rows];
    assert.equal(new Set(all).size, 1300);
    assert.deepEqual(all, [...all].sort((a, b) => a - b));
    await context.close();
  } finally {
    await own.stop();
  }
});

test("live without scripts is a page that loads again and can be stopped", async () => {
  const { page, context, wrong } = await open(browser, site.url, { javaScriptEnabled: false });
  await page.goto(`${site.url}/o/noordwal/live?q=`);
  assert.equal(await page.locator("table.rows tbody tr").count(), 50);
  assert.equal(await page.locator("meta[http-equiv=refresh]").getAttribute("content"), "5");
  await page.getByRole("link", { name: "Stop" }).first().click();
  await page.waitForURL(/explore/);
  assert.equal(await page.locator("meta[http-equiv=refresh]").count(), 0);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a query is completed by the keyboard alone", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d`);
  await page.keyboard.press("/");
  await page.keyboard.type("outc");
  await page.getByRole("option", { name: "outcome:" }).waitFor();
  assert.equal(await page.locator("#q").getAttribute("aria-expanded"), "true");
  await page.keyboard.press("ArrowDown");
  const chosen = await page.locator("#q").getAttribute("aria-activedescendant");
  assert.equal(await page.locator(`#${chosen}`).getAttribute("aria-selected"), "true");
  await page.keyboard.press("Enter");
  assert.equal(await page.inputValue("#q"), "outcome:");
  await page.getByRole("option", { name: "failure" }).waitFor();
  await page.keyboard.type("fai");
  await page.waitForFunction(() => document.querySelectorAll("[role=option]").length === 1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await page.inputValue("#q"), "outcome:failure ");
  await page.keyboard.type("code:90021");
  await page.getByRole("option", { name: "900213" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await page.locator("#q").getAttribute("aria-expanded"), "false");
  assert.equal(await page.inputValue("#q"), "outcome:failure code:90021");
  await page.keyboard.press("Enter");
  await page.waitForURL(/outcome%3Afailure/);
  assert.deepEqual(wrong, []);
  await context.close();
});
