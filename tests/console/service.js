// Starts the built program and a browser, and holds every page to what must be true of all of them.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const PROGRAM = process.env.INDELIBLE ?? new URL("../../target/debug/indelible", import.meta.url).pathname;
const BROWSER = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** Runs a command of the program until it says that it is ready; gives what it said and how to end it. */
async function run(args, home) {
  const child = spawn(PROGRAM, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, HOME: home, TMPDIR: home, XDG_STATE_HOME: home } });
  const said = [];
  for await (const line of createInterface({ input: child.stderr })) {
    said.push(line);
    if (line.startsWith("ready")) break;
  }
  child.stderr.resume();
  const end = () => new Promise((resolve) => (child.once("exit", resolve), child.kill("SIGTERM")));
  return { said, end };
}

function value(said, beginning) {
  const line = said.map((line) => line.trim()).find((line) => line.startsWith(beginning));
  if (!line) throw new Error(`the program did not say ${beginning}: ${said.join("\n")}`);
  return line.slice(beginning.length).trim();
}

/** A demonstration with its invented events; `tool` runs a command beside it. */
export async function demo(events = 33_000) {
  const home = mkdtempSync(join(tmpdir(), "indelible-console-"));
  const { said, end } = await run(["demo", "--events", String(events), "--listen", "127.0.0.1:0"], home);
  const url = value(said, "Console").replace(/\/$/, "");
  const token = value(said, "export INDELIBLE_SERVER=").split("INDELIBLE_TOKEN=")[1];
  const env = { ...process.env, HOME: home, TMPDIR: home, INDELIBLE_SERVER: url, INDELIBLE_ORG: "noordwal", INDELIBLE_TOKEN: token };
  const tool = (...args) => {
    const { status, stdout, stderr } = spawnSync(PROGRAM, args, { env, encoding: "utf8" });
    return { status, stdout, stderr };
  };
  return { url, token, home, said, tool, stop: () => end().then(() => rmSync(home, { recursive: true, force: true })) };
}

/** A server of its own with an administrator's key and a claim link. */
export async function server() {
  const home = mkdtempSync(join(tmpdir(), "indelible-console-"));
  const { said, end } = await run(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", join(home, "data")], home);
  const url = value(said, "API").replace(/\/api\/v1$/, "");
  const token = value(said, "export INDELIBLE_TOKEN=");
  const claim = said.map((line) => line.trim()).find((line) => line.includes("/setup#t="));
  const send = async (events) => {
    const answer = await fetch(`${url}/api/v1/orgs/default/events`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ events }),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  };
  return { url, token, claim, send, stop: () => end().then(() => rmSync(home, { recursive: true, force: true })) };
}

export const launch = () => chromium.launch({ executablePath: BROWSER, args: ["--no-sandbox", "--disable-gpu"] });

/**
 * A page that remembers everything that must not happen: messages on the console, errors, requests to other hosts.
 * @param {import("playwright-core").Browser} browser
 */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const wrong = [];
  const expected = options.expected ?? (() => false);
  page.on("console", (message) => expected(message.text()) || wrong.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => wrong.push(`error: ${error}`));
  page.on("request", (request) => new URL(request.url()).origin === url || request.url().startsWith("data:") || wrong.push(`request: ${request.url()}`));
  const size = { bytes: 0, requests: 0 };
  page.on("response", async (response) => {
    size.requests += 1;
    size.bytes += Number((await response.request().sizes().catch(() => ({ responseBodySize: 0 }))).responseBodySize);
  });
  return { page, context, wrong, size };
}
