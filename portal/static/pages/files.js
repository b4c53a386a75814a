// @ts-check
/** Files in an order that can be changed: by buttons, and by dragging. */

import { _, ngettext } from "./language.js";

/** @typedef {{name: string, size: number, content: () => Promise<Blob>, file?: File}} Item file: of one that was just chosen. */

const [MOST_FILES, MOST_BYTES] = [50, 100 * 1024 ** 2];

/** A list of them in a page: its section has a [data-list] and a [data-moved]. */
export class Files {
  /** @param {HTMLElement} section @param {() => void} changed Called whenever somebody has changed it. */
  constructor(section, changed) {
    this.changed = changed;
    this.list = /** @type {HTMLElement} */ (section.querySelector("[data-list]"));
    this.told = /** @type {HTMLElement} */ (section.querySelector("[data-moved]"));
    /** @type {Item[]} */
    this.items = [];
    this.dragged = -1;
  }

  /** Why these files are too many or too large; empty: they are not. */
  get wrong() {
    const size = this.items.reduce((sum, each) => sum + each.size, 0);
    if (this.items.length > MOST_FILES) {
      return _("One fax has {most} files at most. Take some out.", { most: MOST_FILES });
    }
    return size > MOST_BYTES ? _("The files have {size} together, and at most {most} are accepted.", { size: sized(size), most: sized(MOST_BYTES) }) : "";
  }

  /** @param {Item[]} items in the place of those that are there */
  set(items) {
    this.items = items;
    this.show();
  }

  /** @param {Iterable<File>} files after those that are there */
  add(files) {
    const more = [...files].map((file) => ({ name: file.name, size: file.size, content: async () => file, file }));
    this.set([...this.items, ...more]);
    this.told.textContent = this.wrong || ngettext("{count} file in all.", "{count} files in all.", this.items.length);
    this.changed();
  }

  /** @param {number} from @param {number} to */
  move(from, to) {
    const [item] = this.items.splice(from, 1);
    this.items.splice(to, 0, item);
    this.show();
    this.told.textContent = _("{name} is number {place} now.", { name: item.name, place: to + 1 });
    this.changed();
  }

  /** @param {number} place */
  remove(place) {
    const [item] = this.items.splice(place, 1);
    this.show();
    this.told.textContent = this.wrong || _("{name} is taken out.", { name: item.name });
    this.changed();
    /** @type {HTMLElement | null} */ (this.list.children[Math.min(place, this.items.length - 1)]?.querySelector("[data-away]"))?.focus();
  }

  show() {
    this.list.replaceChildren(...this.items.map((item, place) => this.row(item, place)));
  }

  /** @param {Item} item @param {number} place */
  row(item, place) {
    const row = document.createElement("li");
    const called = row.appendChild(document.createElement("span"));
    const name = Object.assign(document.createElement("bdi"), { textContent: item.name });
    called.append(name, " ", Object.assign(document.createElement("span"), { className: "hint", textContent: sized(item.size) }));
    const several = this.items.length > 1;
    if (several) {
      this.button(row, "up", "\u2191", _("Move {name} up", { name: item.name }), place > 0, () => this.step(place, place - 1, "up"));
      this.button(row, "down", "\u2193", _("Move {name} down", { name: item.name }), place < this.items.length - 1, () => this.step(place, place + 1, "down"));
      this.draggable(row, place);
    }
    this.button(row, "away", "\u00d7", _("Take {name} out", { name: item.name }), several, () => this.remove(place));
    return row;
  }

  /** @param {HTMLElement} row @param {string} what @param {string} sign @param {string} label @param {boolean} can @param {() => void} act */
  button(row, what, sign, label, can, act) {
    const button = row.appendChild(document.createElement("button"));
    Object.assign(button, { type: "button", textContent: sign, disabled: !can, title: label });
    button.dataset[what] = "";
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
  }

  /** As by a button, which has the focus again then. @param {number} from @param {number} to @param {string} what */
  step(from, to, what) {
    this.move(from, to);
    const buttons = /** @type {HTMLButtonElement[]} */ ([...this.list.children[to].querySelectorAll("button")]);
    (buttons.find((each) => what in each.dataset && !each.disabled) ?? buttons.find((each) => !each.disabled))?.focus();
  }

  /** @param {HTMLElement} row @param {number} place */
  draggable(row, place) {
    row.draggable = true;
    row.addEventListener("dragstart", () => {
      this.dragged = place;
    });
    row.addEventListener("dragend", () => {
      this.dragged = -1;
    });
    row.addEventListener("drop", (event) => {
      if (this.dragged >= 0) {
        event.preventDefault();
        event.stopPropagation();
        this.move(this.dragged, place);
      }
    });
  }
}

/** Lets files be dropped anywhere on the page. @param {HTMLElement} place which shows that @param {(files: FileList) => void} taken */
export function takesDropped(place, taken) {
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("dragged", Boolean(/** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files")));
    });
  }
  document.addEventListener("dragleave", () => place.classList.remove("dragged"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("dragged");
    if (event.dataTransfer?.files.length) {
      taken(event.dataTransfer.files);
    }
  });
}

/** @param {number} bytes */
function sized(bytes) {
  // An empty one is shown as such: 0 kB.
  const [value, unit] = bytes < 1024 ** 2 ? [bytes && Math.max(bytes / 1024, 0.1), "kilobyte"] : [bytes / 1024 ** 2, "megabyte"];
  const digits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: digits }).format(value);
}
