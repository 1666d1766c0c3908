// What the tests share: a server, a browser, and pages that are watched while a test looks at them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const bin = new URL("../../bin/browser/", import.meta.url);

/** Who and what is there. */
export const world = JSON.parse(await readFile(new URL("serve/world.json", import.meta.url)));
export const mentorPath = `/gk/api/mentor/contacts/${world.contactID}/courses/${world.courseKey}/`;

let server;
let browser;
let lms;
let mfe;

before(async () => {
  server = spawn(fileURLToPath(new URL("serve", bin)), { stdio: ["ignore", "pipe", "inherit"] });
  const [origins] = await Promise.race([
    once(createInterface({ input: server.stdout }), "line"),
    once(server, "exit").then(([status]) => Promise.reject(new Error(`the server ended with ${status}`))),
  ]);
  [lms, mfe] = origins.split(" ");
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium" });
  await mkdir(bin, { recursive: true });
});

after(async () => {
  await browser?.close();
  server?.kill();
});

/**
 * Makes a page for a test, in a browser of its own that is in New York, and closes it when the test ends. Whatever the test
 * is about, no script may fail and the page's Content-Security-Policy may not be touched.
 */
export async function newPage(t, { baseURL = lms, width = 1100 } = {}) {
  const context = await browser.newContext({
    baseURL, viewport: { width, height: 800 }, locale: "en-US", timezoneId: "America/New_York", colorScheme: "light",
  });
  const troubles = [];
  await context.exposeBinding("reportTrouble", (_, trouble) => troubles.push(trouble));
  await context.addInitScript(() => document.addEventListener("securitypolicyviolation",
    (event) => globalThis.reportTrouble(`${event.violatedDirective} forbids ${event.blockedURI}`)));
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => troubles.push(String(error)));
  t.after(async () => {
    await context.close();
    assert.deepEqual(troubles, []);
  });
  return page;
}

/**
 * Opens the course page for a test.
 *
 * @param {{lang?: string, dir?: string, scheme?: string, width?: number, onMFE?: boolean,
 *   routes?: Record<string, Function>}} setUp how the site is; and what becomes of requests to some paths, for trouble that
 *   a server has to be asked for
 */
export async function open(t, { lang = "en", dir = "ltr", scheme = "light", width, onMFE = false, routes = {} } = {}) {
  const page = await newPage(t, { width });
  for (const [path, handle] of Object.entries(routes)) {
    await page.route((url) => decodeURIComponent(url.pathname) === path, handle);
  }
  const path = onMFE ? `${mfe}/learning/course/${world.courseKey}/home` : `/courses/${world.courseKey}/course/`;
  await page.goto(`${path}?${new URLSearchParams({ lang, dir, scheme })}`);
  return page;
}

/** Waits until a component stands somewhere (its data-state), and gives it. */
export async function component(page, name, state = "ready") {
  const element = page.locator(`rollcall-${name}[data-state="${state}"]`);
  await element.waitFor({ state: state === "absent" ? "attached" : "visible" });
  return element;
}

/** The messages that have arrived at the server. */
export async function mailbox(page) {
  return (await page.request.get("/mailbox")).json();
}

/** A promise that a test keeps when it wants to. */
export function promise() {
  let keep;
  const kept = new Promise((resolve) => {
    keep = resolve;
  });
  return { kept, keep };
}

/** Keeps a picture of the page in bin/browser. */
export async function picture(page, name) {
  await page.screenshot({ path: fileURLToPath(new URL(`${name}.png`, bin)), fullPage: true });
}
