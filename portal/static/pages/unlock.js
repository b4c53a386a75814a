// @ts-check
/** Who is logged in and has no key in this browser opens it: by the password, or by the recovery code. */

import { recoveryAuth, recoveryWrap } from "../vault/passphrases.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";
import { derived, opens } from "./session.js";

const form = /** @type {HTMLElement} */ (document.getElementById("unlock"));
const { email = "", to = "/inbox" } = form.dataset;
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const recovery = /** @type {HTMLInputElement} */ (document.getElementById("recovery"));

onSubmit("unlock", _("Opening your key. This takes a moment."), async () => {
  const { auth, wrap } = await derived(email, password.value);
  goOn(await opens(await send("/account/key", { auth }), wrap), to);
});

onSubmit("by-code", _("Opening your key. This takes a moment."), async () => {
  const said = await send("/account/recovery-key", { auth: await recoveryAuth(recovery.value) });
  goOn(await opens(said, await recoveryWrap(recovery.value)), to);
});
