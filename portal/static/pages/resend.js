// @ts-check
/** A fax that has ended goes out again: its key is opened here, and wrapped to the machines that send. */

import { fromHex } from "../vault/bytes.js";
import { again } from "./again.js";
import { content, keyring, LockedHere, post, publicKey, Refused, send, toUnlock, words } from "./client.js";
import { _ } from "./language.js";

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-resend]"))) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = String(new FormData(form).get("numbers") ?? "");
    const numbers = text.split(/[\n,;]+/).map((each) => each.trim()).filter(Boolean);
    doing(form, _("Handing it to the machines that send."), () => again(() => resend(form.dataset.resend ?? "", numbers)));
  });
}

for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll("form[data-onward]"))) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    doing(form, _("Opening its pages for a new fax."), () => draftOf(form));
  });
}

/** @param {string} fax its address @param {string[]} numbers none: to where it went @returns {Promise<string>} where it is */
async function resend(fax, numbers) {
  const { machines, documents } = await post(`${fax}/resend-offer`);
  const ring = await keyring();
  const wraps = [];
  for (const each of /** @type {import("./client.js").ToWrap[]} */ (documents)) {
    const ours = each.wraps.map(({ mailbox, epoch, wrap }) => ({ mailbox, epoch, wrap: fromHex(wrap) }));
    for (const { key, publicKey: raw } of machines) {
      wraps.push({ document: each.document, key, wrap: await ring.wrapFor(fromHex(each.digest), ours, publicKey(raw)) });
    }
  }
  return (await send(`${fax}/resend`, { wraps, numbers: numbers.map((number) => ({ number })) })).to;
}

/** A draft of what came in: it is opened here, and handed in as any document is. @param {HTMLFormElement} form @returns {Promise<string>} */
async function draftOf(form) {
  /** @type {import("./client.js").Readable[]} */
  const found = await post(`${form.dataset.onward}/keys`);
  const readable = found.find((each) => each.name === "pdf") ?? found.find((each) => each.name === "tiff");
  if (!readable) {
    return "/send";
  }
  const said = new FormData(form);
  const suffix = readable.name === "pdf" ? "pdf" : "tif";
  const type = readable.name === "pdf" ? "application/pdf" : "image/tiff";
  said.set("file", await content(readable, type), `${form.dataset.name}.${suffix}`);
  const answer = await fetch(form.action, { method: "POST", body: said });
  if (!answer.redirected) {
    // The form's page again, which says why.
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    throw new Refused(page.querySelector('[role="alert"]')?.textContent ?? _("The server answered {status}.", { status: answer.status }), "");
  }
  return answer.url;
}

/** @param {HTMLFormElement} form @param {string} text @param {() => Promise<string>} act where to go then @returns {Promise<void>} */
async function doing(form, text, act) {
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("button"));
  const said = /** @type {HTMLElement} */ (form.querySelector("[data-doing]"));
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
  go.disabled = true;
  wrong.hidden = true;
  said.textContent = text;
  try {
    location.assign(await act());
  } catch (error) {
    if (error instanceof LockedHere) {
      location.assign(toUnlock());
      return;
    }
    said.textContent = "";
    wrong.textContent = words(error);
    wrong.hidden = false;
    go.disabled = false;
  }
}
