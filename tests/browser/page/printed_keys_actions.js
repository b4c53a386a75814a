async function shown(key) {
  return { raw: key.raw, publicKey: key.publicKey.raw };
}

export async function recoveryKeyOf({ recoveryKey }, { code }) {
  return shown(await recoveryKey(code));
}

export async function readerKeyOf({ readerKey }, { text }) {
  return shown(await readerKey(text));
}

export async function twoNewRecoveryKeys({ newRecoveryKey }) {
  const made = [await newRecoveryKey(), await newRecoveryKey()];
  return Promise.all(made.map(async ({ code, key }) => ({ text: code, ...(await shown(key)) })));
}

export async function twoNewReaderKeys({ newReaderKey }) {
  const made = [await newReaderKey(), await newReaderKey()];
  return Promise.all(made.map(async ({ text, key }) => ({ text, ...(await shown(key)) })));
}

// What a recovery key does for a member who waits: the mailbox's key, opened with it, for that member.
export async function handedOn({ Keyring, PublicKey, recoveryKey }, { code, keyId, mailbox, epochs, number, member }) {
  const keyring = new Keyring(new Map([[keyId, (await recoveryKey(code)).hold()]]));
  const said = epochs.map(({ publicKey, wraps, ...rest }) => {
    return { ...rest, publicKey: new PublicKey(publicKey), wraps: new Map(wraps) };
  });
  keyring.setMailbox(mailbox, said);
  return keyring.wrapped(mailbox, number, new PublicKey(member));
}
