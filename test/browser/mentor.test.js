import assert from "node:assert/strict";
import { test } from "node:test";

import { component, mentorPath, open, picture, world } from "./browser.js";

test("a learner sees who mentors the course, and when, in the mentor's time zone", async (t) => {
  const page = await open(t);
  const mentor = await component(page, "mentor");
  await mentor.getByRole("region", { name: "Your mentor Dana Wells" }).waitFor();
  const text = async (part) => (await mentor.locator(`[part=${part}]`).allTextContents()).map((shown) => shown.replace(/\s/g, " "));
  assert.deepEqual(await text("name"), [world.mentor.displayName]);
  assert.deepEqual(await text("biography"), [world.mentor.biography]);
  assert.deepEqual(await text("languages"), ["LanguagesEnglish and German"]);
  assert.deepEqual(await text("days"), ["Mon–Wed", "Fri"]);
  assert.deepEqual(await text("hours"), ["9:00 AM – 12:30 PM", "2:00 PM – 5:00 PM"]);
  assert.deepEqual(await text("time-zone"), ["Times are in Central European Time."]);
  await picture(page, "page");
});

test("a deputy is shown as one", async (t) => {
  const page = await open(t, { routes: { [mentorPath]: json({ ...world.mentor, displayName: "Sam Okoro", isDeputy: true }) } });
  const mentor = await component(page, "mentor");
  await mentor.getByRole("heading", { name: "Standing in for your mentor" }).waitFor();
  assert.equal(await mentor.locator("[part=name]").innerText(), "Sam Okoro");
});

test("what a mentor does not tell is left out", async (t) => {
  const page = await open(t, { routes: { [mentorPath]: json({ courseCode: "1234A", displayName: "Dana Wells" }) } });
  const mentor = await component(page, "mentor");
  assert.equal(await mentor.locator("dl, img, [part=biography]").count(), 0);
  await mentor.getByText("DW", { exact: true }).waitFor();
});

test("a language whose name the browser does not know is told by its tag", async (t) => {
  const languages = ["en", "de-DE-DE", "pt-br-x", "en-1"]; // no Intl takes the last three
  const page = await open(t, { routes: { [mentorPath]: json({ ...world.mentor, languages }) } });
  const mentor = await component(page, "mentor");
  await mentor.getByText("English, de-DE-DE, pt-br-x, and en-1").waitFor();
});

test("the course is found in an address that is not well-formed elsewhere", async (t) => {
  const page = await open(t);
  await page.goto(`/courses/${world.courseKey}/course/%FF`);
  await component(page, "mentor");
});

test("initials stand in for a photo that does not load", async (t) => {
  const page = await open(t, { routes: { [world.mentor.photoURL]: (route) => route.fulfill({ status: 404 }) } });
  const mentor = await component(page, "mentor");
  await mentor.getByText("DW", { exact: true }).waitFor();
});

test("the host of a photo does not hear which page shows it", async (t) => {
  let referrer;
  const page = await open(t, {
    routes: {
      [world.mentor.photoURL]: async (route) => {
        referrer = await route.request().headerValue("referer");
        await route.continue();
      },
    },
  });
  await (await component(page, "mentor")).locator("img").evaluate((image) => image.decode());
  assert.equal(referrer, null);
});

test("where nobody mentors the course, nothing is shown", async (t) => {
  const page = await open(t, { routes: { [mentorPath]: (route) => route.fulfill({ status: 404, json: {} }) } });
  const mentor = await component(page, "mentor", "absent");
  assert.equal(await mentor.isVisible(), false);
  assert.equal(await page.locator("rollcall-support").isVisible(), true);
});

test("to who is nobody's contact, nothing is shown", async (t) => {
  const page = await open(t, { routes: { "/gk/api/learner/me/": (route) => route.fulfill({ status: 404, json: {} }) } });
  for (const name of ["mentor", "support", "courses"]) {
    assert.equal(await (await component(page, name, "absent")).isVisible(), false);
  }
});

test("the page asks once who the learner is", async (t) => {
  let asked = 0;
  const page = await open(t, {
    routes: {
      "/gk/api/learner/me/": (route) => {
        asked++;
        return route.continue();
      },
    },
  });
  for (const name of ["mentor", "support", "courses"]) {
    await component(page, name);
  }
  assert.equal(asked, 1);
});

test("a page may name contact, course and API itself, and change them", async (t) => {
  const asked = [];
  const page = await open(t, {
    routes: {
      "/other/mentor/contacts/a b/courses/1234A/": (route) => {
        asked.push(route.request().url());
        return route.fulfill({ json: { courseCode: "1234A", displayName: "Kim Lee" } });
      },
    },
  });
  const mentor = await component(page, "mentor");
  await mentor.evaluate((element) => {
    element.setAttribute("api", "/other");
    element.setAttribute("contact", "a b");
    element.setAttribute("course", "1234A");
  });
  await mentor.locator("[part=name]").getByText("Kim Lee").waitFor();
  assert.equal(asked.length, 1);
});

test("names and biographies are text, whatever is in them, and fit however long they are", async (t) => {
  const name = `<img src=x onerror="alert(1)"> ${"Wolfeschlegelsteinhausenbergerdorff".repeat(4)}`;
  const biography = `<script>alert(1)</script>\n${"Donaudampfschifffahrt".repeat(45)}`.slice(0, 1000);
  const page = await open(t, { width: 320, routes: { [mentorPath]: json({ ...world.mentor, displayName: name, biography }) } });
  const mentor = await component(page, "mentor");
  assert.equal(await mentor.locator("[part=name]").textContent(), name);
  assert.equal(await mentor.locator("[part=biography]").textContent(), biography);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await picture(page, "long-names");
});

/** Answers a request with JSON, and lets a message through. */
function json(body) {
  return (route) => (route.request().method() === "GET" ? route.fulfill({ json: body }) : route.continue());
}
