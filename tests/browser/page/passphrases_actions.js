// What a password gives: `auth`, and a key that its `wrap` locked (which itself stays in the browser's keeping).
export async function derived({ ExposedKey, derive, lock }, { password, salt, cost, privateKey }) {
  const { auth, wrap } = await derive(password, salt, cost ?? undefined);
  return { auth, locked: await lock(await ExposedKey.of(privateKey), wrap), extractable: wrap.extractable };
}

export async function unlockedByPassword({ PublicKey, derive, unlock }, { password, salt, locked, publicKey }) {
  const { wrap } = await derive(password, salt);
  return (await unlock(locked, wrap, new PublicKey(publicKey))).raw;
}

export async function unlockedByCode({ PublicKey, recoveryWrap, unlock }, { code, locked, publicKey }) {
  return (await unlock(locked, await recoveryWrap(code), new PublicKey(publicKey))).raw;
}

// As in a browser of before it came: WebCrypto has no X25519.
export async function unlockedWithoutX25519(vault, given) {
  const real = SubtleCrypto.prototype.importKey;
  SubtleCrypto.prototype.importKey = async function (format, key, algorithm, ...more) {
    if ((algorithm.name ?? algorithm) === "X25519") {
      throw new DOMException("Algorithm: Unrecognized name", "NotSupportedError");
    }
    return real.call(this, format, key, algorithm, ...more);
  };
  try {
    return await unlockedByCode(vault, given);
  } finally {
    SubtleCrypto.prototype.importKey = real;
  }
}

export async function lockedByNewCode({ newKeyPair, newRecoveryCode, recoveryWrap, lock }) {
  const [key, code] = [await newKeyPair(), newRecoveryCode()];
  return { code, locked: await lock(key, await recoveryWrap(code)), raw: key.raw, publicKey: key.publicKey.raw };
}

export async function readCode({ recoveryWrap }, { code }) {
  return (await recoveryWrap(code)).extractable;
}

// The page goes on meanwhile: how often a timer came, and whether the worker is gone afterwards.
export async function beside({ derive }, { password, salt }) {
  let ticks = 0;
  const timer = setInterval(() => (ticks += 1), 5);
  await derive(password, salt);
  clearInterval(timer);
  return ticks;
}

export async function withoutWorkers({ derive }, { password, salt }) {
  const real = globalThis.Worker;
  globalThis.Worker = class extends real {
    constructor() {
      super("/page/no-such-worker.js", { type: "module" });
    }
  };
  try {
    return await derive(password, salt);
  } finally {
    globalThis.Worker = real;
  }
}

export async function checked({ checkNew }, { password, words }) {
  await checkNew(password, words ?? undefined);
}
