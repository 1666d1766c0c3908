const LONGEST_SUBJECT = 200;
const LONGEST_TEXT = 5000;
/** How many characters before the end of the text the learner is told how many are left. */
const COUNTDOWN = 500;

/** Composer is a button, and the form that it opens: where a learner writes a message and sends it. */
class Composer {
  #language;
  #api;
  #path;
  #name;
  #draft;
  #sending = false;

  /**
   * @param {Language} language
   * @param {API} api
   * @param {string} path where messages are sent
   * @param {string} name who gets them
   * @param {string} label the element that has the name
   */
  constructor(language, api, path, name, label) {
    this.#language = language;
    this.#api = api;
    this.#path = path;
    this.#name = name;
    this.#draft = new Draft(api.base + path);
    this.#build(label);
    this.#open(!this.#draft.isEmpty);
  }

  #build(label) {
    this.toggle = h("button", {
      id: "write", type: "button", part: "button write", "aria-labelledby": `write ${label}`, "aria-controls": "form",
      click: () => this.#toggle(),
    }, this.#say("message.write"));
    this.status = h("p", { part: "status", role: "status" });

    const field = { part: "field", dir: "auto", autocomplete: "off", input: () => this.#typed() };
    this.subject = h("input", { id: "subject", ...field });
    this.text = h("textarea", { id: "text", rows: "6", "aria-required": "true", ...field });
    this.subject.value = this.#draft.subject;
    this.text.value = this.#draft.text;
    this.left = h("p", { id: "text-hint", part: "hint" });
    this.error = h("p", { part: "error", role: "alert" });
    this.submit = h("button", { type: "submit", part: "button send" }, this.#say("message.send"));
    this.form = h("form", { id: "form", part: "form", novalidate: true, submit: (event) => this.#send(event) },
      h("label", { for: "subject", part: "label" }, this.#say("message.subject"), " ",
        h("span", { part: "optional" }, this.#say("message.optional"))),
      this.subject, h("p", { id: "subject-error", part: "field-error" }),
      h("label", { for: "text", part: "label" }, this.#say("message.to", { name: this.#name })),
      this.text, h("p", { id: "text-error", part: "field-error" }), this.left,
      this.error,
      h("div", { class: "buttons" }, this.submit,
        h("button", { type: "button", part: "button close", click: () => this.#toggle() }, this.#say("message.close"))));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && !event.isComposing && this.#toggle());
    this.nodes = [this.status, this.toggle, this.form];
    this.#mark(new Map());
    this.#count();
  }

  #say(name, values) {
    return this.#language.say(name, values);
  }

  #open(open) {
    this.form.hidden = !open;
    this.toggle.hidden = open;
    this.toggle.setAttribute("aria-expanded", String(open));
  }

  /** Opens or closes the form, and takes the keyboard along. Closing keeps what was typed. */
  #toggle() {
    this.#open(this.form.hidden);
    this.status.replaceChildren();
    (this.form.hidden ? this.toggle : this.text).focus();
  }

  #typed() {
    this.#draft.write(this.subject.value, this.text.value);
    this.#count();
  }

  #count() {
    const left = LONGEST_TEXT - length(this.text.value);
    const near = left >= 0 && left <= COUNTDOWN;
    this.left.replaceChildren(...(near ? this.#say("message.left", { count: left }) : []));
  }

  async #send(event) {
    event.preventDefault();
    if (this.#sending) {
      return;
    }
    this.error.replaceChildren();
    if (!this.#mark(this.#mistakes())) {
      return;
    }
    this.#busy(true);
    try {
      await this.#api.post(this.#path, this.#message(), this.#draft.idempotencyKey());
      this.#sent();
    } catch (failure) {
      if (!(failure instanceof Failure)) {
        throw failure;
      }
      this.#explain(failure);
    } finally {
      this.#busy(false);
    }
  }

  /** What is sent. Control characters, as word processors leave them behind, are no text, and the API refuses them. */
  #message() {
    const subject = this.subject.value.replace(/\p{Cc}/gu, " ").trim();
    const text = this.text.value.replace(/[\v\f]/g, "\n").replace(/[^\P{Cc}\t\n]/gu, "");
    return { ...(subject && { subject }), text };
  }

  /** What the API would refuse, by field. */
  #mistakes() {
    const mistakes = new Map();
    const { subject = "", text } = this.#message();
    if (length(subject) > LONGEST_SUBJECT) {
      mistakes.set("subject", this.#say("message.subjectTooLong", { count: length(subject) - LONGEST_SUBJECT }));
    }
    if (text.trim() === "") {
      mistakes.set("text", this.#say("message.textMissing"));
    } else if (length(text) > LONGEST_TEXT) {
      mistakes.set("text", this.#say("message.textTooLong", { count: length(text) - LONGEST_TEXT }));
    }
    return mistakes;
  }

  /** Shows what is wrong at its field, and takes the keyboard to the first. It is true when nothing is. */
  #mark(mistakes) {
    for (const field of [this.text, this.subject]) {
      const mistake = mistakes.get(field.id);
      this.form.querySelector(`#${field.id}-error`).replaceChildren(...(mistake ?? []));
      field.toggleAttribute("aria-invalid", false);
      field.setAttribute("aria-describedby", `${field.id}-error${field === this.text ? " text-hint" : ""}`);
      if (mistake) {
        field.setAttribute("aria-invalid", "true");
        if (this.#hasKeyboard()) {
          field.focus();
        }
      }
    }
    return mistakes.size === 0;
  }

  /** Whether the learner is still in the component: who has gone elsewhere on the page while it was sending stays there. */
  #hasKeyboard() {
    return this.form.getRootNode().activeElement !== null;
  }

  #busy(sending) {
    this.#sending = sending;
    this.submit.setAttribute("aria-disabled", String(sending)); // a disabled button would lose the keyboard
    this.submit.replaceChildren(...this.#say(sending ? "message.sending" : "message.send"));
    this.subject.readOnly = this.text.readOnly = sending; // what is typed now would be in no message
  }

  #sent() {
    const following = this.#hasKeyboard();
    this.#draft.clear();
    this.form.reset();
    this.#count();
    this.#open(false);
    this.toggle.replaceChildren(...this.#say("message.writeAnother"));
    if (following) {
      this.toggle.focus();
    }
    this.status.replaceChildren(...this.#say("message.sent", { name: this.#name }));
  }

  /** Says why the message was not sent, and what to do: also to who has closed the form since. */
  #explain(failure) {
    if (this.form.hidden) {
      const following = this.#hasKeyboard();
      this.#open(true);
      if (following) {
        this.submit.focus();
      }
    }
    this.error.append(...this.#reason(failure));
    if (failure.status === 400 || failure.status === 413) {
      this.#refused(failure);
    }
  }

  #reason({ status, retryAt }) {
    const time = retryAt && this.#language.time(retryAt);
    switch (status) {
      case 400:
      case 413:
        return this.#say("message.refused");
      case 401:
        return [...this.#say("message.signedOut"), " ", h("a", { href: this.#api.loginURL }, this.#say("login"))];
      case 403:
        return this.#say("message.stale");
      case 404:
        return this.#say("message.gone", { name: this.#name });
      case 429:
        return this.#say(time ? "message.tooManyUntil" : "message.tooMany", { time });
      default:
        return this.#say(time ? "message.failedUntil" : "message.failed", { time });
    }
  }

  /** Shows what the API says about each field, in English as it does; and below them what is about no field. */
  #refused({ errors, detail }) {
    const english = (text) => h("span", { lang: "en" }, text);
    const mistakes = new Map(errors.length === 0 ? [["text", [english(detail)]]] : []);
    for (const error of errors) {
      const field = error.pointer.slice(1);
      if (field === "subject" || field === "text") {
        mistakes.set(field, [english(error.detail)]);
      } else {
        this.error.append(" ", english(error.detail));
      }
    }
    this.#mark(mistakes);
  }
}

/** The number of characters, as the API counts them: an emoji outside the first plane is one. */
function length(text) {
  return [...text].length;
}
