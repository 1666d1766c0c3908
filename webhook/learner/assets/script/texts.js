// What the components say, in the learner's language. TEXTS holds texts/*.json by language.

/** Language says things in one language. */
class Language {
  /**
   * @param {string} wanted a language tag such as "de-AT"
   */
  constructor(wanted) {
    const base = wanted.toLowerCase().split("-")[0];
    const known = Object.hasOwn(TEXTS, base);
    /** Dates and numbers follow the region, too; but no English sentence has a date of another language in it. */
    this.tag = known ? supported(wanted) ?? base : "en";
    this.texts = known ? TEXTS[base] : TEXTS.en;
    this.plurals = new Intl.PluralRules(this.tag);
  }

  /**
   * The text of a name, as the nodes and strings to append: each {placeholder} stands for a value, and what is not a number
   * is isolated, so that a name in another script leaves the sentence alone. "count" chooses the plural.
   */
  say(name, values = {}) {
    let text = this.texts[name] ?? TEXTS.en[name];
    if (typeof text === "object") {
      text = text[this.plurals.select(values.count)] ?? text.other;
    }
    return text.split(/\{(\w+)\}/).map((piece, i) => {
      if (i % 2 === 0) {
        return piece;
      }
      const value = values[piece];
      return typeof value === "number" ? this.number(value) : h("bdi", {}, value);
    });
  }

  number(value) {
    return new Intl.NumberFormat(this.tag).format(value);
  }

  /** "83.5%" of 83.5 */
  percent(value) {
    return new Intl.NumberFormat(this.tag, { style: "percent", maximumFractionDigits: 1 }).format(value / 100);
  }

  /** "December 11, 2026" of "2026-12-11", which is a day and no moment: the learner's time zone must not move it. */
  day(date) {
    return new Intl.DateTimeFormat(this.tag, { dateStyle: "long", timeZone: "UTC" }).format(new Date(date));
  }

  /** The day of a moment, as it is in a time zone. */
  dayOf(moment, timeZone) {
    const day = (zone) => new Intl.DateTimeFormat(this.tag, { dateStyle: "long", timeZone: zone }).format(new Date(moment));
    try {
      return day(timeZone);
    } catch {
      return day(); // younger than the browser: as it is where the learner is
    }
  }

  /** "9:00 AM" of "09:00" */
  clock(time) {
    const [hours, minutes] = time.split(":").map(Number);
    return new Intl.DateTimeFormat(this.tag, { timeStyle: "short", timeZone: "UTC" }).format(Date.UTC(2001, 0, 1, hours, minutes));
  }

  /** The time of a moment where the learner is. */
  time(moment) {
    return new Intl.DateTimeFormat(this.tag, { timeStyle: "short" }).format(moment);
  }

  /** "Central European Time" of "Europe/Berlin" */
  zone(timeZone) {
    try {
      const parts = new Intl.DateTimeFormat(this.tag, { timeZone, timeZoneName: "longGeneric" }).formatToParts();
      return parts.find((part) => part.type === "timeZoneName").value;
    } catch {
      return timeZone; // younger than the browser
    }
  }

  /** "English and German" of ["en", "de"] */
  languages(tags) {
    const names = new Intl.DisplayNames(this.tag, { type: "language" });
    const name = (tag) => {
      try {
        return names.of(tag);
      } catch {
        return tag; // Intl is stricter than the form that a tag has to have: en-1
      }
    };
    return new Intl.ListFormat(this.tag).format(tags.map(name));
  }

  /** "Mon–Wed, Fri" of ["Mon", "Tue", "Wed", "Fri"]: three days and more in a row are told by the first and the last. */
  days(names) {
    const runs = [];
    for (const day of WEEK.filter((name) => names.includes(name))) {
      const run = runs.at(-1);
      if (run && WEEK.indexOf(day) === WEEK.indexOf(run.at(-1)) + 1) {
        run.push(day);
      } else {
        runs.push([day]);
      }
    }
    const short = new Intl.DateTimeFormat(this.tag, { weekday: "short", timeZone: "UTC" });
    const name = (day) => short.format(Date.UTC(2001, 0, 1 + WEEK.indexOf(day))); // January 1, 2001 was a Monday
    const told = runs.flatMap((run) => (run.length > 2 ? [`${name(run[0])}–${name(run.at(-1))}`] : run.map(name)));
    return new Intl.ListFormat(this.tag, { type: "unit" }).format(told);
  }
}

const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The tag that the browser's Intl takes a language for, if it is well-formed and known. */
function supported(tag) {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(tag)[0];
  } catch {
    return undefined;
  }
}
