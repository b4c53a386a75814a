// @ts-check
/** From a log-in into the portal; whoever has handed keys on by it is told before. */

/** @param {string[]} told in words: who opens more than before @param {string} [place] of ours */
export function goOn(told, place = "/inbox") {
  const notice = document.getElementById("handed-on");
  const list = notice?.querySelector("ul");
  if (!notice || !list || !told.length) {
    location.assign(place);
    return;
  }
  list.replaceChildren(...told.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  document.querySelectorAll("[data-step]").forEach((each) => /** @type {HTMLElement} */ (each).hidden = true);
  notice.hidden = false;
  /** @type {HTMLElement | null} */ (notice.querySelector("a"))?.focus();
}
