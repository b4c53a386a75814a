// @ts-check
/** The files of a draft: others, or in another order. They are opened here, and handed in anew as a draft in its place. */

import { filesOf } from "./bundle.js";
import { post, readables, words } from "./client.js";
import { Files, takesDropped } from "./files.js";
import { handOver } from "./kept.js";
import { _ } from "./language.js";

const section = /** @type {HTMLElement} */ (document.querySelector("[data-files]"));
const anew = /** @type {HTMLButtonElement} */ (section.querySelector("[data-anew]"));
const more = /** @type {HTMLInputElement} */ (section.querySelector("[data-more] input"));
const told = /** @type {HTMLElement} */ (section.querySelector("[data-moved]"));
const wrong = /** @type {HTMLElement} */ (section.querySelector("[data-wrong]"));
const number = section.dataset.files ?? "";
const locked = /** @type {HTMLElement} */ (section.querySelector("[data-locked]"));
const password = /** @type {HTMLInputElement} */ (section.querySelector("[data-password]"));
const files = new Files(section, () => {
  anew.hidden = Boolean(files.wrong);
  locked.hidden = files.items.every(({ file }) => !file);
  // What is sent is what is shown.
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-send] button:not([type="button"])'))) {
    button.disabled = true;
  }
});

/** @param {unknown} error */
function tell(error) {
  wrong.textContent = words(error);
  wrong.hidden = false;
}

async function show() {
  try {
    const original = (await readables(section.dataset.keys ?? "")).find((each) => each.name === "original");
    if (original) {
      files.set(await filesOf(original));
      section.hidden = false;
      takesDropped(section, (dropped) => files.add(dropped));
    }
  } catch (error) {
    // Where its pages are shown, that was said there.
    if (!document.querySelector("[data-viewer]")) {
      section.hidden = false;
      tell(error);
    }
  }
}

/** All files, handed in anew, and then the page of that. */
async function handIn() {
  anew.disabled = true;
  wrong.hidden = true;
  told.textContent = _("The files are on their way.");
  try {
    const form = new FormData();
    form.append("instead", number);
    form.append("password", password.value);
    for (const each of files.items) {
      form.append("file", await each.content(), each.name);
    }
    const { address } = await post("/drafts", form);
    handOver(`/drafts/${number}`, address);
    location.assign(address);
  } catch (error) {
    told.textContent = "";
    anew.disabled = false;
    tell(error);
  }
}

more.addEventListener("change", () => {
  files.add(/** @type {FileList} */ (more.files));
  more.value = "";
});
anew.addEventListener("click", handIn);
show();
