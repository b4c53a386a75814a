export async function enrolled({ newUserKey, epochsOf, PublicKey }, { password, words, due }) {
  const { key, code, enrolment } = await newUserKey(password, words);
  const raw = key.raw.slice();
  const ahead = due.map(({ readers, ...each }) => {
    return { ...each, readers: new Map(readers.map(([id, reader]) => [id, new PublicKey(reader)])) };
  });
  const begun = await epochsOf(ahead, key.publicKey);
  key.wipe();
  return { raw, code, enrolment, begun };
}

export async function lockedAnew({ ExposedKey, lockByPassword, lockByCode }, { privateKey, password, code }) {
  const key = await ExposedKey.of(privateKey);
  return { password: await lockByPassword(key, password), recovery: await lockByCode(key, code) };
}

export async function recoveryAuthOf({ recoveryAuth }, { code }) {
  return recoveryAuth(code);
}
