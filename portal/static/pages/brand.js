// @ts-check
/** The brand's form: shows what it would look like, and makes a PNG that fits of any picture. */

import { _ } from "./language.js";

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-brand]"));
const colours = /** @type {HTMLLinkElement} */ (document.getElementById("colours"));
const MOST_BYTES = 65536;
const SMALLER = 0.8;

/** @param {string} name */
function field(name) {
  return /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
}

field("colour").addEventListener("change", () => {
  colours.href = `/organisation/brand/preview.css?colour=${encodeURIComponent(field("colour").value)}`;
});
for (const name of ["name", "support"]) {
  field(name).addEventListener("input", () => {
    const shown = document.querySelector(`[data-shown="${name}"]`);
    if (shown) {
      shown.textContent = field(name).value || field(name).defaultValue;
    }
  });
}
for (const name of ["logo", "icon"]) {
  field(name).addEventListener("change", () => fit(field(name)));
}

/** @param {HTMLInputElement} input @returns {Promise<void>} */
async function fit(input) {
  const file = input.files?.[0];
  input.setCustomValidity("");
  if (!file) {
    return;
  }
  const address = URL.createObjectURL(file);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const png = await made(image, Number(input.dataset.wide), Number(input.dataset.high));
    const files = new DataTransfer();
    files.items.add(new File([png], `${input.name}.png`, { type: "image/png" }));
    input.files = files.files;
  } catch (error) {
    console.warn(error);
    input.setCustomValidity(_("This browser cannot show that picture. Choose another."));
    input.reportValidity();
  } finally {
    URL.revokeObjectURL(address);
  }
}

/**
 * Smaller until it fits.
 * @param {HTMLImageElement} image @param {number} wide @param {number} high @returns {Promise<Blob>}
 */
async function made(image, wide, high) {
  let scale = Math.min(1, wide / image.naturalWidth, high / image.naturalHeight);
  for (;;) {
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    /** @type {Blob | null} */
    const png = await new Promise((done) => canvas.toBlob(done, "image/png"));
    if (!png) {
      throw new Error("no PNG of it");
    }
    if (png.size <= MOST_BYTES) {
      return png;
    }
    scale *= SMALLER;
  }
}
