// The images of some pages of a ZIP, as it lies there.
export async function pagesOf({ PageImages, sourceOf }, { archive, numbers }) {
  const images = await PageImages.open(sourceOf(archive));
  return { numbers: images.numbers, pages: await Promise.all(numbers.map((number) => image(images, number))) };
}

// The same of a sealed one on the server; and what the browser makes of an image.
export async function pagesFetched({ PageImages, SealedReader, rangesOf }, { address, key, expected, numbers }) {
  const images = await PageImages.open(await SealedReader.open(await rangesOf(address), key, expected));
  const pages = [];
  for (const number of numbers) {
    pages.push(await image(images, number));
  }
  return { numbers: images.numbers, pages };
}

async function image(images, number) {
  const blob = await images.page(number);
  if (blob === null) {
    return null;
  }
  const shown = await new Promise((resolve, reject) => {
    const element = new Image();
    element.onload = () => resolve([element.naturalWidth, element.naturalHeight]);
    element.onerror = () => resolve(null);
    element.src = URL.createObjectURL(blob);
  });
  return { type: blob.type, png: new Uint8Array(await blob.arrayBuffer()), shown };
}

export async function rangeRead({ rangesOf }, { address, start, end }) {
  const source = await rangesOf(address);
  return { size: source.size, found: await source.read(start, end) };
}
