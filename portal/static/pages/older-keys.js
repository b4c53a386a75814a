// @ts-check
/** What a key opened that was replaced: its old password or code opens it here, and the current key opens all from then on. */

import { fromHex } from "../vault/bytes.js";
import { derive, recoveryAuth, recoveryWrap, unlock } from "../vault/passphrases.js";
import { keyringWith, post, publicKey, send } from "./client.js";
import { onSubmit } from "./field.js";
import { handOn } from "./hand-on.js";
import { _ } from "./language.js";
import { goOn } from "./onward.js";

/** @typedef {{key: number, auth: import("../vault/bytes.js").Bytes, wrap: CryptoKey}} Proof */

/** @param {string} id */
const field = (id) => /** @type {HTMLInputElement} */ (document.getElementById(id));

if (document.getElementById("by-password")) {
  onSubmit("by-password", _("Working on your old password. This takes a moment."), async () => {
    const proofs = [];
    for (const { key, salt, cost } of (await post("/account/older-keys")).keys) {
      proofs.push({ key, ...(await derive(field("old").value, fromHex(salt), cost)) });
    }
    await bringBack(proofs);
  });
  onSubmit("by-code", _("Opening your old key. This takes a moment."), async () => {
    const [auth, wrap] = [await recoveryAuth(field("recovery").value), await recoveryWrap(field("recovery").value)];
    const { keys } = await post("/account/older-keys");
    await bringBack(keys.map((/** @type {{key: number}} */ { key }) => ({ key, auth, wrap })));
  });
}

/** @param {Proof[]} proofs one for each key */
async function bringBack(proofs) {
  const said = await send("/account/older-keys/open", { auths: proofs.map(({ key, auth }) => ({ key, auth })) });
  const older = new Map();
  for (const { key, publicKey: raw, locked } of said.keys) {
    const proof = /** @type {Proof} */ (proofs.find((each) => each.key === key));
    older.set(key, (await unlock(fromHex(locked), proof.wrap, publicKey(raw))).hold());
  }
  await keyringWith(older);
  goOn(await handOn());
}
