// Evidence: the page that checks it, alone from a disk without a network and as a page of the server, and the forms that make it.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inflateRawSync } from "node:zlib";
import { launch, open, server } from "./service.js";

let site, browser, folder;
before(async () => {
  [site, browser] = await Promise.all([server(), launch()]);
  folder = mkdtempSync(join(tmpdir(), "indelible-evidence-"));
  const event = (at) => ({
    catalog: "openkat", code: "091111", occurred_at: new Date(Date.now() - at * 1000).toISOString(),
    actor: { id: `u-${at}`, name: "Ann <b>Bold</b>" }, targets: [{ id: "t", name: "T" }], session: { id: "s-1" },
    message: "quote \" é 漢字 \u202e", data: { point: 0.25, big: "9007199254740993", list: [1, null, { a: true }] },
  });
  await site.send([1, 2, 3, 4, 5].map(event));
});
after(async () => {
  await browser?.close();
  await site?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** An answer of the API. */
async function api(path, body) {
  const answer = await fetch(`${site.url}/api/v1/orgs/default/${path}`, {
    method: body ? "POST" : "GET",
    headers: { authorization: `Bearer ${site.token}`, "content-type": "application/json" },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

const bundle = (q = "catalog:openkat") => api("bundles", { q, purpose: "a test" });

/** A part of a zip file. */
function part(zip, name) {
  let at = zip.readUInt32LE(zip.length - 22 + 16);
  for (let count = zip.readUInt16LE(zip.length - 22 + 10); count > 0; count -= 1) {
    const lengths = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    const header = zip.readUInt32LE(at + 42);
    const begin = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
    if (zip.toString("utf8", at + 46, at + 46 + lengths[0]) === name) return inflateRawSync(zip.subarray(begin, begin + zip.readUInt32LE(at + 20)));
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  throw new Error(`no ${name} in it`);
}

/** A page opened from a disk, without a network. */
async function fromDisk(html) {
  const path = join(folder, `verify-${Math.random().toString(36).slice(2)}.html`);
  writeFileSync(path, html);
  const { page, context, wrong } = await open(browser, "null", {});
  await context.setOffline(true);
  await page.goto(`file://${path}`);
  return { page, context, wrong: () => wrong.filter((text) => text !== `request: file://${path}`) };
}

const verdict = async (page) => {
  await page.locator("verify-files[data-result]").waitFor();
  return [await page.locator("verify-files").getAttribute("data-result"), await page.locator("verify-files .result").innerText()];
};
const choose = (page, name, data) => page.setInputFiles('input[type="file"]', { name, mimeType: "application/octet-stream", buffer: Buffer.from(data) });

test("the page inside a bundle checks it from a disk, without a network", async () => {
  const zip = await bundle();
  const { page, context, wrong } = await fromDisk(part(zip, "verify.html"));
  const [result, text] = await verdict(page);
  assert.equal(result, "ok", text);
  assert.match(text, /5 events are those that their leaves were made from/);
  assert.match(text, /event \d+ of the log records this manifest/);
  assert.match(text, /signed by/);
  assert.equal(await page.locator("verify-files tbody tr").count(), 5);
  assert.ok(text.includes("Ann <b>Bold</b>"), text);
  await choose(page, "evidence.zip", zip);
  await page.locator("h2", { hasText: "It holds: evidence.zip" }).waitFor();
  assert.deepEqual(wrong(), []);
  await context.close();
});

test("the page says no to an event that was changed inside it, and to a changed file that is dropped on it", async () => {
  const zip = await bundle();
  const html = part(zip, "verify.html").toString();
  const inside = Buffer.from(html.match(/id="bundle">([^<]*)</)[1], "base64");
  // Stored again without compression, one letter of one event is changed.
  const changed = rewritten(inside, "events.ndjson", (data) => Buffer.from(data.toString().replace("u-3", "u-4")));
  const { page, context, wrong } = await fromDisk(html.replace(/(id="bundle">)[^<]*/, `$1${changed.toString("base64")}`));
  const [result, text] = await verdict(page);
  assert.equal(result, "no", text);
  assert.match(text, /event \d+: events\.ndjson: actor differs from the proven event/);
  for (const [name, change, expected] of [
    ["proofs.bin", (data) => ((data[40] ^= 1), data), /root|leaf/],
    ["checkpoint", (data) => Buffer.from(data.toString().replace("\n\n— ", "\n\n— x")), /not signed|SHA-256/],
    ["manifest.json", (data) => Buffer.from(data.toString().replace("a test", "a tesT")), /not the one that the log recorded/],
    ["verify.html", (data) => Buffer.from(data.toString().replace(/(id="bundle">)[^<]*/, (_, open) => open + changed.toString("base64"))), /inside verify\.html is not the/],
    ["README.txt", (data) => Buffer.concat([data, Buffer.from(" ")]), /README\.txt is not the file/],
  ]) {
    await choose(page, `${name}.zip`, rewritten(zip, name, change));
    await page.locator("h2", { hasText: `${name}.zip` }).filter({ hasNotText: "Checking" }).waitFor();
    const [result, text] = await verdict(page);
    assert.equal(result, "no", `${name}: ${text}`);
    assert.match(text, expected);
  }
  assert.deepEqual(wrong(), []);
  await context.close();
});

test("the public page checks what is chosen or pasted and sends nothing", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/verify`);
  await page.locator("verify-files .drop").waitFor();
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  await choose(page, "evidence.zip", await bundle());
  let [result, text] = await verdict(page);
  assert.equal(result, "ok", text);
  const log = JSON.parse(await api("log"));
  const [found] = JSON.parse(await api("events?q=actor.id:u-2")).items;
  const proof = (await api(`events/${found.id}/proof?wait=30`)).toString();
  const key = page.getByLabel("Key of the log");
  await key.fill(log.keys[0].vkey);
  await choose(page, "one.tlog-proof", proof);
  await page.locator("h2", { hasText: "It holds: one.tlog-proof" }).waitFor();
  [result, text] = await verdict(page);
  assert.match(text, /with the key that you gave/);
  await page.getByLabel("Or paste").fill(proof.replace(/^index (\d+)/m, (_, index) => `index ${Number(index) + 1}`));
  await page.getByRole("button", { name: "Check what was pasted" }).click();
  await page.locator("h2", { hasText: "IT DOES NOT HOLD" }).waitFor();
  const receipt = { log: "default", index: 1, id: found.id, leaf_hash: Buffer.alloc(32).toString("base64"), received_at: found.received_at };
  await page.getByLabel("Or paste").fill(JSON.stringify(receipt));
  await page.getByRole("button", { name: "Check what was pasted" }).click();
  await page.locator("h2", { hasText: "A receipt is not a proof" }).waitFor();
  await page.getByLabel("Or paste").fill("nonsense <img src=x>");
  await page.getByRole("button", { name: "Check what was pasted" }).click();
  await page.locator(".steps li.no", { hasText: "cannot be read" }).waitFor();
  assert.deepEqual(requests, []);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("without scripts the public page says how to check by command", async () => {
  const { page, context, wrong } = await open(browser, site.url, { javaScriptEnabled: false });
  await page.goto(`${site.url}/verify`);
  assert.match(await page.locator("main").innerText(), /indelible bundle verify/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("a bundle is made from each page that shows events", async () => {
  const { page, context, wrong } = await open(browser, site.url);
  await page.goto(`${site.url}/login`);
  await page.locator("summary", { hasText: "API key" }).click();
  await page.fill("#key", site.token);
  await page.press("#key", "Enter");
  await page.waitForURL((url) => url.pathname !== "/login");
  const [found] = JSON.parse(await api("events?q=actor.id:u-2")).items;
  for (const [path, rows] of [
    ["explore?q=catalog%3Aopenkat&since=", 5],
    ["timeline?by=session&value=s-1&catalog=openkat", 5],
    [`e/${found.id}`, 1],
    ["integrity", null],
  ]) {
    await page.goto(`${site.url}/o/default/${path}`);
    await page.locator("details.bundle summary").click();
    await page.getByLabel("What for (optional)").fill("case 9");
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Make and download" }).click()]);
    const manifest = JSON.parse(part(readFileSync(await download.path()), "manifest.json"));
    assert.equal(manifest.purpose, "case 9");
    if (rows) assert.equal(manifest.rows, rows, path);
  }
  assert.deepEqual(wrong, []);
  await context.close();
});

/** The zip file with one part changed; parts are stored as they are. */
function rewritten(zip, changed, change) {
  const [files, names, directory] = [[], [], []];
  let at = zip.readUInt32LE(zip.length - 22 + 16);
  for (let count = zip.readUInt16LE(zip.length - 22 + 10); count > 0; count -= 1) {
    const lengths = [28, 30, 32].map((offset) => zip.readUInt16LE(at + offset));
    names.push(zip.toString("utf8", at + 46, at + 46 + lengths[0]));
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  let offset = 0;
  for (const name of names) {
    const data = name === changed ? change(Buffer.from(part(zip, name))) : part(zip, name);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt32LE(data.length, 22);
    header.writeUInt16LE(name.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt32LE(data.length, 20);
    entry.writeUInt32LE(data.length, 24);
    entry.writeUInt16LE(name.length, 28);
    entry.writeUInt32LE(offset, 42);
    files.push(header, Buffer.from(name), data);
    directory.push(entry, Buffer.from(name));
    offset += 30 + name.length + data.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(names.length, 8);
  end.writeUInt16LE(names.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...files, ...directory, end]);
}
