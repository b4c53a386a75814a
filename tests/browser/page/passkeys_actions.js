export async function unlockedByPasskey({ PublicKey, passkeyWrap, unlock }, { output, locked, publicKey }) {
  const wrap = await passkeyWrap(output);
  return { raw: (await unlock(locked, wrap, new PublicKey(publicKey))).raw, left: output, extractable: wrap.extractable };
}

// A passkey that is none: what its parts were asked for, and what comes of what it gives.
export async function withFakePasskey({ lock, newKeyPair, newPasskey, unlock, usePasskey }, { given, salt, id, usedId }) {
  const askedFor = [];
  const response = { clientDataJSON: salt.slice().buffer, attestationObject: id.slice().buffer, getTransports: () => ["usb"] };
  const credential = (extension, rawId) => ({ rawId: rawId.buffer, response, getClientExtensionResults: () => extension });
  const real = navigator.credentials;
  const fake = {
    create: async ({ publicKey }) => {
      askedFor.push({ uv: publicKey.authenticatorSelection.userVerification, first: publicKey.extensions.prf.eval.first });
      return credential(given.atCreation, id);
    },
    get: async ({ publicKey }) => {
      const { evalByCredential } = publicKey.extensions.prf;
      askedFor.push({ uv: publicKey.userVerification, rpId: publicKey.rpId, names: Object.keys(evalByCredential) });
      if (given.refused) {
        throw new DOMException("The user turned away.", "NotAllowedError");
      }
      const first = given.output && Object.values(evalByCredential)[0].first && given.output.slice().buffer;
      return credential({ prf: first ? { results: { first } } : {} }, usedId ?? id);
    },
  };
  Object.defineProperty(navigator, "credentials", { value: fake, configurable: true });
  try {
    const made = await newPasskey({ challenge: salt, rp: { id: "faxes.example", name: "F" } }, salt);
    const key = await newKeyPair();
    const { raw, publicKey } = { raw: key.raw.slice(), publicKey: key.publicKey };
    const locked = await lock(key, made.wrap);
    const used = await usePasskey([{ credentialId: made.registration.credentialId, salt, locked }], "faxes.example");
    const again = await unlock(used.lock.locked, used.wrap, publicKey);
    return { askedFor, opened: again.raw.every((byte, at) => byte === raw[at]), locked, publicKey: publicKey.raw, raw, registration: made.registration };
  } finally {
    delete navigator.credentials;
    if (navigator.credentials !== real) {
      throw new Error("the browser's own credentials are gone");
    }
  }
}
