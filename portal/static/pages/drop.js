// @ts-check
/**
 * Where files are handed in: they may be dropped, come one after the other, and be put in order. What is refused stays in the
 * form, so that one file is taken out, or a password written, and the others are there.
 */

import { post, Refused, words } from "./client.js";
import { Files, takesDropped } from "./files.js";
import { _ } from "./language.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-drop]"));
const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("file"));
const section = /** @type {HTMLElement} */ (form.querySelector(".files"));
const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
const doing = /** @type {HTMLElement} */ (form.querySelector("[data-doing]"));
const go = /** @type {HTMLButtonElement} */ (form.querySelector("[data-go]"));
const locked = /** @type {HTMLDetailsElement} */ (form.querySelector("[data-locked]"));

const files = new Files(section, () => {
  // The form brings what is in its field, in this order.
  const given = new DataTransfer();
  files.items.forEach(({ file }) => file && given.items.add(file));
  input.files = given.files;
  input.setCustomValidity(files.wrong);
  section.hidden = !files.items.length;
});

input.addEventListener("change", () => files.add(/** @type {FileList} */ (input.files)));
takesDropped(form, (dropped) => files.add(dropped));

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  go.disabled = true;
  wrong.hidden = true;
  doing.textContent = _("The files are on their way.");
  try {
    const { address } = await post(form.getAttribute("action") ?? "", new FormData(form));
    location.assign(address);
  } catch (error) {
    doing.textContent = "";
    go.disabled = false;
    wrong.textContent = words(error);
    wrong.hidden = false;
    if (error instanceof Refused && error.id === "encrypted-document") {
      locked.open = true;
      locked.querySelector("input")?.select();
    } else {
      wrong.scrollIntoView({ block: "nearest" });
    }
  }
});
