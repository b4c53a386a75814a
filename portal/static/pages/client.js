// @ts-check
/** What all pages have in common: asking our own server, and the keys of whoever is logged in. */

import { fromHex, hex } from "../vault/bytes.js";
import { FaxplanError, NotFetched } from "../vault/errors.js";
import { Keyring } from "../vault/keyring.js";
import { rangesOf } from "../vault/ranges.js";
import { recall } from "../vault/remembered.js";
import { PublicKey } from "../vault/wraps.js";
import { _ } from "./language.js";

/**
 * @typedef {import("../vault/sealed.js").SealedReader} SealedReader
 * @typedef {import("../vault/wraps.js").PrivateKey} PrivateKey
 * @typedef {{name: string, address: string, context: import("../vault/header.js").Context, digest: string,
 *   wraps: {mailbox: number, epoch: number, wrap: string}[], sealedName: string | null}} Readable As portal/pages/documents.py says it.
 * @typedef {{document: number, digest: string, wraps: {mailbox: number, epoch: number, wrap: string}[]}} ToWrap As portal/pages/forwarding.py says it.
 */

/** What the server did not do, in its words. */
export class Refused extends FaxplanError {
  static errorId = "refused";

  /** @param {string} message @param {string} id of the server's error */
  constructor(message, id) {
    super(message);
    this.id = id;
  }
}

/** The keys are not in this browser: it is to be logged in again. */
export class LockedHere extends FaxplanError {
  static errorId = "locked-here";
}

/** Of a session that began on this page; else the page's own counts, which session-over.js renews. */
let begun = "";
const csrf = () => begun || (document.querySelector('meta[name="csrf"]')?.getAttribute("content") ?? "");

/** For whom this page asks from now on: it came before somebody logged in. @param {string} token of the session, which the server said */
export function asksFor(token) {
  begun = token;
}

/**
 * Asks with POST.
 * @param {string} address @param {URLSearchParams | FormData} [form] @param {boolean} [keepalive] it goes on where the page is left
 * @returns {Promise<any>} Rejects with Refused or NotFetched.
 */
export async function post(address, form = new URLSearchParams(), keepalive = false) {
  return answered(fetch(address, { method: "POST", body: form, keepalive, headers: { Accept: "application/json", "X-CSRF-Token": csrf() } }));
}

/**
 * Hands something over as JSON, with POST; bytes are written in hexadecimal.
 * @param {string} address @param {object} value
 * @returns {Promise<any>} Rejects with Refused or NotFetched.
 */
export async function send(address, value) {
  const body = JSON.stringify(value, (_key, part) => (part instanceof Uint8Array ? hex(part) : part));
  const headers = { Accept: "application/json", "Content-Type": "application/json", "X-CSRF-Token": csrf() };
  return answered(fetch(address, { method: "POST", body, headers }));
}

/** @param {string} address @returns {Promise<any>} Rejects with Refused or NotFetched. */
export async function get(address) {
  return answered(fetch(address, { headers: { Accept: "application/json" } }));
}

/** @param {Promise<Response>} asked */
async function answered(asked) {
  let answer, said;
  try {
    answer = await asked;
    said = await answer.json();
  } catch (error) {
    throw new NotFetched(_("The server does not answer. Try again in a moment."), { cause: error });
  }
  if (!answer.ok) {
    throw new Refused(said.detail ?? _("The server answered {status}.", { status: answer.status }), said.error_id ?? "");
  }
  return said;
}

/** What was asked for, so that a page with several scripts asks once: it is a row of the audit. @type {Map<string, Promise<Readable[]>>} */
const given = new Map();

/** What opens a fax or a draft. @param {string} address of its keys @returns {Promise<Readable[]>} Rejects with Refused or NotFetched. */
export function readables(address) {
  const found = given.get(address) ?? post(address);
  given.set(address, found);
  return found;
}

/** @type {Promise<Keyring> | undefined} */
let ring;

/** The keyring of who is logged in, opened with what this browser remembers. @returns {Promise<Keyring>} Rejects with LockedHere. */
export function keyring() {
  ring ??= opened();
  return ring;
}

/** The same with a key of before. @param {Map<number, PrivateKey>} older by their ids @returns {Promise<Keyring>} Rejects with LockedHere. */
export function keyringWith(older) {
  ring = opened(older);
  return ring;
}

/** The same with what mailboxes have by now. @returns {Promise<Keyring>} Rejects with LockedHere. */
export async function renewedKeyring() {
  const [found, said] = [await keyring(), await post("/keys")];
  for (const { mailbox, epochs } of said.mailboxes) {
    found.setMailbox(mailbox, epochs.map(epoch));
  }
  return found;
}

/** @param {Map<number, PrivateKey>} [older] @returns {Promise<Keyring>} */
async function opened(older = new Map()) {
  const said = await post("/keys");
  const key = await recall(said.user, fromHex(said.secret));
  const own = said.own.find((/** @type {{id: number, publicKey: string}} */ each) => key?.publicKey.equals(publicKey(each.publicKey)));
  if (!key || !own) {
    throw new LockedHere(_("Your faxes are locked in this browser. Open them first, with your password."));
  }
  const found = new Keyring(new Map([...older, [own.id, key]]));
  for (const { mailbox, epochs } of said.mailboxes) {
    found.setMailbox(mailbox, epochs.map(epoch));
  }
  return found;
}

/** As a keyring has it. @param {{number: number, publicKey: string, wraps: {key: number, wrap: string}[], earlier: string | null}} said */
export function epoch({ number, publicKey: raw, wraps, earlier }) {
  return {
    number,
    publicKey: publicKey(raw),
    wraps: new Map(wraps.map(({ key, wrap }) => [key, fromHex(wrap)])),
    earlier: earlier === null ? null : fromHex(earlier),
  };
}

/** @param {string} raw */
export function publicKey(raw) {
  return new PublicKey(fromHex(raw));
}

/** @param {Readable} readable */
export function fileWraps({ wraps }) {
  return wraps.map(({ mailbox, epoch: number, wrap }) => ({ mailbox, epoch: number, wrap: fromHex(wrap) }));
}

/**
 * One of a fax's documents, to be read from any place in it.
 * @param {Readable} readable
 * @returns {Promise<SealedReader>} Rejects as Keyring.open does, with LockedHere and NotFetched.
 */
export async function reader(readable) {
  return (await keyring()).open(await rangesOf(readable.address), fileWraps(readable), readable.context);
}

/** All of it. @param {Readable} readable @param {string} type @returns {Promise<Blob>} */
export async function content(readable, type) {
  const open = await reader(readable);
  return new Blob([/** @type {import("../vault/bytes.js").Bytes} */ (await open.read(0, open.size))], { type });
}

/** Where the key is given to this browser again, and back here. @returns {string} */
export function toUnlock() {
  return `/unlock?to=${encodeURIComponent(location.pathname + location.search)}`;
}

/** In words for whoever looks at the page. @param {unknown} error @returns {string} */
export function words(error) {
  if (error instanceof FaxplanError) {
    return error.message;
  }
  console.error(error);
  return _("Something went wrong in this page. Load it again.");
}
