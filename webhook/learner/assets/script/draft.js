/**
 * Draft is a message that is being written. The tab keeps it until it is sent, also while the learner logs in again or goes
 * to another page and comes back.
 */
class Draft {
  /**
   * @param {string} address where it will be sent: no other learner's, as their contact is part of it
   */
  constructor(address) {
    this.place = `rollcall-draft ${address}`;
    Object.assign(this, { subject: "", text: "", key: undefined }, stored(this.place));
  }

  get isEmpty() {
    return this.subject === "" && this.text === "";
  }

  write(subject, text) {
    Object.assign(this, { subject, text, key: undefined }); // another content is another message
    this.#store();
  }

  /**
   * The key under which it is sent. It stays the same when sending is tried again: the message may have arrived although the
   * answer did not.
   */
  idempotencyKey() {
    if (!this.key) {
      this.key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
      this.#store();
    }
    return this.key;
  }

  clear() {
    this.write("", "");
  }

  #store() {
    try {
      if (this.isEmpty) {
        sessionStorage.removeItem(this.place);
      } else {
        sessionStorage.setItem(this.place, JSON.stringify({ subject: this.subject, text: this.text, key: this.key }));
      }
    } catch {
      // A browser that keeps nothing for pages: then the draft lives as long as this page.
    }
  }
}

function stored(place) {
  try {
    return JSON.parse(sessionStorage.getItem(place));
  } catch {
    return undefined;
  }
}
