// The learner API, as a component calls it.

/** Failure is an answer other than success, or none at all: then its status is 0. */
class Failure extends Error {
  constructor(status, { problem = {}, retryAt } = {}) {
    super(`The learner API answered ${status}`);
    this.status = status;
    /** @type {{pointer: string, detail: string}[]} what is wrong with the request, part by part */
    this.errors = problem.errors ?? [];
    /** What the API says about it, in English. */
    this.detail = problem.detail ?? "";
    /** @type {Date | undefined} when to ask again */
    this.retryAt = retryAt;
  }
}

/** How long an answer may take. */
const PATIENCE = 15_000;

class API {
  /**
   * @param {string} base where the API is: what its paths (learner/me/) are relative to
   * @param {string} lms where the LMS is that the learner logs in to
   */
  constructor(base, lms) {
    this.base = directory(base);
    this.lms = directory(lms);
  }

  get(path) {
    return this.#ask(path, { method: "GET" });
  }

  /** Sends a message. Who sends the same one again uses the same key, and it arrives once. */
  post(path, message, key) {
    return this.#ask(path, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "X-CSRFToken": cookie("csrftoken") ?? "",
      },
      body: JSON.stringify(message),
    });
  }

  /** The contact that the learner is. All components of the page share one question. */
  contactID() {
    let asked = API.#contacts.get(this.base);
    if (!asked) {
      asked = this.get("learner/me/").then((me) => me.contactID);
      asked.catch(() => API.#contacts.delete(this.base)); // who tries again asks again
      API.#contacts.set(this.base, asked);
    }
    return asked;
  }

  /** Where the learner logs in, to come back to this page. */
  get loginURL() {
    return new URL(`login?next=${encodeURIComponent(location.href)}`, this.lms).href;
  }

  async #ask(path, request) {
    const asked = performance.now();
    try {
      return await this.#askOnce(path, request);
    } catch (failure) {
      if (failure.status !== 401 || !(await this.#renewLogin(asked))) {
        throw failure;
      }
      return this.#askOnce(path, request);
    }
  }

  async #askOnce(path, request) {
    const [answer, body] = await fetchJSON(new URL(path, this.base), {
      ...request,
      headers: { Accept: "application/json", ...request.headers },
    });
    if (answer.ok) {
      return body;
    }
    throw new Failure(answer.status, { problem: body, retryAt: retryAt(answer) });
  }

  /**
   * The JWT cookies of Open edX last for an hour, and a login for weeks: the LMS renews the cookies of whom it still knows.
   * All that was asked before a renewal came to its end shares it.
   */
  #renewLogin(asked) {
    let renewal = API.#renewals.get(this.lms);
    if (!renewal || renewal.ended < asked) {
      renewal = { ended: Infinity };
      renewal.worked = fetchJSON(new URL("login_refresh", this.lms), { method: "POST" })
        .then(([answer]) => answer.ok, () => false)
        .finally(() => {
          renewal.ended = performance.now();
        });
      API.#renewals.set(this.lms, renewal);
    }
    return renewal.worked;
  }

  /** @type {Map<string, Promise<string>>} contacts by API */
  static #contacts = new Map();
  /** @type {Map<string, {ended: number, worked: Promise<boolean>}>} the latest renewal by LMS */
  static #renewals = new Map();
}

/** Fetches with the learner's cookies, and gives the answer and its JSON. */
async function fetchJSON(url, request) {
  let answer;
  let text;
  try {
    answer = await fetch(url, { ...request, credentials: "include", signal: AbortSignal.timeout(PATIENCE) });
    text = await answer.text();
  } catch {
    throw new Failure(0);
  }
  try {
    return [answer, JSON.parse(text)];
  } catch {
    if (answer.ok) {
      throw new Failure(0); // not the API: a page of some proxy, for instance
    }
    return [answer, {}];
  }
}

/** The moment that Retry-After names: in so many seconds, or a date. */
function retryAt(answer) {
  const header = answer.headers.get("Retry-After");
  if (!header) {
    return undefined;
  }
  const moment = new Date(/^\d+$/.test(header) ? Date.now() + 1000 * Number(header) : header);
  return Number.isNaN(moment.valueOf()) ? undefined : moment;
}

/** An address that relative paths are below of. */
function directory(url) {
  const absolute = new URL(url, location.href).href;
  return absolute.endsWith("/") ? absolute : `${absolute}/`;
}
