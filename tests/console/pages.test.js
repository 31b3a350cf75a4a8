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
  await opened.page.locator("summary", { hasText: "API key" }).click();
  await opened.page.fill("#key", own.token);
  await opened.page.press("#key", "Enter");
  await opened.page.waitForURL((url) => url.pathname !== "/login");
  return opened;
}

/** The longest task of a page's main thread in milliseconds of its own time, which other programs do not lengthen. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const thread = (event) => `${event.pid}/${event.tid}`;
  const main = new Set(traceEvents.filter((event) => event.name === "thread_name" && event.args.name === "CrRendererMain").map(thread));
  const tasks = traceEvents.filter((event) => event.ph === "X" && /RunTask/.test(event.name) && main.has(thread(event)));
  return Math.max(0, ...tasks.map((event) => (event.tdur ?? event.dur) / 1000));
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
    await browser.startTracing(page, { categories: ["toplevel"] });
    const now = Date.now();
    for (let batch = 0; batch < 40; batch += 1) {
      await own.send(Array.from({ length: 1000 }, (_, at) => login(now + batch * 1000 + at, `u-${batch}`)));
    }
    // A selector of the driver would look at every row for every change; this asks the browser's own.
    await page.waitForFunction(
      () => {
        const { count, shown, left } = document.querySelector("live-tail").dataset;
        return count === "40000" && shown === "2000" && left === "38000";
      },
      null,
      { timeout: 120_000, polling: 500 },
    );
    const longest = longestTask(await browser.stopTracing());
    assert.ok(longest > 0 && longest < 200, `a task took ${longest} ms`);
    const tail = await page.locator("live-tail").evaluate((tail) => ({ ...tail.dataset }));
    assert.equal(Number(tail.shown) + Number(tail.left), 40_000);
    assert.equal(await page.locator(".tail .line").count(), 2000);
    assert.match(await page.locator(".tail .line").first().innerText(), /u-39/);
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

test("a stretch of bars is chosen by pointer and by keyboard, and left again", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  const start = `${site.url}/o/noordwal/explore?q=&since=-90d`;
  const count = () => page.locator(".summary > div > strong").innerText().then((text) => Number(text.replace(/\D/g, "")));
  await page.goto(start);
  const all = await count();
  await page.locator("svg.chart a").first().focus();
  await page.keyboard.press("ArrowRight");
  for (let step = 0; step < 20; step += 1) await page.keyboard.press("Shift+ArrowRight");
  assert.equal(await page.locator("svg.chart a.picked").count(), 21);
  await page.keyboard.press("Enter");
  await page.waitForURL(/since=20\d\d-.*until=20\d\d-/);
  const some = await count();
  assert.ok(some > 0 && some < all, `${some} of ${all}`);
  await page.getByRole("link", { name: "zoom out" }).click();
  await page.waitForURL((url) => url.searchParams.get("since") !== null);
  assert.ok((await count()) > some);
  await page.goto(start);
  const box = await page.locator("svg.chart").boundingBox();
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.45, box.y + box.height / 2, { steps: 8 });
  await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2, { steps: 8 });
  await page.mouse.up();
  await page.waitForURL(/since=20\d\d-.*until=20\d\d-/);
  const dragged = await count();
  assert.ok(dragged > 0 && dragged < all, `${dragged} of ${all}`);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("columns are in the address, and the file has those of the page", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  const shown = async () => ({
    head: await page.locator("table.grid thead th").allInnerTexts(),
    rows: await page.locator("table.grid tbody tr:not(.over)").evaluateAll((rows) => rows.map((row) => [...row.cells].map((cell) => (cell.querySelector("a") ?? cell.querySelector("span"))?.textContent ?? ""))),
  });
  const file = async () => {
    const text = await page.evaluate(async (href) => (await fetch(href)).text(), await page.getByRole("link", { name: "CSV" }).getAttribute("href"));
    return text.trim().split("\r\n");
  };
  await page.goto(`${site.url}/o/noordwal/explore?q=catalog%3Asanernow&since=-90d&until=-1h&layout=sanernow&limit=1000`);
  const saner = await shown();
  assert.deepEqual(saner.head, ["Job Code", "Date", "Organization", "Account", "User", "Message"]);
  const lines = await file();
  assert.equal(lines[0], saner.head.join(","));
  assert.equal(lines.length, 1 + Number((await page.locator(".summary > div > strong").innerText()).replace(/\D/g, "")));
  const texts = saner.rows.map((row) => row.map((text) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)).join(","));
  assert.deepEqual(texts.slice(0, 50), lines.slice(1, 51));
  await page.goto(`${site.url}/o/noordwal/explore?q=catalog%3Anetop&since=-4d&layout=netop&limit=250`);
  const netop = await shown();
  assert.equal(netop.head.length, 14);
  const groups = await page.locator("tr.over").allInnerTexts();
  assert.ok(groups.length > 3 && groups.findIndex((text) => text.startsWith("without session")) >= groups.length - 1 || !groups.some((text) => text.startsWith("without")), groups.join("; "));
  await page.locator("tr.over a").first().click();
  await page.waitForURL(/timeline\?by=session/);
  await page.goto(`${site.url}/o/noordwal/explore?q=catalog%3Aopenkat&since=-30d&layout=openkat`);
  assert.ok((await page.locator("table.grid .chip.crude").count()) > 0);
  await page.locator("summary", { hasText: "Columns" }).click();
  await page.fill("#add", "session");
  await page.getByRole("button", { name: "Add" }).click();
  await page.waitForURL(/session/);
  assert.ok((await shown()).head.includes("session"));
  assert.deepEqual(wrong, []);
  await context.close();
});

test("searches are kept, found again, shared only by those who may, and forgotten", async () => {
  const own = await server();
  try {
    await own.send([login(Date.now(), "ann"), login(Date.now(), "bob")]);
    const { page, context, wrong } = await entered(own);
    await page.goto(`${own.url}/o/default/explore?q=actor%3Aann&since=-7d&cols=time,actor&limit=25`);
    await page.locator("summary", { hasText: "Views" }).click();
    const hostile = "<b>Ann's</b> log-ins";
    await page.fill("#view", hostile);
    await page.locator("[name=team]").check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/\/views$/);
    assert.ok((await page.locator("table.views").innerText()).includes(hostile));
    await page.getByRole("link", { name: hostile }).click();
    await page.waitForURL(/q=actor%3Aann&since=-7d/);
    const asked = new URL(page.url()).searchParams;
    assert.deepEqual([asked.get("cols"), asked.get("limit")], ["time,actor", "25"]);
    assert.equal(await page.locator("table.grid tbody tr").count(), 1);
    await page.goto(`${own.url}/o/default/views`);
    await page.locator("table.views summary").click();
    await page.locator("table.views [name=name]").fill("renamed");
    await page.locator("table.views").getByRole("button", { name: "Save" }).click();
    await page.getByRole("link", { name: "renamed" }).waitFor();
    await page.goto(`${own.url}/o/default/explore?q=catalog%3Aindelible+entity%3ACONFIG&since=`);
    assert.equal(await page.locator("table.rows tbody tr").count(), 2);
    await page.goto(`${own.url}/o/default/views`);
    await page.locator("table.views summary").click();
    await page.locator("table.views").getByRole("button", { name: "Delete" }).click();
    await page.getByText("None yet").waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
  } finally {
    await own.stop();
  }
});

test("single keys do what the list of keys says, and can be switched off", async () => {
  const { page, context, wrong } = await open(browser, site.url, { timezoneId: "Asia/Tokyo" });
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-90d&until=-1h`);
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keyboard" });
  await dialog.waitFor();
  assert.match(await dialog.innerText(), /times in UTC/);
  await page.keyboard.press("Escape");
  await page.keyboard.press("u");
  await page.locator("th", { hasText: "Time (Asia/Tokyo)" }).waitFor();
  await page.keyboard.press("u");
  await page.locator("th", { hasText: "Time (UTC)" }).waitFor();
  const actor = page.locator("td.who a").first();
  const name = await actor.innerText();
  await actor.focus();
  await page.keyboard.press("x");
  await page.waitForURL(/q=-actor/);
  assert.ok(!(await page.locator("td.who a:first-child").allInnerTexts()).includes(name));
  await page.keyboard.press("g");
  await page.keyboard.press("l");
  await page.waitForURL(/\/live\?/);
  await page.keyboard.press("?");
  await page.getByLabel("Single keys do something").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("body").press("/");
  assert.notEqual(await page.evaluate(() => document.activeElement.id), "q");
  assert.deepEqual(wrong, []);
  await context.close();
});

test("the language follows the browser until one is chosen", async () => {
  const { page, context, wrong } = await open(browser, site.url, { locale: "nl-NL", javaScriptEnabled: false });
  await page.goto(`${site.url}/o/noordwal/explore?q=&since=-7d`);
  assert.ok(await page.getByRole("button", { name: "Zoeken" }).isVisible());
  assert.ok(await page.getByRole("columnheader", { name: "Uitkomst" }).isVisible());
  await page.locator("summary", { hasText: "guest" }).click();
  await page.getByRole("button", { name: "English" }).click();
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  assert.ok(await page.getByRole("button", { name: "Search", exact: true }).isVisible());
  assert.deepEqual(wrong, []);
  await context.close();
});

test("an event shows its neighbours, who looked at it, and a catalog what never came", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/o/noordwal/e/1201`);
  await page.goto(`${site.url}/o/noordwal/e/1201?around=actor&n=10`);
  const around = page.locator("#around tbody tr");
  assert.equal(await around.count(), 21);
  assert.equal(await page.locator("#around tr[aria-current]").count(), 1);
  const times = await page.locator("#around time").evaluateAll((all) => all.map((time) => time.dateTime));
  assert.deepEqual(times, [...times].sort());
  const readers = page.locator("section", { has: page.getByRole("heading", { name: "Who looked at it" }) });
  await readers.locator("tbody tr").first().waitFor();
  assert.match(await readers.innerText(), /Event read/);
  await page.goto(`${site.url}/catalogs/netop?o=noordwal`);
  const seen = page.locator("#seen");
  assert.match(await seen.innerText(), /Types that never came: \d+/);
  assert.match(await seen.innerText(), /not declared: 0/);
  assert.deepEqual(wrong, []);
  await context.close();
});
