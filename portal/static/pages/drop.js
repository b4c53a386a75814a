// @ts-check
/** Where files are handed in: they may be dropped, come one after the other, and be put in order. */

import { Files, takesDropped } from "./files.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-drop]"));
const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("file"));
const section = /** @type {HTMLElement} */ (form.querySelector(".files"));

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
