// @ts-check
/** The organisation's recovery key, as it was typed from paper, opens mailboxes here: faxplan/emergency.py says what for. */

import { fromHex } from "../vault/bytes.js";
import { SealBroken } from "../vault/errors.js";
import { Keyring } from "../vault/keyring.js";
import { recoveryKey } from "../vault/printed-keys.js";
import { proofBy } from "../vault/proof.js";
import { epoch, Refused, send } from "./client.js";
import { _ } from "./language.js";

/** @typedef {import("../vault/bytes.js").Bytes} Bytes */

/**
 * What it opens of a mailbox, or of all that somebody reads; from here on it is used, and the audit says so.
 * @param {{code: string, why: string, of: string, auth: Bytes}} given auth: of the user's own password
 * @returns {Promise<{ring: Keyring, said: any, proof: {publicKey: Bytes, proof: Bytes, why: string}}>} said: as
 *   portal/pages/recovery.py says it. Rejects with Refused and InvalidSecret.
 */
export async function ringOfPaper({ code, why, of, auth }) {
  const key = (await recoveryKey(code)).hold();
  const known = { publicKey: key.publicKey.raw, why };
  const { wrap } = await send("/organisation/recovery/ask", { ...known, auth });
  let opened;
  try {
    opened = await proofBy(key, fromHex(wrap));
  } catch (error) {
    if (error instanceof SealBroken) {
      throw new Refused(_("The server asks for something that this key does not open. Tell whoever runs it."), "seal-broken");
    }
    throw error;
  }
  const proof = { ...known, proof: opened };
  const said = await send("/organisation/recovery/look", { ...proof, of });
  const ring = new Keyring(new Map([[said.key, key]]));
  take(ring, said);
  return { ring, said, proof };
}

/**
 * Once more, where there was more than is handed on at once: a use of it as the first.
 * @param {Keyring} ring @param {{publicKey: Bytes, proof: Bytes, why: string}} proof @param {string} of
 * @returns {Promise<any>} As said by ringOfPaper. Rejects with Refused.
 */
export async function lookAgain(ring, proof, of) {
  const said = await send("/organisation/recovery/look", { ...proof, of });
  take(ring, said);
  return said;
}

/** @param {Keyring} ring @param {any} said */
function take(ring, said) {
  for (const { mailbox, epochs } of said.mailboxes) {
    ring.setMailbox(mailbox, epochs.map(epoch));
  }
}
