import { ring } from "./keyring_actions.js";

export async function wrappedForMailbox(vault, { offer, ...given }) {
  const target = { ...offer.target, publicKey: new vault.PublicKey(offer.target.publicKey) };
  const handed = await vault.wrapForMailbox(await ring(vault, given), { ...offer, target });
  return { ...handed, wraps: [...handed.wraps] };
}
