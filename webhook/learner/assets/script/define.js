// A page may load the script twice, from two places of a theme; the first one counts.
for (const [name, element] of [
  ["rollcall-mentor", RollcallMentor],
  ["rollcall-support", RollcallSupport],
  ["rollcall-courses", RollcallCourses],
]) {
  if (!customElements.get(name)) {
    customElements.define(name, element);
  }
}
