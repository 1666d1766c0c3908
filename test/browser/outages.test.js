import assert from "node:assert/strict";
import { test } from "node:test";

import { component, mentorPath, open, picture, promise, world } from "./browser.js";

const names = ["mentor", "support", "courses"];

test("while the API is down, each component says so, and comes back with it", async (t) => {
  let down = true;
  const page = await open(t, {
    routes: { "/gk/api/learner/me/": (route) => (down ? route.abort("connectionrefused") : route.continue()) },
  });
  for (const name of names) {
    await component(page, name, "failed");
  }
  await page.getByText("Your mentor cannot be shown at the moment.").waitFor();
  await picture(page, "api-down");

  const mentor = page.locator("rollcall-mentor");
  await mentor.getByRole("button", { name: "Try again" }).focus();
  const refused = page.waitForEvent("requestfailed", (request) => request.url().endsWith("/me/"));
  await page.keyboard.press("Enter");
  await refused; // the request alone may be decided on after the API is back

  down = false;
  await mentor.getByRole("button", { name: "Try again" }).click();
  for (const name of names) { // one that is back brings the others
    await component(page, name);
  }
  assert.equal(await mentor.evaluate((element) => element.shadowRoot.activeElement?.localName), "section");
});

test("when the network is back, so are the components", async (t) => {
  const page = await open(t);
  await component(page, "support");
  await page.context().setOffline(true);
  await page.locator("rollcall-support").evaluate((element) => element.setAttribute("lang", "de"));
  await component(page, "support", "failed");
  await page.context().setOffline(false);
  await component(page, "support");
});

test("an API that names a time is not asked before", async (t) => {
  let asked = 0;
  const page = await open(t, {
    routes: {
      [mentorPath]: (route) => {
        asked++;
        return route.fulfill({ status: 429, headers: { "Retry-After": "120" }, json: {} });
      },
    },
  });
  const mentor = await component(page, "mentor", "failed");
  await mentor.getByText(/Your mentor cannot be shown at the moment\. Please try again at \d+:\d\d [AP]M\./).waitFor();

  await component(page, "support");
  await component(page, "courses"); // others that are there do not ask for it
  assert.equal(asked, 1);

  await page.clock.setFixedTime(Date.now() + 121_000);
  const again = page.waitForRequest((request) => decodeURIComponent(request.url()).endsWith(mentorPath));
  await page.locator("rollcall-support").evaluate((element) => element.reload());
  await again;
});

test("what is no answer of the API counts as none", async (t) => {
  const page = await open(t, {
    routes: { [mentorPath]: (route) => route.fulfill({ status: 200, contentType: "text/html", body: "<h1>Welcome</h1>" }) },
  });
  await component(page, "mentor", "failed");
});

test("who is not logged in is asked to, and comes back to this page", async (t) => {
  const refused = (route) => route.fulfill({ status: 401, json: {} });
  const page = await open(t, { routes: { "/gk/api/learner/me/": refused, "/login_refresh": refused } });
  const courses = await component(page, "courses", "signed-out");
  await courses.getByText("Please log in to see this.").waitFor();
  const target = new URL(await courses.getByRole("link", { name: "Log in" }).getAttribute("href"));
  assert.equal(target.pathname, "/login");
  assert.equal(target.searchParams.get("next"), page.url());
});

test("all components share one renewal of the login, also who hears later that it is needed", async (t) => {
  let renewed = 0;
  const [refused, finished] = [promise(), promise()];
  const page = await open(t, {
    routes: {
      "/login_refresh": async (route) => {
        renewed++;
        await refused.kept;
        await route.fulfill({ response: await route.fetch() });
        finished.keep();
      },
      [`/gk/api/support/contacts/${world.contactID}/`]: async (route) => {
        const response = await route.fetch();
        if (response.status() === 401) {
          refused.keep();
          await finished.kept;
        }
        await route.fulfill({ response });
      },
    },
  });
  for (const name of names) {
    await component(page, name);
  }
  await page.context().clearCookies({ name: /jwt/ });
  await page.evaluate(async () => {
    for (const element of document.querySelectorAll("rollcall-mentor, rollcall-support, rollcall-courses")) {
      element.dataset.state = "loading";
      element.reload();
    }
  });
  for (const name of names) {
    await component(page, name);
  }
  assert.equal(renewed, 1);
});
