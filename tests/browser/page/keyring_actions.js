export async function ring({ ExposedKey, Keyring, PublicKey }, { own, mailboxes }) {
  const held = new Map();
  for (const [id, raw] of own) {
    held.set(id, (await ExposedKey.of(raw.slice())).hold());
  }
  const made = new Keyring(held);
  for (const { mailbox, epochs } of mailboxes) {
    const said = epochs.map(({ number, publicKey, wraps, earlier }) => {
      return { number, publicKey: new PublicKey(publicKey), wraps: new Map(wraps), earlier };
    });
    made.setMailbox(mailbox, said);
  }
  return made;
}

async function plain(reader) {
  return reader.read(0, reader.size);
}

export async function openedByRing(vault, { sealed, wraps, expected, ...given }) {
  return plain(await (await ring(vault, given)).open(vault.sourceOf(sealed), wraps, expected));
}

export async function forwarded(vault, { sealed, wraps, reader, ...given }) {
  const { header } = await vault.readHeader(vault.sourceOf(sealed));
  return (await ring(vault, given)).wrapFor(header.digest, wraps, new vault.PublicKey(reader));
}

export async function wrappedForMember(vault, { mailbox, number, member, ...given }) {
  return (await ring(vault, given)).wrapped(mailbox, number, new vault.PublicKey(member));
}

export async function linked(vault, { mailbox, number, ...given }) {
  return (await ring(vault, given)).link(mailbox, number);
}

export async function newEpoch(vault, { mailbox, members, ...given }) {
  const publicKeys = new Map(members.map(([id, member]) => [id, new vault.PublicKey(member)]));
  const { number, publicKey, wraps, earlier } = await (await ring(vault, given)).newEpoch(mailbox, publicKeys);
  return { number, publicKey: publicKey.raw, wraps: [...wraps], earlier };
}

// What it opened before, after the server has said that there is less, and after all is forgotten.
export async function forgotten(vault, { sealed, wraps, less, ...given }) {
  const made = await ring(vault, given);
  const found = [plain(await made.open(vault.sourceOf(sealed), wraps, null))];
  less ? made.setMailbox(wraps[0].mailbox, []) : made.clear();
  found.push(made.open(vault.sourceOf(sealed), wraps, null).then(plain));
  return Promise.all(found);
}

// Two pages of one session, then one of the next; and what lies in the database meanwhile.
export async function remembered(vault, { privateKey, secret, nextSecret, wrap, header }) {
  const { remember, recall, forget, ExposedKey, readHeader, sourceOf } = vault;
  const key = await ExposedKey.of(privateKey);
  await remember(7, key, secret);
  key.hold();
  const kept = await everythingKept();
  const parsed = (await readHeader(sourceOf(header))).header;
  const fileKey = await (await recall(7, secret)).unwrap(wrap, parsed.digest);
  const ofAnother = await recall(8, secret);
  const ofNext = await recall(7, nextSecret);
  // Removed by that look.
  const left = await everythingKept();
  await forget(7);
  return { kept, fileKey, ofAnother, ofNext, left };
}

async function everythingKept() {
  const opening = indexedDB.open("faxplan-vault", 1);
  const database = await new Promise((resolve) => (opening.onsuccess = () => resolve(opening.result)));
  const all = database.transaction("user-keys").objectStore("user-keys").getAll();
  await new Promise((resolve) => (all.onsuccess = resolve));
  database.close();
  return all.result.map((row) => ({ ...row, kinds: Object.values(row).map((value) => value.constructor.name) }));
}
