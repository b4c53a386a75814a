// @ts-check
/** A part of a page that is brought up to date by itself: `data-refresh` has the address of what stands in it, and
 * `data-over` there says that it was the last time: the page is loaded anew. */

const [SECONDS, SLOWER] = [5, 10];
const place = /** @type {HTMLElement} */ (document.querySelector("[data-refresh]"));

/** @returns {Promise<boolean>} whether to go on */
async function look() {
  // Nothing is taken away from under somebody's keyboard, and nobody looks at a hidden page.
  if (document.hidden || place.contains(document.activeElement)) {
    return true;
  }
  const answer = await fetch(place.dataset.refresh ?? "", { redirect: "error" });
  if (answer.ok) {
    const found = new DOMParser().parseFromString(await answer.text(), "text/html");
    // What stands around it tells of another state then.
    if (found.querySelector("[data-over]")) {
      location.reload();
      return false;
    }
    // What somebody has unfolded stays so.
    const unfolded = [...place.querySelectorAll("details")].map((each) => each.open);
    place.replaceChildren(...found.body.childNodes);
    place.querySelectorAll("details").forEach((each, at) => (each.open = unfolded[at] ?? each.open));
  }
  return answer.ok || answer.status >= 500;
}

/** @returns {Promise<void>} */
async function again() {
  const begun = performance.now();
  let goesOn = true;
  try {
    goesOn = await look();
  } catch (error) {
    console.warn(error);
  }
  if (goesOn) {
    // What takes long is asked for less often.
    setTimeout(again, Math.max(SECONDS * 1000, SLOWER * (performance.now() - begun)));
  }
}

setTimeout(again, SECONDS * 1000);
