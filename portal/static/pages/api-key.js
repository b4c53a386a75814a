// @ts-check
/** An API key is made, after the password once more, and shown once. */

import { authOf } from "./account-key.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { keep } from "./recovery-code.js";

const old = /** @type {HTMLInputElement} */ (document.getElementById("old"));
const name = /** @type {HTMLInputElement} */ (document.getElementById("name"));
const until = /** @type {HTMLInputElement} */ (document.getElementById("until"));

if (document.getElementById("make")) {
  onSubmit("make", _("Working on your password. This takes a moment."), async () => {
    const ticked = /** @type {NodeListOf<HTMLInputElement>} */ (document.querySelectorAll("[name=scope]:checked"));
    const scopes = [...ticked].map((each) => each.value).join(" ");
    const { secret } = await send("/account/api-keys", {
      auth: await authOf(old.value),
      name: name.value,
      scopes: scopes || null,
      until: until.value || null,
    });
    await keep(secret);
    location.assign("/account/api-keys?note=added");
  });
}
