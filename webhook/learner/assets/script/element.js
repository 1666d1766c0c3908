/**
 * The components of the page that could not be shown, each with the time before which the API does not want to be asked
 * again. They try again when one of them can be shown, or the network is back.
 *
 * @type {Map<RollcallElement, Date | undefined>}
 */
const failed = new Map();

function retryFailed() {
  for (const [element, retryAt] of failed) {
    if (!(retryAt > Date.now())) {
      failed.delete(element);
      element.reload();
    }
  }
}
addEventListener("online", retryFailed);

/**
 * RollcallElement is what the components have in common: they ask the learner API for something and show it. Each has a topic
 * (the first word of the names of its texts), says with load(api) what it asks for, and with render(answer, api) how it
 * looks. Its attribute data-state says where it stands:
 *
 *   loading     nothing is known yet, and nothing is shown
 *   ready       it is shown
 *   absent      there is nothing to show to this learner here
 *   signed-out  nobody is logged in
 *   failed      the API did not answer as it should; a button tries again
 */
class RollcallElement extends HTMLElement {
  static observedAttributes = ["api", "contact", "course", "lang", "lms"];

  /** @type {Language} what is said is said in */
  language;
  #scheduled = false;
  #turn = 0;

  constructor() {
    super();
    this.attachShadow({ mode: "open" }).adoptedStyleSheets = [sheet];
  }

  connectedCallback() {
    this.reload();
  }

  disconnectedCallback() {
    failed.delete(this);
    this.#turn++; // what is still under way comes too late
  }

  attributeChangedCallback() {
    this.reload();
  }

  /** Asks the API again, once for all that changes at the same time. */
  reload() {
    if (this.#scheduled || !this.isConnected) {
      return;
    }
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      if (this.isConnected) {
        this.#show();
      }
    });
  }

  /** The contact that the page names, or else the one that the learner is. */
  async contactPath(api) {
    return `contacts/${encodeURIComponent(this.getAttribute("contact") || (await api.contactID()))}/`;
  }

  /** Says something in the learner's language. */
  say(name, values) {
    return this.language.say(name, values);
  }

  async #show() {
    const turn = ++this.#turn;
    this.language = new Language(languageAt(this));
    this.dataset.state ??= "loading";
    const api = new API(this.getAttribute("api") || ORIGIN_OF_SCRIPT, this.getAttribute("lms") || "/");
    let state, nodes, retryAt;
    try {
      [state, nodes] = ["ready", this.render(await this.load(api), api)];
    } catch (failure) {
      [state, nodes] = this.#explain(failure, api);
      retryAt = failure.retryAt;
    }
    if (turn !== this.#turn) {
      return;
    }
    this.#replace(state, nodes);
    if (state === "failed") {
      failed.set(this, retryAt);
    } else {
      failed.delete(this);
      retryFailed();
    }
  }

  /** Shows something else. The keyboard stays in the component if it was there. */
  #replace(state, nodes) {
    const focused = this.shadowRoot.activeElement !== null;
    this.dataset.state = state;
    this.shadowRoot.replaceChildren(...nodes);
    if (focused) {
      this.shadowRoot.querySelector(state === "failed" ? "button" : "section")?.focus();
    }
  }

  /** What to show instead of what could not be asked for. */
  #explain(failure, api) {
    if (failure.status === 404) {
      return ["absent", []];
    }
    if (failure.status === 401) {
      return ["signed-out", this.#notice(this.say("signedOut"), h("a", { href: api.loginURL }, this.say("login")))];
    }
    if (!(failure instanceof Failure)) {
      reportError(failure);
    }
    const time = failure.retryAt && this.language.time(failure.retryAt);
    const retry = (event) => {
      event.target.replaceChildren(...this.say("retrying"));
      this.reload();
    };
    return ["failed", this.#notice([this.say(`${this.topic}.unavailable`), time ? [" ", this.say("retryAt", { time })] : []],
      h("button", { type: "button", part: "button retry", "aria-describedby": "notice", click: retry }, this.say("retry")))];
  }

  #notice(text, action) {
    return [this.card("notice", h("p", { id: "notice", part: "notice", role: "status" }, text), action)];
  }

  /** The box around all that a component shows, named by one of its elements. */
  card(label, ...content) {
    return h("section", { part: "card", tabindex: "-1", "aria-labelledby": label, lang: this.language.tag }, content);
  }
}
