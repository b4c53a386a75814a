// @ts-check
/**
 * A received fax goes to another mailbox of its tenant: its reader wraps the keys of its documents to that one, which the
 * reader need not read. The server has none of them, and takes the wraps. faxplan/forwarding.py does the same.
 */

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./keyring.js").FileWrap} FileWrap
 * @typedef {import("./keyring.js").Keyring} Keyring
 * @typedef {import("./wraps.js").PublicKey} PublicKey
 *
 * @typedef {object} Offer What the server says is to be wrapped.
 * @property {number} fax
 * @property {{mailbox: number, epoch: number, publicKey: PublicKey}} target the mailbox that gets it, with its newest epoch
 * @property {{document: number, digest: Bytes, wraps: FileWrap[]}[]} documents digest: of the sealed file's header
 *
 * @typedef {object} Handed What is handed over: nothing of it opens anything.
 * @property {number} fax
 * @property {number} mailbox
 * @property {number} epoch
 * @property {Map<number, Bytes>} wraps by document
 */

/**
 * All of a fax, for the readers of another mailbox: to forward it, or to move it.
 * @param {Keyring} ring @param {Offer} offer
 * @returns {Promise<Handed>} Rejects with NeedsReader or SealBroken, where one of its documents does not open.
 */
export async function wrapForMailbox(ring, { fax, target, documents }) {
  const wraps = new Map();
  for (const { document, digest, wraps: ours } of documents) {
    wraps.set(document, await ring.wrapFor(digest, ours, target.publicKey));
  }
  return { fax, mailbox: target.mailbox, epoch: target.epoch, wraps };
}
