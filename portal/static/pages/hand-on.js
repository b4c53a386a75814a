// @ts-check
/** What this user's key can do for others is done as soon as it is opened; and whoever opened it is told for whom. */

import { newEpochFor } from "../vault/admission.js";
import { fromHex } from "../vault/bytes.js";
import { NeedsReader, SealBroken } from "../vault/errors.js";
import { keyring, post, publicKey, renewedKeyring, send } from "./client.js";
import { _ } from "./language.js";

/** @typedef {import("../vault/keyring.js").Keyring} Keyring */

/** A server that asks again and again is asked no more. */
const MOST_ROUNDS = 50;

/** Who opens more by it than before, in words. @returns {Promise<string[]>} */
export async function handOn() {
  /** @type {string[]} */
  const told = [];
  try {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const due = await post("/keys/due");
      const ring = await keyring();
      if (due.renewals.length && round < MOST_ROUNDS - 1) {
        // First of all: what came before is tied to no key that a reader did not make.
        const epochs = await Promise.all(due.renewals.map(begun));
        const said = await send("/keys/renew", { epochs, proof: await ring.prove(fromHex(due.ask)) });
        told.push(...said.gained.map(gained));
        await renewedKeyring();
        continue;
      }
      const [links, grants] = [await linked(due.links, ring), await granted(due.grants, ring)];
      if (!links.length && !grants.length) {
        break;
      }
      const said = await send("/keys/hand-on", { links, grants, proof: await ring.prove(fromHex(due.ask)) });
      told.push(...said.gained.map(gained));
      if (due.links.length + due.grants.length > links.length + grants.length) {
        // Some do not open, and would be asked for again.
        break;
      }
    }
  } catch (error) {
    // Others wait until the next time; whose key it is does not.
    console.warn(error);
  }
  return told;
}

/** An epoch as it is handed over. @param {{mailbox: number, number: number, readers: {key: number, publicKey: string}[]}} ahead */
export async function begun({ mailbox, number, readers }) {
  const made = await newEpochFor(new Map(readers.map((each) => [each.key, publicKey(each.publicKey)])));
  const wraps = [...made.wraps].map(([key, wrap]) => ({ key, wrap }));
  return { mailbox, number, publicKey: made.publicKey.raw, wraps };
}

/** @param {{mailbox: number, epoch: number}[]} due @param {Keyring} ring */
export async function linked(due, ring) {
  return made(due, ({ mailbox, epoch }) => ring.link(mailbox, epoch));
}

/** @param {{mailbox: number, epoch: number, key: number, publicKey: string}[]} due @param {Keyring} ring */
export async function granted(due, ring) {
  return made(due, ({ mailbox, epoch, publicKey: raw }) => ring.wrapped(mailbox, epoch, publicKey(raw)));
}

/**
 * Those that can be made.
 * @template {object} Due
 * @param {Due[]} due @param {(each: Due) => Promise<import("../vault/bytes.js").Bytes>} make
 */
async function made(due, make) {
  const found = [];
  for (const each of due) {
    try {
      found.push({ ...each, wrap: await make(each) });
    } catch (error) {
      if (!(error instanceof NeedsReader || error instanceof SealBroken)) {
        throw error;
      }
    }
  }
  return found;
}

/** In words. @param {{to: string, mailboxes: string[]}} gain */
export function gained({ to, mailboxes }) {
  return _("{to} opens now what lies in {mailboxes}.", { to, mailboxes: mailboxes.join(", ") });
}
