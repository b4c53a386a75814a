// @ts-check
/** Whether a new password will do: checked here, since no server sees it (NIST SP 800-63B-4: length, and a list of common ones). */

import { InvalidSecret } from "./errors.js";
import { _ } from "../pages/language.js";

/** Characters (NIST asks for 15 where a password is alone; a second factor goes with ours). */
export const SHORTEST_PASSWORD = 12;
const FEWEST_LETTERS = SHORTEST_PASSWORD / 3;
/** What is left beside known words: letters of one's own. */
const FEWEST_OWN_LETTERS = 6;
const SHORTEST_WORD = 4;
/** How people write letters as digits and signs. A 1 or ! is i or l. */
const LOOKALIKES = ["i", "l"].map(
  (one) => new Map(Object.entries({ 0: "o", 1: one, "!": one, 3: "e", 4: "a", 5: "s", $: "s", 7: "t", "@": "a" })),
);

/** @type {Promise<Set<string>> | undefined} */
let commonOnes;

/**
 * Rejects with InvalidSecret for a password that is too short, one letter again and again, a common one, also with digits or
 * signs around it, or made of words that everybody knows of this user.
 * @param {string} password
 * @param {string[]} [words] what others know: the user's name and e-mail address, the tenant's name, the host
 * @returns {Promise<void>}
 */
export async function checkNew(password, words = []) {
  if (Array.from(password).length < SHORTEST_PASSWORD || new Set(password).size < FEWEST_LETTERS) {
    throw new InvalidSecret(
      _("A password has at least {count} characters, and not the same few again. Take four words that do not belong together.", { count: SHORTEST_PASSWORD }),
    );
  }
  const plain = password.normalize("NFC").toLowerCase();
  if (isRow(plain) || (await isCommon(plain))) {
    throw new InvalidSecret(_("Many people have this password, or one much like it. Take four words that do not belong together."));
  }
  if (isOf(plain, words)) {
    throw new InvalidSecret(_("Who knows your name or address guesses this one. Take four words that do not belong together."));
  }
}

/** Letters or digits one after another, up or down, as abcdefghijkl. @param {string} plain */
function isRow(plain) {
  const codes = Array.from(plain, (letter) => letter.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, at) => code - codes[at]);
  return steps.every((step) => step === 1) || steps.every((step) => step === -1);
}

/** @param {string} plain */
async function isCommon(plain) {
  commonOnes ??= commonPasswords();
  const known = await commonOnes.catch((error) => {
    // Asked again the next time.
    commonOnes = undefined;
    throw error;
  });
  return [...variants(plain)].some((variant) => known.has(variant) || known.has(oncePer(variant)));
}

/**
 * As it stands; without the digits and signs before a word, behind it, and both; each also with letters for what looks like them.
 * @param {string} plain
 */
function variants(plain) {
  const [before, behind] = [/^[^\p{L}]+/u, /[^\p{L}]+$/u];
  const cut = [plain, plain.replace(before, ""), plain.replace(behind, ""), plain.replace(before, "").replace(behind, "")];
  const read = cut.flatMap((text) =>
    LOOKALIKES.map((letters) => text.replace(/./gu, (letter) => letters.get(letter) ?? letter)),
  );
  return new Set([...cut, ...read]);
}

/** What is there twice or more often, once: passwordpassword. @param {string} text */
function oncePer(text) {
  return /^(.+?)\1+$/su.exec(text)?.[1] ?? text;
}

/** @param {string} plain @param {string[]} words */
function isOf(plain, words) {
  const known = words.flatMap((word) => word.normalize("NFC").toLowerCase().split(/[^\p{L}\p{N}]+/u));
  const long = known.filter((word) => word.length >= SHORTEST_WORD).sort((one, other) => other.length - one.length);
  const left = long.reduce((text, word) => text.replaceAll(word, ""), plain);
  return left !== plain && Array.from(left.replace(/[^\p{L}]/gu, "")).length < FEWEST_OWN_LETTERS;
}

async function commonPasswords() {
  const answer = await fetch(new URL("./common-passwords.txt", import.meta.url));
  if (!answer.ok) {
    throw new Error(`the list of common passwords could not be read (${answer.status}); load the page again`);
  }
  return new Set((await answer.text()).split("\n").filter((line) => line && !line.startsWith("#")));
}
