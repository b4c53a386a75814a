// @ts-check
/** Another recovery code: the one before opens nothing any more. */

import { lockByCode } from "../vault/enrol.js";
import { newRecoveryCode } from "../vault/passphrases.js";
import { withKey } from "./account-key.js";
import { send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";
import { keep } from "./recovery-code.js";

const old = /** @type {HTMLInputElement} */ (document.getElementById("old"));

onSubmit("change", _("Working on your password. This takes a moment."), async () => {
  const code = newRecoveryCode();
  await withKey(old.value, async ({ key, auth }) => send("/account/recovery-code", { auth, recovery: await lockByCode(key, code) }));
  await keep(code);
  location.assign("/account?note=saved");
});
