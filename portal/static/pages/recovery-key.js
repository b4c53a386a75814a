// @ts-check
/** The organisation's recovery key: made and shown here, read here from paper, and turned off by keys that are made here. */

import { newRecoveryKey } from "../vault/printed-keys.js";
import { authOf } from "./account-key.js";
import { again } from "./again.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { begun, gained, granted, linked } from "./hand-on.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";
import { lookAgain, ringOfPaper } from "./paper.js";
import { keep } from "./recovery-code.js";
import { derived, opens } from "./session.js";

const email = document.querySelector("[data-email]")?.getAttribute("data-email") ?? "";
const WORKING = _("Working on your password. This takes a moment.");
/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

if (document.getElementById("make")) {
  onSubmit("make", WORKING, async () => {
    const { auth, wrap } = await derived(email, field("make-password").value);
    const said = await send("/account/key", { auth });
    const { code, key } = await newRecoveryKey();
    key.wipe();
    await send("/organisation/recovery/make", { auth, publicKey: key.publicKey.raw });
    // What this user reads it opens at once.
    const told = await opens(said, wrap);
    await keep(code);
    goOn(told, "/organisation/recovery?note=added");
  });
}

if (document.getElementById("use")) {
  onSubmit("use", WORKING, async () => {
    const used = /** @type {HTMLElement} */ (document.getElementById("used"));
    used.hidden = true;
    const of = field("of").value;
    const found = await ringOfPaper({ code: field("code").value, why: field("why").value, of, auth: await authOf(field("use-password").value) });
    const { ring, proof } = found;
    let { said } = found;
    const told = [];
    for (let goesOn = true; goesOn && (said.links.length || said.grants.length); ) {
      const [links, grants] = [await linked(said.links, ring), await granted(said.grants, ring)];
      const answer = await send("/organisation/recovery/hand-on", { ...proof, links, grants });
      told.push(...answer.gained.map(gained));
      // What does not open would be asked for again.
      goesOn = said.more && links.length + grants.length === said.links.length + said.grants.length;
      if (goesOn) {
        said = await lookAgain(ring, proof, of);
      }
    }
    if (said.unopened.length) {
      told.push(_("It does not open: {mailboxes}. None of their readers has logged in since it was made.", { mailboxes: said.unopened.join(", ") }));
    }
    if (!told.length) {
      told.push(_("Whoever reads {mailboxes} opens all of it already.", { mailboxes: said.opened.join(", ") }));
    }
    used.querySelector("ul")?.replaceChildren(...told.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    used.hidden = false;
    for (const id of ["code", "use-password"]) {
      field(id).value = "";
    }
  });
  onSubmit("off", WORKING, async () => {
    const auth = await authOf(field("off-password").value);
    const { alone } = await again(async () => {
      const { key, epochs } = await send("/organisation/recovery/to-turn-off", { auth });
      return send("/organisation/recovery/turn-off", { auth, key, epochs: await Promise.all(epochs.map(begun)) });
    });
    const place = /** @type {HTMLElement} */ (document.getElementById("is-off"));
    const text = alone.length
      ? _("It is off. Keep the paper: it alone opens what came before in {mailboxes}.", { mailboxes: alone.join(", ") })
      : _("It is off. Destroy the paper.");
    /** @type {HTMLElement} */ (place.querySelector("p")).textContent = text;
    document.querySelectorAll("form, details").forEach((each) => /** @type {HTMLElement} */ (each).hidden = true);
    place.hidden = false;
  });
}
