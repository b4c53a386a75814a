// @ts-check
/** A forgotten password: the recovery code opens the key here, and it is locked by a new password and a new code. */

import { fromHex } from "../vault/bytes.js";
import { lockByCode, lockByPassword } from "../vault/enrol.js";
import { checkNew } from "../vault/new-password.js";
import { newRecoveryCode, recoveryAuth, recoveryWrap, unlock } from "../vault/passphrases.js";
import { remember } from "../vault/remembered.js";
import { asksFor, publicKey, send } from "./client.js";
import { onSubmit } from "./field.js";
import { handOn } from "./hand-on.js";
import { _ } from "./language.js";
import { judges } from "./new-password.js";
import { goOn } from "./onward.js";
import { keep } from "./recovery-code.js";
import { checkSecure } from "./session.js";

const email = /** @type {HTMLInputElement} */ (document.getElementById("email"));
const recovery = /** @type {HTMLInputElement} */ (document.getElementById("recovery"));
const password = /** @type {HTMLInputElement} */ (document.getElementById("password"));

judges(password, () => [email.value]);

onSubmit("recover", _("Opening your key. This takes a moment."), async () => {
  checkSecure();
  const [who, chosen] = [email.value.trim(), password.value];
  const auth = await recoveryAuth(recovery.value);
  const said = await send("/recover/key", { email: who, auth });
  await checkNew(chosen, said.words);
  const key = await unlock(fromHex(said.locked), await recoveryWrap(recovery.value), publicKey(said.publicKey));
  const code = newRecoveryCode();
  try {
    const locks = { password: await lockByPassword(key, chosen), recovery: await lockByCode(key, code) };
    const begun = await send("/recover", { email: who, auth, ...locks });
    asksFor(begun.csrf);
    await remember(begun.user, key, fromHex(begun.secret));
  } finally {
    key.wipe();
  }
  await keep(code);
  goOn(await handOn());
});
