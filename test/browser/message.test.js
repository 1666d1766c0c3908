import assert from "node:assert/strict";
import { test } from "node:test";

import { component, mailbox, mentorPath, open, picture, promise, world } from "./browser.js";

const supportPath = `/gk/api/support/contacts/${world.contactID}/`;

test("a learner writes to the mentor, and the message arrives", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "How deep is deep enough?", "Chest compressions");
  await picture(page, "form");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("status").filter({ hasText: "Your message to Dana Wells has been sent." }).waitFor();
  await picture(page, "sent");
  const [arrived] = await messages(page, "How deep is deep enough?");
  assert.equal(arrived.path, mentorPath);
  assert.equal(arrived.subject, "Chest compressions");
  assert.match(arrived.idempotencyKey, /^[0-9a-f]{32}$/);
  assert.equal(await mentor.locator("textarea").isVisible(), false);
});

test("a learner writes to support, and the message arrives without a subject", async (t) => {
  const page = await open(t);
  const support = await compose(page, "support", "I cannot see my second course.");
  await support.getByRole("button", { name: "Send" }).click();
  await support.getByText("Your message to Learner Services has been sent.").waitFor();
  const [arrived] = await messages(page, "I cannot see my second course.");
  assert.equal(arrived.path, supportPath);
  assert.equal(arrived.subject, undefined);
});

test("what a word processor leaves behind in a text is no part of the message", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "First\tline\u000bsecond line\u0000\nthird", "A\tsubject");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  const [arrived] = await messages(page, "First\tline\nsecond line\nthird");
  assert.equal(arrived.subject, "A subject");
});

test("a micro-frontend of another origin does the same", async (t) => {
  const page = await open(t, { onMFE: true });
  const mentor = await compose(page, "mentor", "From elsewhere");
  await page.context().clearCookies({ name: "edx-jwt-cookie-header-payload" }); // the LMS renews it there, too
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  assert.equal((await messages(page, "From elsewhere")).length, 1);
});

test("another message is another one", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "Twice the same");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("button", { name: "Write another message" }).click();
  await mentor.getByLabel("Message to Dana Wells").fill("Twice the same");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("button", { name: "Write another message" }).waitFor();
  assert.equal((await messages(page, "Twice the same")).length, 2);
});

test("the buttons say whom they write to", async (t) => {
  const page = await open(t);
  await component(page, "mentor");
  await component(page, "support");
  await page.getByRole("button", { name: "Write a message Dana Wells", exact: true }).waitFor();
  await page.getByRole("button", { name: "Write a message Learner Services", exact: true }).waitFor();
});

test("the keyboard is enough", async (t) => {
  const page = await open(t);
  const mentor = await component(page, "mentor");
  await tabTo(page, "Write a message");
  await page.keyboard.press("Enter");
  assert.equal(await focused(page), "textarea");
  await page.keyboard.type("By keyboard alone");
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Write a message");
  await page.keyboard.press("Space");
  assert.equal(await mentor.locator("textarea").inputValue(), "By keyboard alone");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Send");
  await page.keyboard.press("Enter");
  await mentor.getByText("has been sent").waitFor();
  assert.equal(await focused(page), "Write another message");
  assert.equal((await messages(page, "By keyboard alone")).length, 1);
});

test("what cannot be sent is marked at its field, and the keyboard goes there", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "   ", "s".repeat(203));
  await mentor.getByRole("button", { name: "Send" }).click();
  const subject = mentor.getByLabel("Subject");
  const text = mentor.getByLabel("Message to Dana Wells");
  assert.equal(await subject.getAttribute("aria-invalid"), "true");
  assert.equal(await text.getAttribute("aria-invalid"), "true");
  assert.equal(await description(subject), "The subject is 3 characters too long.");
  assert.equal(await description(text), "Write your message first.");
  assert.equal(await focused(page), "input");
  await picture(page, "mistakes");

  await subject.fill("short");
  await text.fill(`${"x".repeat(4999)}😀`);
  assert.equal(await description(text), "Write your message first. 0 characters left");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
});

test("the learner hears how many characters are left, or too many", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "x".repeat(4600));
  const text = mentor.getByLabel("Message to Dana Wells");
  assert.equal(await description(text), "400 characters left");
  await text.fill("x".repeat(5001));
  await mentor.getByRole("button", { name: "Send" }).click();
  assert.equal(await description(text), "The message is 1 character too long.");
});

test("what the API refuses is shown at its field", async (t) => {
  const page = await open(t, {
    routes: answersToPost({
      status: 400,
      json: {
        errors: [
          { pointer: "/subject", reason: "OutOfBounds", detail: "The subject has to be on one line." },
          { pointer: "", reason: "Malformed", detail: "It is no message." },
        ],
      },
    }),
  });
  const mentor = await compose(page, "mentor", "Refused", "Subject");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("alert").filter({ hasText: "It is no message." }).waitFor();
  assert.equal(await description(mentor.getByLabel("Subject")), "The subject has to be on one line.");
  assert.equal(await mentor.locator("textarea").inputValue(), "Refused");
});

test("a message that the API takes for too large is marked", async (t) => {
  const page = await open(t, { routes: answersToPost({ status: 413, json: { detail: "The body must not be longer than 9 bytes." } }) });
  const mentor = await compose(page, "mentor", "Too large");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("must not be longer").waitFor();
  assert.equal(await description(mentor.getByLabel("Message to Dana Wells")), "The body must not be longer than 9 bytes.");
});

for (const [what, answer, said] of [
  ["too many messages", { status: 429, headers: { "Retry-After": "600" } }, /many messages in a short time.*please send it at \d+:\d\d [AP]M\./],
  ["an API that is not ready", { status: 503, headers: { "Retry-After": "5" } }, /could not be sent.*please try again at \d+:\d\d [AP]M\./],
  ["an API that fails", { status: 500 }, /could not be sent.*try again in a moment/],
  ["a CSRF token that has changed", { status: 403 }, /open for too long.*reload the page/],
  ["a mentor who has left", { status: 404 }, /Dana Wells cannot be written to any more/],
]) {
  test(`${what}: the learner is told what to do, and what was typed stays`, async (t) => {
    const page = await open(t, { routes: answersToPost({ ...answer, json: {} }) });
    const mentor = await compose(page, "mentor", "Kept");
    await mentor.getByRole("button", { name: "Send" }).click();
    const alert = mentor.getByRole("alert").filter({ hasText: said });
    await alert.waitFor();
    assert.equal(await mentor.locator("textarea").inputValue(), "Kept");
    assert.equal(await focused(page), "Send");
  });
}

test("who closes the form while it is sending hears that the message was not sent", async (t) => {
  const answer = promise();
  const page = await open(t, {
    routes: {
      [mentorPath]: async (route) => {
        if (route.request().method() === "GET") {
          return route.continue();
        }
        await answer.kept;
        return route.fulfill({ status: 503, json: {} });
      },
    },
  });
  const mentor = await compose(page, "mentor", "Kept");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("button", { name: "Sending…" }).waitFor();
  await page.keyboard.press("Escape");
  assert.equal(await focused(page), "Write a message");
  answer.keep();
  await mentor.getByRole("alert").filter({ hasText: "could not be sent" }).waitFor();
  assert.equal(await mentor.locator("textarea").inputValue(), "Kept");
  assert.equal(await focused(page), "Send");
});

test("nothing can be typed into a message that is being sent", async (t) => {
  const answer = promise();
  const page = await open(t, { routes: delayedPost(answer) });
  const mentor = await compose(page, "mentor", "All of it");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("button", { name: "Sending…" }).waitFor();
  for (const field of ["Subject", "Message to Dana Wells"]) {
    await mentor.getByLabel(field).press("x");
  }
  assert.equal(await mentor.locator("input").inputValue(), "");
  assert.equal(await mentor.locator("textarea").inputValue(), "All of it");
  answer.keep();
  await mentor.getByRole("button", { name: "Write another message" }).click();
  await mentor.getByLabel("Message to Dana Wells").press("x");
  assert.equal(await mentor.locator("textarea").inputValue(), "x");
});

test("who goes elsewhere on the page while it is sending stays there", async (t) => {
  const answer = promise();
  const page = await open(t, { routes: delayedPost(answer) });
  const mentor = await compose(page, "mentor", "On its way");
  await mentor.getByRole("button", { name: "Send" }).click();
  await page.getByRole("link", { name: "Courses" }).focus();
  answer.keep();
  await mentor.getByText("has been sent").waitFor();
  assert.equal(await focused(page), "Courses");
});

test("Escape that ends the composition of a character leaves the form open", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "");
  const keyboard = await page.context().newCDPSession(page);
  await keyboard.send("Input.imeSetComposition", { text: "に", selectionStart: 1, selectionEnd: 1 });
  await page.keyboard.press("Escape");
  assert.equal(await mentor.locator("textarea").isVisible(), true);
  await keyboard.send("Input.insertText", { text: "日" });
  await page.keyboard.press("Escape");
  assert.equal(await mentor.locator("textarea").isVisible(), false);
});

test("a CSRF token that is not encoded as cookies are is sent as it is", async (t) => {
  const page = await open(t);
  await page.context().addCookies([{ name: "csrftoken", value: "100%", url: new URL(page.url()).origin }]);
  const mentor = await compose(page, "mentor", "With another token");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  assert.equal((await messages(page, "With another token")).length, 1);
});

test("a message whose answer is lost is sent again under its key, and arrives once", async (t) => {
  const keys = [];
  const page = await open(t, {
    routes: {
      [mentorPath]: async (route) => {
        if (route.request().method() === "POST") {
          keys.push(await route.request().headerValue("Idempotency-Key"));
          if (keys.length === 1) {
            await route.fetch(); // it arrives
            return route.abort("connectionreset"); // and nobody hears of it
          }
        }
        return route.continue();
      },
    },
  });
  let mentor = await compose(page, "mentor", "Sent once");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("alert").filter({ hasText: "could not be sent" }).waitFor();

  await page.reload(); // the draft keeps its key, too
  mentor = await component(page, "mentor");
  assert.equal(await mentor.locator("textarea").inputValue(), "Sent once");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.equal((await messages(page, "Sent once")).length, 1);
});

test("a message that was changed since is another one", async (t) => {
  const keys = [];
  const page = await open(t, {
    routes: {
      [mentorPath]: async (route) => {
        if (route.request().method() === "POST") {
          keys.push(await route.request().headerValue("Idempotency-Key"));
          if (keys.length === 1) {
            return route.fulfill({ status: 503, json: {} });
          }
        }
        return route.continue();
      },
    },
  });
  const mentor = await compose(page, "mentor", "First thought");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("alert").filter({ hasText: "could not be sent" }).waitFor();
  await mentor.getByLabel("Message to Dana Wells").fill("Second thought");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  assert.notEqual(keys[0], keys[1]);
});

test("who presses Send twice sends one message", async (t) => {
  let posts = 0;
  const page = await open(t, {
    routes: {
      [mentorPath]: (route) => {
        posts += route.request().method() === "POST";
        return route.continue();
      },
    },
  });
  const mentor = await compose(page, "mentor", "Once is enough");
  await mentor.getByRole("button", { name: "Send" }).evaluate((button) => {
    button.click();
    button.click();
  });
  await mentor.getByText("has been sent").waitFor();
  assert.equal(posts, 1);
});

test("a login that the LMS still knows is renewed on the way", async (t) => {
  const page = await open(t);
  const mentor = await compose(page, "mentor", "An hour later");
  await page.context().clearCookies({ name: "edx-jwt-cookie-header-payload" });
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
  assert.equal((await messages(page, "An hour later")).length, 1);
});

test("who was logged out keeps the message while logging in again", async (t) => {
  const page = await open(t);
  let mentor = await compose(page, "mentor", "After two weeks");
  await page.context().clearCookies({ name: /jwt|sessionid/ });
  await mentor.getByRole("button", { name: "Send" }).click();
  const login = mentor.getByRole("alert").getByRole("link", { name: "Log in" });
  const target = new URL(await login.getAttribute("href"));
  assert.equal(target.pathname, "/login");
  assert.equal(target.searchParams.get("next"), page.url());

  await page.goto(target.searchParams.get("next"));
  mentor = await component(page, "mentor");
  assert.equal(await mentor.locator("textarea").inputValue(), "After two weeks");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByText("has been sent").waitFor();
});

/** Writes a message in a component's form. */
async function compose(page, name, text, subject = "") {
  const element = await component(page, name);
  await element.getByRole("button", { name: "Write a message" }).click();
  await element.getByLabel("Subject").fill(subject);
  await element.getByLabel(/^Message to/).fill(text);
  return element;
}

async function messages(page, text) {
  return (await mailbox(page)).filter((message) => message.text === text);
}

/** Answers each message to the mentor so. */
function answersToPost(answer) {
  return { [mentorPath]: (route) => (route.request().method() === "POST" ? route.fulfill(answer) : route.continue()) };
}

/** Lets messages to the mentor through, but not before a promise is kept. */
function delayedPost(answer) {
  return {
    [mentorPath]: async (route) => {
      if (route.request().method() === "POST") {
        await answer.kept;
      }
      return route.continue();
    },
  };
}

/** What a screen reader says of a field after its name. */
function description(field) {
  return field.evaluate((element) => element.getAttribute("aria-describedby").split(" ")
    .map((id) => element.getRootNode().getElementById(id).textContent).filter(Boolean).join(" "));
}

/** What has the keyboard: the text of a button or link, or else its tag. */
function focused(page) {
  return page.evaluate(() => {
    let element = document.activeElement;
    while (element.shadowRoot?.activeElement) {
      element = element.shadowRoot.activeElement;
    }
    return element.localName === "button" || element.localName === "a" ? element.textContent : element.localName;
  });
}

/** Presses the tabulator until it is there. */
async function tabTo(page, wanted) {
  for (let presses = 0; (await focused(page)) !== wanted; presses++) {
    assert.ok(presses < 30, `the tabulator does not come to "${wanted}"`);
    await page.keyboard.press("Tab");
  }
}
