// @ts-check
/** A form by which pages go out by mail shows that its user's key is here. Where none do, nothing is asked. */

import { fromHex, hex } from "../vault/bytes.js";
import { beforehand } from "./beforehand.js";
import { keyring, post } from "./client.js";

/** What says whether a proof is needed: of files, that there are some. */
const TOLD = ["mode", "certificate", "openpgp_key"];

beforehand("form[data-proves]", async (form) => {
  const given = new FormData(form);
  const said = new URLSearchParams();
  for (const name of TOLD) {
    const value = given.get(name);
    said.set(name, value instanceof File ? value.name : value ?? "");
  }
  /** @type {{ask: string | null}} */
  const { ask } = await post(form.dataset.proves ?? "", said);
  if (ask) {
    const proof = /** @type {HTMLInputElement} */ (form.elements.namedItem("proof"));
    proof.value = hex(await (await keyring()).prove(fromHex(ask)));
  }
});
