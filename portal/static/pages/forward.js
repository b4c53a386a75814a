// @ts-check
/** Faxes go to another mailbox: their keys are opened and wrapped to it here, fax by fax; what fails stays, and may be tried again. */

import { fromHex } from "../vault/bytes.js";
import { wrapForMailbox } from "../vault/forward.js";
import { keyring, LockedHere, post, publicKey, send, toUnlock, words } from "./client.js";
import { _, ngettext } from "./language.js";
import { again } from "./again.js";

/** @typedef {import("./client.js").ToWrap} ToWrap */

const form = /** @type {HTMLFormElement | null} */ (document.querySelector("[data-hand-on]"));

// Who has to open the key first does so now, and chooses then.
if (form) {
  keyring().catch((error) => {
    if (error instanceof LockedHere) {
      location.replace(toUnlock());
    } else {
      tell(form, error);
    }
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    await handOn(form);
  });
}

/** @param {HTMLFormElement} form @returns {Promise<void>} */
async function handOn(form) {
  const { handOn: act = "", after = "/inbox", note = "" } = form.dataset;
  const mailbox = String(new FormData(form).get("mailbox"));
  const chosen = /** @type {NodeListOf<HTMLInputElement>} */ (form.querySelectorAll('input[name="fax"]:checked'));
  const go = /** @type {HTMLButtonElement} */ (form.querySelector("[data-go]"));
  const doing = /** @type {HTMLElement} */ (form.querySelector("[data-doing]"));
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
  if (!chosen.length) {
    doing.textContent = _("No fax is ticked.");
    return;
  }
  go.disabled = true;
  wrong.hidden = true;
  let [done, failed] = [0, 0];
  const left = new URLSearchParams({ list: after });
  for (const box of chosen) {
    doing.textContent = _("{number} of {count}", { number: done + failed + 1, count: chosen.length });
    const item = /** @type {HTMLElement} */ (box.closest("li"));
    const said = /** @type {HTMLElement} */ (item.querySelector("[data-failed]"));
    try {
      const said = await again(() => one(box.value, mailbox, act));
      if (said.left) {
        left.append("fax", said.left);
      }
      item.remove();
      done += 1;
    } catch (error) {
      if (error instanceof LockedHere) {
        location.assign(toUnlock());
        return;
      }
      said.textContent = words(error);
      said.hidden = false;
      failed += 1;
    }
  }
  go.disabled = false;
  doing.textContent = "";
  if (!failed) {
    location.assign(left.has("fax") ? `/moved?${left}` : `${after}${after.includes("?") ? "&" : "?"}note=${note}`);
    return;
  }
  tell(form, new Error(), ngettext("{count} fax stayed where it is. Below it stands why.", "{count} faxes stayed where they are. Below each stands why.", failed)
    + (done ? ` ${ngettext("{count} was handed on.", "{count} were handed on.", done)}` : ""));
}

/** @param {string} fax @param {string} mailbox @param {string} act @returns {Promise<{fax: number, left?: number | null}>} */
async function one(fax, mailbox, act) {
  const said = await post(`/faxes/${fax}/offer`, new URLSearchParams({ mailbox }));
  const target = { ...said.target, publicKey: publicKey(said.target.publicKey) };
  const documents = said.documents.map((/** @type {ToWrap} */ { document, digest, wraps }) => ({
    document,
    digest: fromHex(digest),
    wraps: wraps.map(({ mailbox: id, epoch, wrap }) => ({ mailbox: id, epoch, wrap: fromHex(wrap) })),
  }));
  const handed = await wrapForMailbox(await keyring(), { fax: said.fax, target, documents });
  const wraps = [...handed.wraps].map(([document, wrap]) => ({ document, wrap }));
  return send(`/faxes/${fax}/${act}`, { mailbox: handed.mailbox, epoch: handed.epoch, wraps });
}

/** @param {HTMLFormElement} form @param {unknown} error @param {string} [text] */
function tell(form, error, text = words(error)) {
  const wrong = /** @type {HTMLElement} */ (form.querySelector("[data-wrong]"));
  wrong.textContent = text;
  wrong.hidden = false;
  wrong.scrollIntoView({ block: "nearest" });
}
