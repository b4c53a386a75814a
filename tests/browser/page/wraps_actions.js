async function held({ ExposedKey }, raw) {
  return (await ExposedKey.of(raw.slice())).hold();
}

async function headerOf({ readHeader, sourceOf }, encoded) {
  return (await readHeader(sourceOf(new Uint8Array([...encoded, ...new Uint8Array(32)])))).header;
}

export async function publicOf(vault, { privateKey }) {
  return (await held(vault, privateKey)).publicKey.raw;
}

export async function unwrapped(vault, { privateKey, wrap, header }) {
  return (await held(vault, privateKey)).unwrap(wrap, (await headerOf(vault, header)).digest);
}

export async function wrapped(vault, { publicKey, key, header }) {
  return new vault.PublicKey(publicKey).wrap(key, (await headerOf(vault, header)).digest);
}

export async function unwrappedPrivate(vault, { privateKey, wrap, publicKey }) {
  return (await (await held(vault, privateKey)).unwrapPrivate(wrap, new vault.PublicKey(publicKey))).raw;
}

export async function wrappedPrivate(vault, { publicKey, other }) {
  return new vault.PublicKey(publicKey).wrapPrivate(await vault.ExposedKey.of(other));
}

export async function twoNewKeyPairs({ newKeyPair }) {
  const [one, other] = [await newKeyPair(), await newKeyPair()];
  return [one.raw, one.publicKey.raw, other.raw, other.publicKey.raw];
}

// A key that was held before it was wrapped, or locked.
export async function wrappedTooLate({ newKeyPair, lock, recoveryWrap, newRecoveryCode }, { locking }) {
  const [key, reader] = [await newKeyPair(), await newKeyPair()];
  key.hold();
  return locking ? lock(key, await recoveryWrap(newRecoveryCode())) : reader.publicKey.wrapPrivate(key);
}

// How private keys are imported, and what is left of their bytes, from unlocking to reading.
export async function inKeeping({ ExposedKey, PublicKey, PrivateKey }, { privateKey, other }) {
  const extractable = [];
  const imports = crypto.subtle.importKey;
  crypto.subtle.importKey = function (format, bytes, algorithm, canBeExtracted, usages) {
    if (format === "pkcs8" || format === "jwk") {
      extractable.push(canBeExtracted);
    }
    return imports.call(crypto.subtle, format, bytes, algorithm, canBeExtracted, usages);
  };
  try {
    const user = (await ExposedKey.of(privateKey)).hold();
    const mailbox = await ExposedKey.of(other);
    const again = await user.unwrapPrivate(await user.publicKey.wrapPrivate(mailbox), mailbox.publicKey);
    const bytes = again.raw;
    again.hold();
    let refused = "";
    try {
      const pair = await crypto.subtle.generateKey({ name: "X25519" }, true, ["deriveBits"]);
      new PrivateKey(pair.privateKey, new PublicKey(new Uint8Array(32)));
    } catch (error) {
      refused = error.name;
    }
    return { extractable, user: privateKey, again: bytes, shown: JSON.stringify(user) + String(user), refused };
  } finally {
    delete crypto.subtle.importKey;
  }
}
