// @ts-check
/** A fax's pages, opened here: each as it comes into view; and its files, when they are asked for. */

import { NeedsReader } from "../vault/errors.js";
import { PageImages, PagesWithCover } from "../vault/page-images.js";
import { content, LockedHere, post, reader, readables, toUnlock, words } from "./client.js";
import { joined } from "./fax-tiff.js";
import { _ } from "./language.js";

/**
 * @typedef {import("./client.js").Readable} Readable
 * @typedef {PageImages | PagesWithCover} Pages
 */

const FILES = /** @type {const} */ ([
  ["pdf", "PDF", "application/pdf", "pdf"],
  ["tiff", "TIFF", "image/tiff", "tif"],
]);
const [SMALLEST, LARGEST, STEP] = [0.25, 4, 1.25];

for (const place of document.querySelectorAll("[data-viewer]")) {
  view(/** @type {HTMLElement} */ (place));
}

/** @param {HTMLElement} place @returns {Promise<void>} */
async function view(place) {
  const doing = /** @type {HTMLElement} */ (place.querySelector("[data-doing]"));
  const list = /** @type {HTMLElement} */ (place.querySelector("[data-pages]"));
  const tellPages = arrange(place, list);
  try {
    const found = await readables(place.dataset.keys ?? "");
    offer(place, found);
    const images = found.find((each) => each.name === "images");
    if (!images) {
      doing.textContent = _("There are no images of its pages. Open its PDF or TIFF.");
      return;
    }
    const cover = found.find((each) => each.name === "cover-images");
    const body = await PageImages.open(await reader(images));
    const pages = cover ? new PagesWithCover(await PageImages.open(await reader(cover)), body) : body;
    doing.textContent = "";
    tellPages(pages);
    await show(list, pages);
  } catch (error) {
    doing.textContent = "";
    tell(place, error);
  }
}

/** @param {HTMLElement} list @param {Pages} pages @returns {Promise<void>} */
async function show(list, pages) {
  const seen = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        seen.unobserve(target);
        open(/** @type {HTMLImageElement} */ (target), pages);
      }
    }
  }, { rootMargin: "100% 0px" });
  for (const number of pages.numbers) {
    const item = document.createElement("li");
    const figure = item.appendChild(document.createElement("figure"));
    const sheet = figure.appendChild(document.createElement("div"));
    sheet.className = "sheet";
    const image = sheet.appendChild(new Image(1728, 2292));
    image.alt = _("Page {number}", { number });
    image.dataset.page = String(number);
    figure.appendChild(document.createElement("figcaption")).textContent = _("Page {number} of {count}", { number, count: pages.numbers.length });
    list.appendChild(item);
    seen.observe(image);
  }
}

/** The pages that are opened, or are about to be. @type {WeakMap<HTMLImageElement, Promise<void>>} */
const opening = new WeakMap();

/** @param {HTMLImageElement} image @param {Pages} pages @returns {Promise<void>} once it is there, or cannot be, which is said */
function open(image, pages) {
  let coming = opening.get(image);
  if (!coming) {
    coming = opened(image, pages).catch((error) => tell(/** @type {HTMLElement} */ (image.closest("[data-viewer]")), error));
    opening.set(image, coming);
  }
  return coming;
}

/** @param {HTMLImageElement} image @param {Pages} pages @returns {Promise<void>} */
async function opened(image, pages) {
  const page = await pages.page(Number(image.dataset.page));
  if (page) {
    image.src = URL.createObjectURL(page);
    await image.decode();
    image.width = image.naturalWidth;
    image.height = image.naturalHeight;
    // What is turned takes another place: portal.css.
    const figure = /** @type {HTMLElement} */ (image.closest("figure"));
    figure.style.setProperty("--wide", String(image.naturalWidth));
    figure.style.setProperty("--high", String(image.naturalHeight));
    tellSeen(/** @type {HTMLElement} */ (image.closest("[data-viewer]")));
  }
}

/** Whoever has opened some of it has read it, once. @param {HTMLElement} place */
function tellSeen(place) {
  const address = place.dataset.seen;
  delete place.dataset.seen;
  if (address) {
    // Also where the page is left at once.
    post(address, new URLSearchParams(), true).catch((error) => console.warn(error));
  }
}

/** Its files, each opened when it is asked for. @param {HTMLElement} place @param {Readable[]} found */
function offer(place, found) {
  const downloads = /** @type {HTMLElement} */ (place.querySelector("[data-downloads]"));
  for (const [name, label, type, suffix] of FILES) {
    const readable = found.find((each) => each.name === name);
    if (readable) {
      const button = downloads.appendChild(document.createElement("button"));
      button.type = "button";
      button.className = "button";
      button.textContent = label;
      const cover = name === "tiff" ? found.find((each) => each.name === "cover") : undefined;
      button.addEventListener("click", () => save(place, readable, type, `${place.dataset.name}.${suffix}`, cover));
    }
  }
}

/** @param {HTMLElement} place @param {Readable} readable @param {string} type @param {string} name @param {Readable} [cover] goes before it */
async function save(place, readable, type, name, cover) {
  try {
    const link = document.createElement("a");
    const file = await content(readable, type);
    link.href = URL.createObjectURL(cover ? new Blob([joined(await bytes(await content(cover, type)), await bytes(file))], { type }) : file);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    tellSeen(place);
  } catch (error) {
    tell(place, error);
  }
}

/** @param {Blob} blob */
async function bytes(blob) {
  return new Uint8Array(await blob.arrayBuffer());
}

/** Size, turning and printing. @param {HTMLElement} place @param {HTMLElement} list @returns to be told the pages, once they are there */
function arrange(place, list) {
  let [size, turn] = [1, 0];
  /** @type {Pages | undefined} */
  let all;
  const on = (/** @type {string} */ what, /** @type {() => void} */ act) => place.querySelector(`[data-${what}]`)?.addEventListener("click", act);
  const sized = (/** @type {number} */ times) => {
    size = Math.min(LARGEST, Math.max(SMALLEST, size * times));
    list.style.setProperty("--size", String(size));
  };
  on("larger", () => sized(STEP));
  on("smaller", () => sized(1 / STEP));
  on("turn", () => {
    turn = (turn + 90) % 360;
    list.dataset.turn = String(turn);
  });
  on("print", async () => {
    // What has not been looked at is opened now.
    if (all) {
      for (const image of /** @type {NodeListOf<HTMLImageElement>} */ (list.querySelectorAll("img"))) {
        await open(image, all);
      }
    }
    print();
  });
  return (/** @type {Pages} */ pages) => {
    all = pages;
  };
}

/** @param {HTMLElement} place @param {unknown} error */
function tell(place, error) {
  const wrong = /** @type {HTMLElement} */ (place.querySelector("[data-wrong]"));
  wrong.textContent = error instanceof NeedsReader && place.dataset.waits ? place.dataset.waits : words(error);
  if (error instanceof LockedHere) {
    wrong.append(" ", Object.assign(document.createElement("a"), { href: toUnlock(), textContent: _("Open them") }));
  }
  wrong.hidden = false;
}
