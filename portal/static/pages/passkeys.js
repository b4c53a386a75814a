// @ts-check
/** One more passkey: it logs in, and where it can, opens the key. */

import { fromHex } from "../vault/bytes.js";
import { portalSalt, registered } from "../vault/passkeys.js";
import { lock } from "../vault/passphrases.js";
import { withKey } from "./account-key.js";
import { post, send } from "./client.js";
import { onSubmit } from "./field.js";
import { _ } from "./language.js";

const password = /** @type {HTMLInputElement} */ (document.getElementById("old"));
const name = /** @type {HTMLInputElement} */ (document.getElementById("name"));

onSubmit("add", _("Working on your password, then waiting for your passkey."), async () => {
  await withKey(password.value, async ({ key, auth }) => {
    const said = await post("/account/passkeys/new");
    const salt = await portalSalt();
    const { registration, wrap } = await registered(
      {
        challenge: fromHex(said.challenge),
        rp: said.rp,
        user: { ...said.user, id: fromHex(said.user.id) },
        pubKeyCredParams: said.algorithms.map((/** @type {number} */ alg) => ({ type: "public-key", alg })),
        excludeCredentials: said.known.map((/** @type {string} */ id) => ({ type: "public-key", id: fromHex(id) })),
        authenticatorSelection: { residentKey: "required", requireResidentKey: true },
        attestation: "none",
      },
      salt,
    );
    const { clientData, attestation } = registration;
    const opens = wrap ? { salt, locked: await lock(key, wrap) } : null;
    await send("/account/passkeys", { auth, name: name.value.trim(), clientData, attestation, lock: opens });
  });
  location.assign("/account/passkeys?note=added");
});
