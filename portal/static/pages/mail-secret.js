// @ts-check
/** A secret address or PIN for mails is made, after the password once more, and shown once. */

import { authOf } from "./account-key.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { keep } from "./recovery-code.js";

const form = document.getElementById("make");
const old = /** @type {HTMLInputElement} */ (document.getElementById("old"));

if (form) {
  onSubmit("make", _("Working on your password. This takes a moment."), async () => {
    const { secret } = await send(form.getAttribute("data-to") ?? "", { auth: await authOf(old.value) });
    await keep(secret);
    location.assign("/account/fax-by-mail?note=saved");
  });
}
