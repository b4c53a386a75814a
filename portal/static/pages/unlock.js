// @ts-check
/** Who is logged in and has no key in this browser opens it: by the password, a passkey or the recovery code. */

import { recoveryAuth, recoveryWrap } from "../vault/passphrases.js";
import { Refused, send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";
import { derived, logInByPasskey, opens } from "./session.js";

const form = /** @type {HTMLElement} */ (document.getElementById("unlock"));
const { email = "", to = "/inbox" } = form.dataset;
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));
const codeField = /** @type {HTMLElement} */ (document.getElementById("code-field"));
const code = /** @type {HTMLInputElement} */ (document.getElementById("totp"));
const recovery = /** @type {HTMLInputElement} */ (document.getElementById("recovery"));

onSubmit("unlock", _("Opening your key. This takes a moment."), async () => {
  const { auth, wrap } = await derived(email, password.value);
  try {
    goOn(await opens(await send("/account/key", { auth, code: code.value || null }), wrap), to);
  } catch (error) {
    if (error instanceof Refused && error.id === "code-needed") {
      codeField.hidden = false;
      code.required = true;
      code.focus();
    }
    throw error;
  }
});

const byPasskey = /** @type {HTMLElement} */ (document.getElementById("by-passkey"));
byPasskey.hidden = !globalThis.PublicKeyCredential;

onSubmit("by-passkey", _("Waiting for your passkey."), async () => {
  const told = await logInByPasskey();
  if (told === null) {
    throw new Refused(_("This passkey logs you in, and opens nothing. Give your password."), "passkey-opens-nothing");
  }
  goOn(told, to);
});

onSubmit("by-code", _("Opening your key. This takes a moment."), async () => {
  const said = await send("/account/recovery-key", { auth: await recoveryAuth(recovery.value) });
  goOn(await opens(said, await recoveryWrap(recovery.value)), to);
});
