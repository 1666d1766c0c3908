/** <rollcall-courses hide="ended cancelled"> is what the learner may take, until when, and how far they are. */
class RollcallCourses extends RollcallElement {
  static observedAttributes = [...RollcallElement.observedAttributes, "hide"];

  topic = "courses";

  async load(api) {
    return api.get(`learner/${await this.contactPath(api)}courses/`);
  }

  render({ courses, timeZone }) {
    const hidden = (this.getAttribute("hide") ?? "").split(/\s+/);
    const shown = courses.filter((course) => !hidden.includes(course.state));
    return [this.card("heading",
      h("h2", { id: "heading", part: "heading" }, this.say("courses.heading")),
      shown.length === 0
        ? h("p", { part: "notice" }, this.say("courses.none"))
        : h("ul", { part: "list", role: "list" }, shown.map((course) => this.#course(course, timeZone))))];
  }

  #course(course, timeZone) {
    const title = h("bdi", {}, course.title ?? course.courseCode);
    return h("li", { part: `course course-${course.state}`, "data-state": course.state },
      h("div", { class: "title" },
        h("h3", { part: "title" }, course.url ? h("a", { part: "link", href: course.url }, title) : title),
        h("span", { part: "badge" }, this.say(`courses.${course.state}`))),
      h("p", { part: "window" }, this.#window(course)),
      course.progress && this.#progress(course.progress, timeZone),
      course.grade && this.#grade(course.grade, timeZone));
  }

  /** Until when, or from when on, the learner has access. */
  #window({ state, accessStartDate, accessEndDate, daysLeft }) {
    const date = (day) => h("time", { datetime: day }, this.language.day(day));
    switch (state) {
      case "upcoming":
        return this.say("courses.startsOn", { date: date(accessStartDate) });
      case "ended":
        return this.say("courses.endedOn", { date: date(accessEndDate) });
      case "open":
        if (!accessEndDate) {
          return this.say("courses.openEndless");
        }
        return [this.say("courses.openUntil", { date: date(accessEndDate) }), " · ",
          h("strong", { part: "days-left" }, daysLeft === 0 ? this.say("courses.lastDay") : this.say("courses.daysLeft", { count: daysLeft }))];
      default:
        return [];
    }
  }

  #grade({ percent, letter, passed, readTime }, timeZone) {
    const share = this.language.percent(percent);
    return h("div", { part: "grade" },
      meter(percent),
      h("p", {},
        this.say("courses.grade"), ": ",
        h("strong", {}, letter ? this.say("courses.gradeLetter", { percent: share, letter }) : share),
        this.#asOf(readTime, timeZone),
        passed && [" · ", h("span", { part: "passed" }, this.say("courses.passed"))]));
  }

  #progress({ percent, readTime }, timeZone) {
    return h("div", { part: "progress" },
      meter(percent),
      h("p", {},
        this.say("courses.progress"), ": ", h("strong", {}, this.language.percent(percent)), this.#asOf(readTime, timeZone)));
  }

  #asOf(time, timeZone) {
    return time && [", ", this.say("courses.asOf", { date: h("time", { datetime: time }, this.language.dayOf(time, timeZone)) })];
  }
}

/** A bar that shows to the eye what the text beside it says. */
function meter(percent) {
  const reached = h("span", { part: "meter-value" });
  reached.style.inlineSize = `${percent}%`;
  return h("span", { part: "meter", "aria-hidden": "true" }, reached);
}
