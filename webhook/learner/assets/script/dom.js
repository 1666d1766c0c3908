/**
 * Makes an element. Attributes that are undefined or false are left out, true is an empty one, and a function is a listener
 * of the event of its name. Children are nodes, strings, or arrays of them; strings become text and nothing else, whatever
 * is in them.
 */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name, value);
    } else if (value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== false));
  return element;
}

/** The style of all components. A constructed sheet is no inline style, so a page's CSP has nothing to allow. */
const sheet = new CSSStyleSheet();
sheet.replaceSync(STYLE);
