// @ts-check
/** What the covers of a campaign say is sealed: it is opened here, so that one changes it and does not write it anew. */

import { content, readables } from "./client.js";

const place = /** @type {HTMLElement} */ (document.querySelector("[data-said]"));
const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-cover]")?.closest("form"));

/** @param {string} name @param {unknown} value */
function put(name, value) {
  const field = form.elements.namedItem(name === "template_id" ? "cover" : name);
  if (field instanceof HTMLSelectElement || field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) {
    field.value = String(value);
  }
}

try {
  const [said] = await readables(place.dataset.said ?? "");
  if (said) {
    const { cover } = JSON.parse(await (await content(said, "application/json")).text());
    Object.entries(cover).forEach(([name, value]) => put(name, value));
    place.hidden = true;
    form.dispatchEvent(new Event("input"));
  }
} catch (error) {
  // It stays sealed, as the page says; and is written anew.
  console.warn(error);
}
