// What the page around a component says.

/** Where the learner API is, if the component does not say: where this script came from. */
const ORIGIN_OF_SCRIPT = new URL("../..", import.meta.url).href;

/** The language of the page at an element. */
function languageAt(element) {
  return element.closest("[lang]:not([lang=''])")?.lang ?? "en";
}

/** The key of the course whose page this is: of the LMS (/courses/KEY/…) or of a micro-frontend (/course/KEY/…). */
function courseOfPage() {
  const found = /\/courses?\/([^/:]+:[^/]+)/.exec(decoded(location.pathname));
  return found?.[1];
}

/** The value of a cookie that scripts may read. */
function cookie(name) {
  const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`));
  return found && decoded(found.slice(name.length + 1));
}

/** Text without its percent-encoding; what others have encoded wrongly stays as it is. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
