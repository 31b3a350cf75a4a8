// People in a browser: claiming, inviting, an authenticator, keys; accessibility, narrow screens, no scripts.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { launch, open, server } from "./service.js";

const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const PHRASE = "seven quiet herons";
/** A page that refuses says so with its status, and the browser repeats that. */
const refused = (text) => /the server responded with a status of 4(00|03)|Clear-Site-Data/.test(text);

let site, browser;
before(async () => {
  [site, browser] = await Promise.all([server(), launch()]);
});
after(async () => {
  await browser?.close();
  await site?.stop();
});

/** What an authenticator shows (RFC 6238). */
function code(secret) {
  const bits = [...secret].map((letter) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const digest = createHmac("sha1", key).update(step).digest();
  const at = digest[19] & 15;
  return String((digest.readUInt32BE(at) & 0x7fffffff) % 1000000).padStart(6, "0");
}

async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
}

/** Cookies of the owner, once the node is claimed. */
let owner;

test("the keyboard claims the server, and the token leaves the address", async () => {
  const { page, context, wrong } = await open(browser, site.url, { expected: refused });
  await page.goto(site.claim);
  await page.waitForFunction(() => !location.hash);
  assert.equal(await page.locator("#token").isVisible(), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "name");
  for (const text of ["Olga Owner", "olga@example.org", "short", "short"]) {
    await page.keyboard.type(text);
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  assert.match(page.url(), /\/setup$/, "the browser refuses a short one already");
  await page.fill("#passphrase", "password1234");
  await page.fill("#again", "password1234");
  await page.click("button.main");
  assert.match(await page.getByRole("alert").innerText(), /guessed first/);
  await page.fill("#passphrase", PHRASE);
  await page.fill("#again", PHRASE);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/me$/);
  assert.match(await page.locator("main").innerText(), /owner of all/);
  owner = await context.storageState();
  await page.goto(site.claim);
  assert.match(await page.getByRole("alert").innerText(), /No claim link works now/);
  assert.deepEqual(wrong, []);
  await context.close();
});

test("without scripts: invite, set a passphrase, log in with a code", async () => {
  const { page, context, wrong } = await open(browser, site.url, { javaScriptEnabled: false, storageState: owner, expected: refused });
  await page.goto(`${site.url}/o/default/people`);
  await page.fill("#name", "Ann Winter");
  await page.fill("#email", "ann@example.org");
  await page.selectOption("#role", "auditor");
  await page.click("button.main");
  const link = await page.inputValue("#shown-once");
  await page.reload();
  assert.equal(await page.locator("#shown-once").count(), 0, "it is shown once");
  await context.close();

  const other = await open(browser, site.url, { javaScriptEnabled: false, expected: refused });
  await other.page.goto(link);
  await other.page.fill("#token", link.split("#t=")[1]);
  await other.page.fill("#passphrase", PHRASE);
  await other.page.fill("#again", PHRASE);
  await other.page.click("button.main");
  await other.page.waitForURL(/\/me$/);
  await other.page.getByRole("link", { name: "Set up" }).click();
  const secret = await other.page.inputValue("#secret");
  assert.ok(await other.page.getByRole("img", { name: /QR code/ }).isVisible());
  await other.page.fill("#code", code(secret));
  await other.page.fill("#old", PHRASE);
  await other.page.click("button.main");
  const codes = await other.page.locator("ul.codes li").allInnerTexts();
  assert.equal(codes.length, 10);
  await other.page.locator("summary", { hasText: "Ann Winter" }).click();
  await other.page.getByRole("button", { name: "Log out", exact: true }).click();
  await other.page.waitForURL(/\/login$/);
  await other.page.fill("#email", "ann@example.org");
  await other.page.fill("#passphrase", PHRASE);
  await other.page.click("button.main");
  await other.page.waitForURL(/\/login\/code/);
  await other.page.fill("#code", codes[0]);
  await other.page.click("button.main");
  await other.page.waitForURL((url) => url.pathname.startsWith("/o/"));
  const pages = await other.page.locator("nav[aria-label=Pages] a").allInnerTexts();
  assert.ok(pages.includes("People") && pages.includes("Keys") && !pages.includes("Organizations"), pages.join());
  await other.page.goto(`${site.url}/o/default/keys`);
  assert.equal(await other.page.locator("main form").count(), 0, "an auditor looks and changes nothing");
  assert.deepEqual([...wrong, ...other.wrong], []);
  await other.context.close();
});

test("keys are made, rotated and revoked", async () => {
  const { page, context, wrong } = await open(browser, site.url, { storageState: owner });
  await page.goto(`${site.url}/o/default/keys`);
  await page.fill("#label", "door controllers");
  await page.click("button.main");
  const first = await page.inputValue("#shown-once");
  await page.getByRole("button", { name: `Rotate key ${first.split("_")[2]}` }).click();
  const second = await page.inputValue("#shown-once");
  assert.notEqual(first, second);
  await page.getByRole("button", { name: `Revoke key ${first.split("_")[2]}` }).click();
  assert.match(await page.getByRole("status").innerText(), /is revoked/);
  assert.deepEqual(wrong, []);
  await context.close();
});

const paths = async () => {
  const answer = await fetch(`${site.url}/api/v1/people`, { headers: { authorization: `Bearer ${site.token}` } });
  const { items } = await answer.json();
  return ["/o/default/people", `/o/default/people/${items[0].id}`, "/o/default/keys", "/organizations", "/me", "/me/totp"];
};
const OUTSIDE = ["/login", "/setup", "/invitation"];

for (const colorScheme of ["light", "dark"]) {
  test(`no page breaks a rule of accessibility or policy, ${colorScheme}`, async () => {
    for (const [storageState, all] of [[owner, await paths()], [undefined, OUTSIDE]]) {
      const { page, context, wrong } = await open(browser, site.url, { colorScheme, storageState });
      for (const path of all) {
        await page.goto(site.url + path);
        assert.equal(new URL(page.url()).pathname, path);
        assert.deepEqual(await violations(page), [], path);
      }
      assert.deepEqual(wrong, []);
      await context.close();
    }
  });
}

test("320 pixels are enough: nothing but tables scrolls sideways", async () => {
  for (const [storageState, all] of [[owner, await paths()], [undefined, OUTSIDE]]) {
    const { page, context } = await open(browser, site.url, { viewport: { width: 320, height: 640 }, storageState });
    for (const path of all) {
      await page.goto(site.url + path);
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(width <= 320, `${path} is ${width} wide`);
    }
    await context.close();
  }
});
