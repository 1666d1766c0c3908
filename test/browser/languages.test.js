import assert from "node:assert/strict";
import { test } from "node:test";

import { component, open, picture } from "./browser.js";

test("a German page is in German", async (t) => {
  const page = await open(t, { lang: "de-AT" });
  const mentor = await component(page, "mentor");
  await mentor.getByText("Englisch und Deutsch").waitFor();
  await mentor.getByText("Mo–Mi", { exact: true }).waitFor();
  await mentor.getByText("09:00 – 12:30").waitFor();
  await mentor.getByText("Zeitzone: Mitteleuropäische Zeit.").waitFor();
  await (await component(page, "courses")).getByText("Offen bis 11. Dezember 2026 · Noch 12 Tage").waitFor();
  await page.getByText("83,5 % (B)").waitFor();
  await mentor.getByRole("button", { name: "Nachricht schreiben" }).click();
  await mentor.getByLabel("Nachricht an Dana Wells").fill("Grüße");
  await mentor.getByRole("button", { name: "Senden" }).click();
  await mentor.getByText("Ihre Nachricht an Dana Wells wurde gesendet.").waitFor();
  await picture(page, "german");
});

test("a Spanish page is in Spanish", async (t) => {
  const page = await open(t, { lang: "es-419" });
  const mentor = await component(page, "mentor");
  await mentor.getByText("inglés y alemán").waitFor();
  await (await component(page, "courses")).getByText("Abierto hasta el 11 de diciembre de 2026 · Quedan 12 días").waitFor();
  await mentor.getByRole("button", { name: "Escribir un mensaje" }).click();
  await mentor.getByRole("button", { name: "Enviar" }).click();
  await mentor.getByText("Escriba primero su mensaje.").waitFor();
  await picture(page, "spanish");
});

test("a component may speak another language than its page", async (t) => {
  const page = await open(t, { lang: "de" });
  const support = await component(page, "support");
  await support.evaluate((element) => element.setAttribute("lang", "en"));
  await support.getByRole("button", { name: "Write a message" }).waitFor();
  await page.locator("rollcall-mentor").getByRole("button", { name: "Nachricht schreiben" }).waitFor();
});

test("a page that is written from right to left is laid out so, and each text is read as its language is", async (t) => {
  const page = await open(t, { lang: "ar", dir: "rtl" });
  const mentor = await component(page, "mentor");
  const [photo, name] = await Promise.all([mentor.locator("img").boundingBox(), mentor.locator("[part=name]").boundingBox()]);
  assert.ok(photo.x > name.x + name.width, "the photo is to the right of the name");

  assert.equal(await mentor.locator("section").getAttribute("lang"), "en", "English stands in for what is not there");
  const starts = (await component(page, "courses")).getByText("Starts on January 11, 2027");
  const [text, date] = await starts.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return [range, element.querySelector("time")].map((part) => part.getBoundingClientRect().toJSON());
  });
  assert.ok(date.left > text.left + 20, "the date is at the end of the English sentence");
  assert.ok(Math.abs(date.right - (await starts.boundingBox()).x - (await starts.boundingBox()).width) < 2, "which is on the right");
  await picture(page, "right-to-left");
});
