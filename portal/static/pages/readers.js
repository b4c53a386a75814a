// @ts-check
/** Who reads a mailbox: a form that changes it takes along the keys that are made for that here. */

import { newEpochFor } from "../vault/admission.js";
import { fromHex, hex } from "../vault/bytes.js";
import { PublicKey } from "../vault/wraps.js";
import { authOf } from "./account-key.js";
import { beforehand } from "./beforehand.js";
import { keyring, post } from "./client.js";
import { ringOfPaper } from "./paper.js";

/**
 * @typedef {object} ToMake As portal/pages/mailboxes.py says it.
 * @property {number} mailbox
 * @property {{number: number, readers: {key: number, publicKey: string}[]} | null} epoch
 * @property {{epoch: number, key: number, publicKey: string} | null} grant
 * @property {string | null} ask what shows, opened, that this user's key is here
 */

beforehand("form[data-makes]", make);

/** @param {HTMLFormElement} form */
async function make(form) {
  const paper = form.dataset.paper === undefined ? null : await byPaper(form);
  const said = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    said.set(name, String(value));
  }
  /** @type {ToMake} */
  const wanted = await post(form.dataset.makes ?? "", said);
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("made"));
  const ring = paper ?? (await keyringIfNeeded(wanted));
  field.value = JSON.stringify({ epoch: await epoch(wanted), grant: await grant(wanted, ring) });
  if (ring && !paper && wanted.ask) {
    const proof = /** @type {HTMLInputElement} */ (form.elements.namedItem("proof"));
    proof.value = hex(await ring.prove(fromHex(wanted.ask)));
  }
}

/** @param {ToMake} wanted */
async function epoch({ epoch: next }) {
  if (!next) {
    return null;
  }
  const { publicKey, wraps } = await newEpochFor(new Map(next.readers.map((each) => [each.key, new PublicKey(fromHex(each.publicKey))])));
  return { number: next.number, publicKey: hex(publicKey.raw), wraps: [...wraps].map(([key, wrap]) => ({ key, wrap: hex(wrap) })) };
}

/** The organisation's recovery key stands in for a reader's. @param {HTMLFormElement} form */
async function byPaper(form) {
  const [code, why, password] = ["code", "why", "password"].map((id) => /** @type {HTMLInputElement} */ (form.querySelector(`#${id}`)).value);
  const { ring, proof } = await ringOfPaper({ code, why, of: form.dataset.paper ?? "", auth: await authOf(password) });
  const field = /** @type {HTMLInputElement} */ (form.elements.namedItem("paper"));
  field.value = JSON.stringify({ why, publicKey: hex(proof.publicKey), proof: hex(proof.proof) });
  return ring;
}

/** Whoever makes a key shows theirs. @param {ToMake} wanted */
async function keyringIfNeeded({ epoch: next, grant: due }) {
  return next || due ? keyring() : null;
}

/** @param {ToMake} wanted @param {import("../vault/keyring.js").Keyring | null} ring */
async function grant({ mailbox, grant: due }, ring) {
  if (!due || !ring) {
    return null;
  }
  const wrap = await ring.wrapped(mailbox, due.epoch, new PublicKey(fromHex(due.publicKey)));
  return { epoch: due.epoch, key: due.key, wrap: hex(wrap) };
}
