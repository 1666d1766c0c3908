/** <rollcall-support> is the support of the platform, and a form to write to it. */
class RollcallSupport extends RollcallElement {
  topic = "support";

  async load(api) {
    this.path = `support/${await this.contactPath(api)}`;
    return api.get(this.path);
  }

  render(support, api) {
    const composer = new Composer(this.language, api, this.path, support.displayName, "heading");
    return [this.card("heading",
      h("h2", { id: "heading", part: "heading" }, h("bdi", {}, support.displayName)),
      h("p", { part: "about" }, this.say("support.about")),
      composer.nodes)];
  }
}
