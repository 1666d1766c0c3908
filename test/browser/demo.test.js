import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { component, newPage, picture } from "./browser.js";

let demo;
let ended;
let baseURL;

before(async () => {
  demo = spawn("bin/demo", ["-dir", "bin/browser/run"], {
    cwd: fileURLToPath(new URL("../../", import.meta.url)), stdio: ["ignore", "pipe", "pipe"],
  });
  ended = once(demo, "close");
  let complaint = "";
  demo.stderr.on("data", (text) => {
    complaint += text;
  });
  const ready = new Promise((resolve) => {
    createInterface({ input: demo.stdout }).on("line", (line) => { // to the last one, or the demo could not go on
      const shown = /(http:\S+)\/sandbox\/learners\/mlopez\/$/.exec(line);
      if (shown) {
        resolve(shown[1]);
      }
    });
  });
  baseURL = await Promise.race([
    ready,
    ended.then(([status]) => Promise.reject(new Error(`the demo of "make run" ended with ${status}: ${complaint.trim()}`))),
  ]);
});

after(async () => {
  demo.kill("SIGINT");
  assert.deepEqual(await ended, [0, null]);
});

test("in what make run starts, a learner sees courses and mentor, writes, and the mentor gets mail", async (t) => {
  const page = await newPage(t, { baseURL });
  await page.goto("/sandbox/learners/mlopez/");
  const courses = await component(page, "courses");
  await courses.getByRole("link", { name: "Networking II", exact: true }).waitFor();
  const mentor = await component(page, "mentor");
  await mentor.getByRole("region", { name: "Your mentor Dana Wells" }).waitFor();
  await component(page, "support");

  await mentor.getByRole("button", { name: "Write a message" }).click();
  await mentor.getByLabel("Subject").fill("Subnets");
  await mentor.getByLabel("Message to Dana Wells").fill("Why is the first address not a host?");
  await mentor.getByRole("button", { name: "Send" }).click();
  await mentor.getByRole("status").filter({ hasText: "Your message to Dana Wells has been sent." }).waitFor();
  await picture(page, "demo");

  await page.goto("/sandbox/mailbox/"); // which looks again by itself
  const mail = page.getByRole("article").filter({ hasText: "Subnets" });
  await mail.getByText("Why is the first address not a host?").waitFor();
  await mail.getByText("dana.wells@example.com").waitFor();
});
