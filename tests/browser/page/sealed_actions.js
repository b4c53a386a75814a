export async function opened({ SealedReader, sourceOf }, { sealed, key, expected, asBlob }) {
  const source = sourceOf(asBlob ? new Blob([sealed]) : sealed);
  const reader = await SealedReader.open(source, key, expected);
  const plain = new Uint8Array(await (await reader.blob("image/png")).arrayBuffer());
  return { plain, size: reader.size, context: reader.header.context };
}

export async function part({ SealedReader, sourceOf }, { sealed, key, start, end }) {
  return (await SealedReader.open(sourceOf(sealed), key, null)).read(start, end);
}

export async function parts({ SealedReader, sourceOf }, { sealed, key, ranges }) {
  const reader = await SealedReader.open(sourceOf(sealed), key, null);
  // All at once: they share what the reader has at hand.
  return Promise.all(ranges.map(([start, end]) => reader.read(start, end)));
}

export async function sealed({ newHeader, sealedBlob, sourceOf }, { plain, key, context, salt }) {
  const blob = await sealedBlob(sourceOf(new Blob([plain])), key, await newHeader(context, salt ?? undefined));
  return new Uint8Array(await blob.arrayBuffer());
}

export async function pieces({ newHeader, newKey, seal, sourceOf }, { plain, context }) {
  const found = [];
  for await (const piece of seal(sourceOf(plain), newKey(), await newHeader(context))) {
    found.push(piece.length);
  }
  return found;
}

export async function nameSealed({ newHeader, sealName }, { name, key, context, salt }) {
  return sealName(name, key, await newHeader(context, salt));
}

export async function nameOpened({ newHeader, openName }, { sealedName, key, context, salt }) {
  return openName(sealedName, key, await newHeader(context, salt));
}

// What comes out before a broken chunk, and which places of the source were read for it.
export async function untilBroken({ SealedReader, sourceOf }, { sealed, key }) {
  const inner = sourceOf(sealed);
  const read = [];
  const source = { size: inner.size, read: (start, end) => (read.push(start), inner.read(start, end)) };
  const chunks = [];
  try {
    for await (const chunk of (await SealedReader.open(source, key, null)).chunks()) {
      chunks.push(chunk);
    }
  } catch (error) {
    return { chunks, read, errorId: error.errorId, message: error.message };
  }
  return { chunks, read, errorId: null, message: "" };
}

// The places where a bit could be changed unnoticed, and those where it raised something else than it should.
export async function unnoticed({ SealedReader, SealBroken, sourceOf }, { sealed, key, bits }) {
  const found = [];
  for (let place = 0; place < sealed.length; place += 1) {
    for (const bit of bits) {
      const changed = sealed.slice();
      changed[place] ^= 1 << bit;
      await mustBreak(SealBroken, () => SealedReader.open(sourceOf(changed), key, null), found, place);
    }
  }
  return found;
}

// The lengths to which a file could be cut unnoticed.
export async function cuts({ SealedReader, SealBroken, sourceOf }, { sealed, key }) {
  const found = [];
  for (let length = 0; length < sealed.length; length += 1) {
    await mustBreak(SealBroken, () => SealedReader.open(sourceOf(sealed.slice(0, length)), key, null), found, length);
  }
  return found;
}

async function mustBreak(SealBroken, act, found, place) {
  try {
    await act();
    found.push(place);
  } catch (error) {
    if (!(error instanceof SealBroken)) {
      found.push(`${place}: ${error}`);
    }
  }
}
