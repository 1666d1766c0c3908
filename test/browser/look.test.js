import assert from "node:assert/strict";
import { test } from "node:test";

import axe from "axe-core";

import { component, open, picture } from "./browser.js";

for (const scheme of ["light", "dark"]) {
  test(`axe finds nothing serious in a ${scheme} page`, async (t) => {
    const page = await open(t, { scheme });
    for (const name of ["courses", "support", "mentor"]) {
      await component(page, name);
    }
    await checkWithAxe(page);
    const mentor = page.locator("rollcall-mentor");
    await mentor.getByRole("button", { name: "Write a message" }).click();
    await mentor.getByLabel("Message to Dana Wells").fill("x".repeat(4900));
    await mentor.getByLabel("Subject").fill("x".repeat(201));
    await mentor.getByRole("button", { name: "Send" }).click();
    await mentor.getByText("too long").waitFor();
    await checkWithAxe(page);
    await picture(page, `${scheme}-form`);

    await mentor.getByLabel("Subject").fill("");
    await mentor.getByRole("button", { name: "Send" }).click();
    await mentor.getByText("has been sent").waitFor();
    await checkWithAxe(page);
    await picture(page, `${scheme}-sent`);
  });

  test(`axe finds nothing serious in a ${scheme} page while the API is down`, async (t) => {
    const page = await open(t, { scheme, routes: { "/gk/api/learner/me/": (route) => route.abort() } });
    await component(page, "courses", "failed");
    await checkWithAxe(page);
    await picture(page, `${scheme}-down`);
  });
}

test("a site chooses colors by custom properties, and everything else by parts", async (t) => {
  const page = await open(t);
  const mentor = await component(page, "mentor");
  await page.evaluate(() => {
    const site = new CSSStyleSheet();
    site.replaceSync(`
      rollcall-mentor { --rollcall-accent: rgb(122, 0, 96); --rollcall-radius: 0; }
      rollcall-mentor::part(name) { font-style: italic; }
      rollcall-courses::part(course-cancelled) { display: none; }`);
    document.adoptedStyleSheets = [site];
  });
  const style = (locator, property) => locator.evaluate((element, name) => getComputedStyle(element)[name], property);
  assert.equal(await style(mentor.getByRole("button"), "backgroundColor"), "rgb(122, 0, 96)");
  assert.equal(await style(mentor.locator("section"), "borderTopLeftRadius"), "0px");
  assert.equal(await style(mentor.locator("[part=name]"), "fontStyle"), "italic");
  assert.equal(await page.locator("rollcall-courses").getByText("3001C").isVisible(), false);
  await picture(page, "theme");
});

test("a Paragon theme lends its color", async (t) => {
  const page = await open(t);
  const mentor = await component(page, "mentor");
  await page.evaluate(() => document.documentElement.style.setProperty("--pgn-color-primary-base", "rgb(0, 82, 54)"));
  const button = mentor.getByRole("button");
  assert.equal(await button.evaluate((element) => getComputedStyle(element).backgroundColor), "rgb(0, 82, 54)");
});

async function checkWithAxe(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.flat().join(" ")).join(", ")}`), []);
}
