// @ts-check
/**
 * The keys that a user has unlocked, for as long as the page lives: user keys -> a mailbox's epochs -> file keys -> documents.
 * Private keys are in the browser's keeping; what is handed on (a member, a new epoch) is opened anew from its wrap.
 * faxplan/keyring.py does the same.
 */

import { NeedsReader, SealBroken } from "./errors.js";
import { readHeader } from "./header.js";
import { proofBy } from "./proof.js";
import { SealedReader } from "./sealed.js";
import { newKeyPair } from "./wraps.js";
import { _ } from "../pages/language.js";

/**
 * @typedef {import("./bytes.js").Bytes} Bytes
 * @typedef {import("./header.js").Context} Context
 * @typedef {import("./header.js").Header} Header
 * @typedef {import("./header.js").Source} Source
 * @typedef {import("./wraps.js").ExposedKey} ExposedKey
 * @typedef {import("./wraps.js").PrivateKey} PrivateKey
 * @typedef {import("./wraps.js").PublicKey} PublicKey
 *
 * @typedef {object} Epoch A mailbox's key pair, from one change of its members to the next.
 * @property {number} number from 1
 * @property {PublicKey} publicKey
 * @property {Map<number, Bytes>} wraps its private key, by the ids of this user's own keys; empty where there is none
 * @property {Bytes | null} earlier the private key of the epoch before, wrapped to this one
 *
 * @typedef {{mailbox: number, epoch: number, wrap: Bytes}} FileWrap A file's key for a mailbox's epoch.
 *
 * @typedef {object} NewEpoch A new key pair, to be handed over.
 * @property {number} number
 * @property {PublicKey} publicKey
 * @property {Map<number, Bytes>} wraps its private key, by the members' ids
 * @property {Bytes | null} earlier as in Epoch; null: there was none before, or it is not at hand
 */

/** A user's, or that of whoever holds a tenant's recovery key. */
export class Keyring {
  #own;
  /** @type {Map<number, Map<number, Epoch>>} by mailbox, then by number */
  #mailboxes = new Map();
  /** @type {Map<Epoch, Promise<PrivateKey>>} */
  #held = new Map();

  /** @param {Map<number, PrivateKey>} own the user's keys by their ids: the current one, and those before it that are unlocked */
  constructor(own) {
    this.#own = new Map(own);
  }

  /** What the server says of a mailbox; takes the place of what it said before. @param {number} mailbox @param {Epoch[]} epochs */
  setMailbox(mailbox, epochs) {
    this.#mailboxes.get(mailbox)?.forEach((epoch) => this.#held.delete(epoch));
    this.#mailboxes.set(mailbox, new Map(epochs.map((epoch) => [epoch.number, epoch])));
  }

  /**
   * The private key of an epoch: of a wrap of its own, or by the links from a later one that has a wrap.
   * @param {number} mailbox @param {number} number
   * @returns {Promise<PrivateKey>} Rejects with NeedsReader, or SealBroken where what should open it is damaged.
   */
  async epochKey(mailbox, number) {
    const epoch = this.#epoch(mailbox, number);
    let held = this.#held.get(epoch);
    if (!held) {
      held = this.#exposed(mailbox, number).then((key) => key.hold());
      this.#held.set(epoch, held);
      held.catch(() => this.#held.delete(epoch));
    }
    return held;
  }

  /**
   * A file's key; wipe it when it is done with.
   * @param {Bytes} digest of the file's header @param {FileWrap[]} wraps all that the file has
   * @returns {Promise<Bytes>} Rejects with NeedsReader, or SealBroken where none of our wraps is this file's.
   */
  async fileKey(digest, wraps) {
    const ways = wraps.map(({ mailbox, epoch, wrap }) => async () => {
      return (await this.epochKey(mailbox, epoch)).unwrap(wrap, digest);
    });
    return firstOf(ways, _("None of your mailboxes may read this document. Ask one of its readers to forward it."));
  }

  /**
   * A document that one of our mailboxes may read.
   * @param {Source} source @param {FileWrap[]} wraps
   * @param {Context | null} expected which file it must be
   * @returns {Promise<SealedReader>} Rejects with NeedsReader or SealBroken.
   */
  async open(source, wraps, expected) {
    const { header } = await readHeader(source);
    const key = await this.fileKey(header.digest, wraps);
    try {
      return await SealedReader.open(source, key, expected);
    } finally {
      key.fill(0);
    }
  }

  /**
   * A wrap of the same file for another reader (forward, move, resend): the file itself stays as it is.
   * @param {Bytes} digest of the file's header @param {FileWrap[]} wraps @param {PublicKey} reader
   * @returns {Promise<Bytes>}
   */
  async wrapFor(digest, wraps, reader) {
    const key = await this.fileKey(digest, wraps);
    try {
      return await reader.wrap(key, digest);
    } finally {
      key.fill(0);
    }
  }

  /**
   * The private key of an epoch for another member, who by its links reads the older ones too.
   * @param {number} mailbox @param {number} number @param {PublicKey} member
   * @returns {Promise<Bytes>} Rejects with NeedsReader or SealBroken.
   */
  async wrapped(mailbox, number, member) {
    const key = await this.#exposed(mailbox, number);
    try {
      return await member.wrapPrivate(key);
    } finally {
      key.wipe();
    }
  }

  /**
   * The link that an epoch lacks: the private key of the one before, for whoever opens this one.
   * @param {number} mailbox @param {number} number
   * @returns {Promise<Bytes>} Rejects with NeedsReader or SealBroken.
   */
  async link(mailbox, number) {
    return this.wrapped(mailbox, number - 1, this.#epoch(mailbox, number).publicKey);
  }

  /**
   * A mailbox's first epoch, or its next one when a member leaves. This ring takes it up with the next setMailbox.
   * @param {number} mailbox
   * @param {Map<number, PublicKey>} members who stay, by the ids of their keys; this user among them
   * @returns {Promise<NewEpoch>}
   */
  async newEpoch(mailbox, members) {
    const newest = Math.max(0, ...(this.#mailboxes.get(mailbox)?.keys() ?? []));
    const key = await newKeyPair();
    try {
      const wraps = new Map();
      for (const [id, member] of members) {
        wraps.set(id, await member.wrapPrivate(key));
      }
      const earlier = newest ? await this.wrapped(mailbox, newest, key.publicKey).catch(notAtHand) : null;
      return { number: newest + 1, publicKey: key.publicKey, wraps, earlier };
    } finally {
      key.wipe();
    }
  }

  /**
   * That the user's own key is here (faxplan/proofs.py).
   * @param {Bytes} asked what the server has wrapped to it
   * @returns {Promise<Bytes>} Rejects with NeedsReader or SealBroken.
   */
  async prove(asked) {
    const ways = [...this.#own.values()].map((key) => () => proofBy(key, asked));
    return firstOf(ways, _("The server asks for something that your key does not open. Load this page again."));
  }

  /**
   * Whether what was handed to this user of a mailbox's newest key is whole; true where nothing was yet.
   * @param {number} mailbox @returns {Promise<boolean>}
   */
  async isWhole(mailbox) {
    const newest = Math.max(0, ...(this.#mailboxes.get(mailbox)?.keys() ?? []));
    try {
      await this.epochKey(mailbox, newest);
    } catch (error) {
      return !(error instanceof SealBroken);
    }
    return true;
  }

  /** Forgets all keys, as at log-out. */
  clear() {
    this.#own.clear();
    this.#held.clear();
    this.#mailboxes.clear();
  }

  /** @param {number} mailbox @param {number} number @returns {Promise<ExposedKey>} */
  async #exposed(mailbox, number) {
    const { publicKey, wraps } = this.#epoch(mailbox, number);
    const ways = [...wraps].map(([id, wrap]) => async () => {
      const own = this.#own.get(id);
      return own ? own.unwrapPrivate(wrap, publicKey) : Promise.reject(new NeedsReader(_("A wrap for a key that is locked.")));
    });
    const earlier = this.#mailboxes.get(mailbox)?.get(number + 1)?.earlier;
    if (earlier) {
      ways.push(async () => (await this.epochKey(mailbox, number + 1)).unwrapPrivate(earlier, publicKey));
    }
    return firstOf(ways, _("You are not among the readers of this mailbox. Ask one of its members to unlock theirs."));
  }

  /** @param {number} mailbox @param {number} number @returns {Epoch} */
  #epoch(mailbox, number) {
    const found = this.#mailboxes.get(mailbox)?.get(number);
    if (!found) {
      throw new NeedsReader(_("You are not among the readers of this mailbox. Ask one of its members to add you."));
    }
    return found;
  }
}

/**
 * What the first of several ways gives that leads anywhere. If none does, one that is damaged says more than one that is not ours.
 * @template T
 * @param {(() => Promise<T>)[]} ways @param {string} message where none is ours
 * @returns {Promise<T>} Rejects with SealBroken or NeedsReader.
 */
async function firstOf(ways, message) {
  /** @type {SealBroken | undefined} */
  let broken;
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      if (error instanceof SealBroken) {
        broken = error;
      } else if (!(error instanceof NeedsReader)) {
        throw error;
      }
    }
  }
  throw broken ?? new NeedsReader(message);
}

/** @param {unknown} error @returns {null} */
function notAtHand(error) {
  // Who leaves must be kept out all the same; `link` mends it from another client.
  if (error instanceof NeedsReader || error instanceof SealBroken) {
    return null;
  }
  throw error;
}
