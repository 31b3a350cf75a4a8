import { demo, launch, open } from "./service.js";
const [site, browser] = await Promise.all([demo(), launch()]);
const shots = JSON.parse(process.argv[2]);
for (const [name, path, scheme, width, height] of shots) {
  const { page, context } = await open(browser, site.url, { colorScheme: scheme ?? "light", viewport: { width: width ?? 1400, height: height ?? 900 } });
  await page.goto(site.url + path);
  await page.waitForTimeout(name.startsWith("live") ? 6000 : 200);
  await page.screenshot({ path: `/tmp/shots/${name}.png` });
  await context.close();
}
await browser.close(); await site.stop();
