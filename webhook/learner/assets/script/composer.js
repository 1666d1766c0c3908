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
    const say = (...text) => this.#language.say(...text);
    this.toggle = h("button", {
      id: "write", type: "button", part: "button write", "aria-labelledby": `write ${label}`, "aria-controls": "form",
      click: () => this.#toggle(),
    }, say("message.write"));
    this.status = h("p", { part: "status", role: "status" });

    const field = { part: "field", dir: "auto", autocomplete: "off", input: () => this.#typed() };
    this.subject = h("input", { id: "subject", ...field });
    this.text = h("textarea", { id: "text", rows: "6", "aria-required": "true", ...field });
    this.subject.value = this.#draft.subject;
    this.text.value = this.#draft.text;
    this.left = h("p", { id: "text-hint", part: "hint" });
    this.error = h("p", { part: "error", role: "alert" });
    this.submit = h("button", { type: "submit", part: "button send" }, say("message.send"));
    this.form = h("form", { id: "form", part: "form", novalidate: true, submit: (event) => this.#send(event) },
      h("label", { for: "subject", part: "label" }, say("message.subject"), " ",
        h("span", { part: "optional" }, say("message.optional"))),
      this.subject, h("p", { id: "subject-error", part: "field-error" }),
      h("label", { for: "text", part: "label" }, say("message.to", { name: this.#name })),
      this.text, h("p", { id: "text-error", part: "field-error" }), this.left,
      this.error,
      h("div", { class: "buttons" }, this.submit,
        h("button", { type: "button", part: "button close", click: () => this.#toggle() }, say("message.close"))));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.#toggle());
    this.nodes = [this.status, this.toggle, this.form];
    this.#mark(new Map());
    this.#count();
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
    this.left.replaceChildren(...(near ? this.#language.say("message.left", { count: left }) : []));
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

  #message() {
    const subject = this.subject.value.trim();
    return { ...(subject && { subject }), text: this.text.value };
  }

  /** What the API would refuse, by field. */
  #mistakes() {
    const mistakes = new Map();
    const say = (...text) => this.#language.say(...text);
    const { subject = "", text } = this.#message();
    if (length(subject) > LONGEST_SUBJECT) {
      mistakes.set("subject", say("message.subjectTooLong", { count: length(subject) - LONGEST_SUBJECT }));
    }
    if (text.trim() === "") {
      mistakes.set("text", say("message.textMissing"));
    } else if (length(text) > LONGEST_TEXT) {
      mistakes.set("text", say("message.textTooLong", { count: length(text) - LONGEST_TEXT }));
    }
    return mistakes;
  }

  /** Shows what is wrong at its field, and goes to the first. It is true when nothing is. */
  #mark(mistakes) {
    for (const field of [this.text, this.subject]) {
      const mistake = mistakes.get(field.id);
      this.form.querySelector(`#${field.id}-error`).replaceChildren(...(mistake ?? []));
      field.toggleAttribute("aria-invalid", false);
      field.setAttribute("aria-describedby", `${field.id}-error${field === this.text ? " text-hint" : ""}`);
      if (mistake) {
        field.setAttribute("aria-invalid", "true");
        field.focus();
      }
    }
    return mistakes.size === 0;
  }

  #busy(sending) {
    this.#sending = sending;
    this.submit.setAttribute("aria-disabled", String(sending)); // a disabled button would lose the keyboard
    this.submit.replaceChildren(...this.#language.say(sending ? "message.sending" : "message.send"));
  }

  #sent() {
    this.#draft.clear();
    this.form.reset();
    this.#count();
    this.#open(false);
    this.toggle.replaceChildren(...this.#language.say("message.writeAnother"));
    this.toggle.focus();
    this.status.replaceChildren(...this.#language.say("message.sent", { name: this.#name }));
  }

  /** Says why the message was not sent, and what to do. */
  #explain(failure) {
    const say = (...text) => this.#language.say(...text);
    const time = failure.retryAt && this.#language.time(failure.retryAt);
    switch (failure.status) {
      case 400:
      case 413:
        this.error.append(...say("message.refused"));
        this.#refused(failure);
        break;
      case 401:
        this.error.append(...say("message.signedOut"), " ", h("a", { href: this.#api.loginURL }, say("login")));
        break;
      case 403:
        this.error.append(...say("message.stale"));
        break;
      case 404:
        this.error.append(...say("message.gone", { name: this.#name }));
        break;
      case 429:
        this.error.append(...say(time ? "message.tooManyUntil" : "message.tooMany", { time }));
        break;
      default:
        this.error.append(...say(time ? "message.failedUntil" : "message.failed", { time }));
    }
  }

  /** Shows what the API says about each field: in English, as it does. */
  #refused(failure) {
    const details = new Map(failure.errors.map((error) => [error.pointer.slice(1), error.detail]));
    if (details.size === 0) {
      details.set("text", failure.detail);
    }
    this.#mark(new Map([...details].map(([field, detail]) => [field, [h("span", { lang: "en" }, detail)]])));
    const elsewhere = [...details].filter(([field]) => field !== "text" && field !== "subject").map(([, detail]) => detail);
    this.error.append(...elsewhere.map((detail) => h("span", { lang: "en" }, " ", detail)));
  }
}

/** The number of characters, as the API counts them: an emoji outside the first plane is one. */
function length(text) {
  return [...text].length;
}
