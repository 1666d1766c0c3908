/** <rollcall-mentor course="…"> is who mentors a course, and a form to write to them. */
class RollcallMentor extends RollcallElement {
  topic = "mentor";

  async load(api) {
    const course = this.getAttribute("course") || courseOfPage();
    if (!course) {
      throw new Failure(404);
    }
    this.path = `mentor/${await this.contactPath(api)}courses/${encodeURIComponent(course)}/`;
    return api.get(this.path);
  }

  render(mentor, api) {
    const fact = (part, name, ...value) => h("div", { part }, h("dt", { part: "label" }, this.say(name)), h("dd", {}, value));
    const composer = new Composer(this.language, api, this.path, mentor.displayName, "name");
    return [this.card("heading name",
      h("div", { class: "person" },
        photo(mentor),
        h("div", {},
          h("h2", { id: "heading", part: "heading" }, this.say(mentor.isDeputy ? "mentor.headingDeputy" : "mentor.heading")),
          h("p", { id: "name", part: "name" }, h("bdi", {}, mentor.displayName)))),
      mentor.biography && h("p", { part: "biography" }, mentor.biography),
      (mentor.languages || mentor.officeHours) && h("dl", {},
        mentor.languages && fact("languages", "mentor.languages", this.language.languages(mentor.languages)),
        mentor.officeHours && fact("office-hours", "mentor.hours", this.#hours(mentor.officeHours.hours),
          h("p", { part: "time-zone" }, this.say("mentor.zone", { zone: this.language.zone(mentor.officeHours.timeZone) })))),
      composer.nodes)];
  }

  #hours(hours) {
    return h("ul", {}, hours.map(({ days, from, until }) => h("li", {},
      h("span", { part: "days" }, this.language.days(days)), " ",
      h("span", { part: "hours" }, `${this.language.clock(from)} – ${this.language.clock(until)}`))));
  }
}

/** The photo of a person, or their initials where there is none to see. */
function photo({ displayName, photoURL }) {
  const initials = h("span", { part: "initials", "aria-hidden": "true" }, initialsOf(displayName));
  if (!photoURL) {
    return initials;
  }
  return h("img", {
    part: "photo", src: photoURL, alt: "", width: "64", height: "64", decoding: "async", referrerpolicy: "no-referrer",
    error: (event) => event.target.replaceWith(initials),
  });
}

/** "DW" of "Dana Wells" */
function initialsOf(name) {
  const words = name.split(/\s+/).filter((word) => /^\p{L}/u.test(word));
  const first = (word) => [...word][0].toLocaleUpperCase();
  return words.length > 1 ? first(words[0]) + first(words.at(-1)) : words.map(first).join("");
}
