// The way of a newcomer: from the first command to something found, seen, proved, handed over, tampered with and recorded by
// oneself. Each step is done by a browser or a command, and timed. With WALK set to a file, the transcript is written there.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { demo, launch, open } from "./service.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PAGE = join(ROOT, "docs/guide/five-minutes.md");
const EVENTS = Number(process.env.WALK_EVENTS ?? 33_000);
/** What the whole may take without building: people read meanwhile. */
const MOST_SECONDS = 300;

test("five minutes from the first command to an event of one's own", { timeout: 600_000 }, async () => {
  const steps = [];
  const started = performance.now();
  let last = started;
  /** Notes what was done and what came of it. */
  const done = (title, seen, command) => {
    const now = performance.now();
    steps.push({ title, seen, command, seconds: (now - last) / 1000, at: (now - started) / 1000 });
    last = now;
  };
  const site = await demo(EVENTS);
  const browser = await launch();
  try {
    const invented = site.said.map((line) => Number(/: (\d+) events of 90 days/.exec(line)?.[1] ?? 0)).reduce((sum, count) => sum + count, 0);
    done("Start", `${invented.toLocaleString("en")} invented events of two organizations over 90 days, and a console`, "indelible demo");
    const { page, context, wrong } = await open(browser, site.url, { acceptDownloads: true });
    const card = async (name) => {
      await page.goto(`${site.url}/o/noordwal`);
      await page.locator(".tour a", { hasText: name }).click();
      await page.waitForURL((url) => url.pathname !== "/o/noordwal");
    };

    await card("Find it");
    const story = await page.locator("main").innerText();
    assert.match(story, /40 failed/);
    assert.match(story, /Multi-factor authentication disabled/);
    const rows = await page.locator("table.rows tbody tr").count();
    done("Find it", `${rows} events from one address: 40 failed log-ins, one that succeeded, the second factor turned off, a new API key, a report taken out`);

    await card("See the story");
    assert.equal(await page.locator(".lanes rect.span").count(), 4);
    done("See the story", "one support session as a timeline: four things that began and ended, in their lanes");

    await card("Prove it");
    await page.getByRole("button", { name: "Check in this browser" }).click();
    await page.locator('proof-check[data-result="ok"]').waitFor();
    assert.match(await page.locator("proof-check").innerText(), /signed by/);
    done("Prove it", "the browser recomputed the leaf, the way to the root, and the signature: all three fit");

    await card("Hand it to the auditor");
    await page.locator("details.bundle summary").click();
    await page.getByLabel("What for (optional)").fill("the night before the last day");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make and download" }).click()]);
    const bundle = join(site.home, "evidence.zip");
    await download.saveAs(bundle);
    const checked = site.tool("--json", "bundle", "verify", bundle);
    assert.equal(checked.status, 0, checked.stderr);
    const size = readFileSync(bundle).length;
    done("Hand it over", `${JSON.parse(checked.stdout).events} events in one file of ${Math.round(size / 1000)} kB; the check, offline: it holds`, "indelible bundle verify evidence.zip");

    const tampered = site.tool("demo", "tamper");
    assert.equal(tampered.status, 0, tampered.stderr);
    const folder = /indelible verify --data (\S+)/.exec(tampered.stderr)[1];
    const verified = site.tool("verify", "--data", folder);
    assert.equal(verified.status, 3, verified.stderr);
    const fault = /^\S+ at byte \d+, event \d+/m.exec(verified.stderr)?.[0];
    assert.ok(fault, verified.stderr);
    await page.goto(`${site.url}/o/noordwal/integrity`);
    await page.getByRole("button", { name: "Verify now" }).click();
    await page.locator(".verified.bad").waitFor();
    assert.match(await page.locator(".verified.bad").innerText(), /not what was recorded[\s\S]*at byte \d+, event \d+/);
    done("Tamper", `one bit changed on the disk; \`verify\` exits 3 and names ${fault.replace(/^\S+/, "the file")}; Integrity says so in red`, "indelible demo tamper");
    assert.equal(site.tool("demo", "tamper", "--undo").status, 0);
    await page.getByRole("button", { name: "Verify now" }).click();
    await page.locator(".verified.good").waitFor();
    done("Undo", "the bit turned back: everything holds", "indelible demo tamper --undo");

    const own = { catalog: "openkat", code: "091111", occurred_at: new Date().toISOString(), actor: { id: "me", name: "Me Myself" }, message: "my first event" };
    const sent = await fetch(`${site.url}/api/v1/orgs/noordwal/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${site.token}`, "content-type": "application/json" },
      body: JSON.stringify(own),
    });
    assert.equal(sent.status, 201);
    const { receipt } = await sent.json();
    await page.goto(`${site.url}/o/noordwal/explore?q=actor.id%3Ame`);
    await page.locator("table.rows tbody tr", { hasText: "Me Myself" }).waitFor();
    done("An event of your own", `recorded at index ${receipt.index.toLocaleString("en")}, with a receipt, and found at once`, "curl …/events -d '{\"catalog\":\"openkat\",\"code\":\"091111\",…}'");

    const file = join(ROOT, "tests/data/openkat-run.jsonl");
    const viewed = site.tool("--json", "view", "--format", "openkat", "--zone", "Europe/Amsterdam", file);
    assert.equal(viewed.status, 0, viewed.stderr);
    const imported = site.tool("--json", "import", "--format", "openkat", "--zone", "Europe/Amsterdam", file);
    assert.equal(imported.status, 0, imported.stderr);
    await page.goto(`${site.url}/o/noordwal/explore?q=flag%3Aimported&since=`);
    const found = await page.locator("table.rows tbody tr").count();
    assert.equal(found, 18);
    done("A file of your own", `${found} events of a real OpenKAT run, looked at without a server and then imported`, "indelible view openkat.jsonl; indelible import --format openkat openkat.jsonl");
    assert.deepEqual(wrong, []);
    await context.close();
  } finally {
    await browser.close();
    await site.stop();
  }
  const total = steps.at(-1).at;
  assert.ok(total < MOST_SECONDS, `${total} s`);
  if (process.env.WALK) write(process.env.WALK, steps);
  const page = readFileSync(PAGE, "utf8");
  for (const { title } of steps) assert.ok(page.includes(`| ${title} |`), `${title} is not in docs/guide/five-minutes.md; write it again with: cargo xtask walk`);
});

/** Puts the transcript between the marks of the page. */
function write(path, steps) {
  const row = ({ title, seen, command, seconds, at }) => `| ${title} | ${command ? `\`${command}\`<br>` : ""}${seen} | ${seconds.toFixed(1)} | ${at.toFixed(1)} |`;
  const table = ["| step | what is done and seen | seconds | after |", "|---|---|--:|--:|", ...steps.map(row)].join("\n");
  const text = readFileSync(path, "utf8");
  const [before, rest] = text.split("<!-- transcript -->\n");
  const after = rest.slice(rest.indexOf("<!-- end -->"));
  const how = `Written with ${EVENTS.toLocaleString("en")} events by the ${process.env.WALK_BUILD ?? "debug"} build.`;
  writeFileSync(path, `${before}<!-- transcript -->\n${table}\n\n${how}\n${after}`);
}
