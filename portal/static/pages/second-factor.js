// @ts-check
/** The second factor is set up, or switched off. */

import { authOf } from "./account-key.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";

const password = /** @type {HTMLInputElement} */ (document.getElementById("old"));
const again = "/account/second-factor?note=saved";
/** Between the two steps. @type {{auth: Uint8Array, secret: string} | undefined} */
let waiting;

if (document.getElementById("begin")) {
  onSubmit("begin", _("Working on your password. This takes a moment."), async () => {
    const auth = await authOf(password.value);
    const { secret, written, svg } = await send("/account/second-factor/new", { auth });
    waiting = { auth, secret };
    const picture = /** @type {HTMLImageElement} */ (document.getElementById("picture"));
    picture.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    /** @type {HTMLElement} */ (document.getElementById("written")).textContent = written.match(/.{1,4}/g).join(" ");
    /** @type {HTMLElement} */ (document.getElementById("begin")).hidden = true;
    /** @type {HTMLElement} */ (document.getElementById("confirm")).hidden = false;
    document.getElementById("totp")?.focus();
  });
  onSubmit("confirm", "", async () => {
    const code = /** @type {HTMLInputElement} */ (document.getElementById("totp")).value;
    await send("/account/second-factor", { ...waiting, code });
    location.assign(again);
  });
} else {
  onSubmit("end", _("Working on your password. This takes a moment."), async () => {
    await send("/account/second-factor/off", { auth: await authOf(password.value) });
    location.assign(again);
  });
}
