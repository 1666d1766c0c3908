import assert from "node:assert/strict";
import { test } from "node:test";

import { component, open, picture, world } from "./browser.js";

const coursesPath = `/gk/api/learner/contacts/${world.contactID}/courses/`;

test("a learner sees each course with its state, until when, and how far they are", async (t) => {
  const page = await open(t);
  const courses = await component(page, "courses");
  const shown = await courses.getByRole("listitem").evaluateAll((items) => items.map((item) => [
    item.dataset.state,
    ...["title", "badge", "window", "progress", "grade"].map((part) => item.querySelector(`[part=${part}]`)?.textContent),
  ]));
  assert.deepEqual(shown, [
    ["open", "First aid", "Open", "Open until December 11, 2026 · 12 days left",
      "Completed: 62.5%, as of November 28, 2026", "Grade so far: 83.5% (B), as of November 29, 2026 · Passed"],
    ["upcoming", "Fire safety at work", "Upcoming", "Starts on January 11, 2027", undefined, undefined],
    ["ended", "Hygiene for beginners", "Ended", "Ended on August 31, 2026", undefined, "Grade so far: 41%, as of September 1, 2026"],
    ["cancelled", "3001C", "Cancelled", "", undefined, undefined],
  ]);
  const link = courses.getByRole("link", { name: "First aid" });
  assert.equal(await link.getAttribute("href"), world.courses.courses[0].url);
  assert.equal(await courses.getByRole("link").count(), 1);
});

test("a site chooses which states it hides", async (t) => {
  const page = await open(t);
  const courses = await component(page, "courses");
  await courses.evaluate((element) => element.setAttribute("hide", "ended upcoming cancelled"));
  await courses.getByText("Fire safety at work").waitFor({ state: "detached" });
  assert.equal(await courses.getByRole("listitem").count(), 1);
  await courses.evaluate((element) => element.setAttribute("hide", "open ended upcoming cancelled"));
  await courses.getByText("There are no courses to show.").waitFor();
});

test("a grade may have neither letter nor date", async (t) => {
  const course = { ...world.courses.courses[0], grade: { percent: 0, passed: false } };
  const page = await open(t, { routes: { [coursesPath]: (route) => route.fulfill({ json: { ...world.courses, courses: [course] } }) } });
  const courses = await component(page, "courses");
  assert.equal(await courses.locator("[part=grade]").textContent(), "Grade so far: 0%");
});

test("the last day, a single day and access without an end are told", async (t) => {
  const course = world.courses.courses[0];
  const { accessEndDate, daysLeft, ...endless } = course;
  const page = await open(t, {
    routes: {
      [coursesPath]: (route) => route.fulfill({
        json: { ...world.courses, courses: [{ ...course, daysLeft: 0 }, { ...course, daysLeft: 1 }, endless] },
      }),
    },
  });
  const courses = await component(page, "courses");
  assert.deepEqual(await courses.locator("[part=window]").allTextContents(), [
    "Open until December 11, 2026 · Last day today",
    "Open until December 11, 2026 · 1 day left",
    "Open without an end",
  ]);
});

test("a time zone that the browser does not know leaves the courses shown", async (t) => {
  const page = await open(t, {
    routes: { [coursesPath]: (route) => route.fulfill({ json: { ...world.courses, timeZone: "Europe/Atlantis" } }) },
  });
  const courses = await component(page, "courses");
  await courses.getByText("as of November 28, 2026").waitFor(); // in New York, where the learner is
});

test("a narrow phone shows everything without scrolling sideways", async (t) => {
  const page = await open(t, { width: 320 });
  for (const name of ["courses", "mentor", "support"]) {
    await component(page, name);
  }
  await page.locator("rollcall-mentor").getByRole("button").click();
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
  await picture(page, "phone");
});
