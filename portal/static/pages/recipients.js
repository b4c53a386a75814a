// @ts-check
/**
 * Whom a draft goes to beside the numbers that are written: contacts and groups, found as one types. The field is a
 * combobox as the ARIA Authoring Practices have it (list autocomplete with manual selection): arrows choose, Enter
 * takes, Escape closes, and the focus stays in the field.
 */

import { get } from "./client.js";
import { _, ngettext } from "./language.js";

/** @typedef {{kind: string, id: number, name: string, about: string}} Chip As portal/pages/contacts.py suggests it. */

const PAUSE = 120;

/** The chips of a form. */
export class Recipients {
  /** @param {HTMLFormElement} form @param {() => void} changed Called whenever a chip came or went. */
  constructor(form, changed) {
    this.changed = changed;
    this.list = /** @type {HTMLUListElement} */ (form.querySelector("[data-chips]"));
    const chooser = /** @type {HTMLElement} */ (form.querySelector("[data-chooser]"));
    this.field = /** @type {HTMLInputElement} */ (chooser.querySelector("[role=combobox]"));
    this.box = /** @type {HTMLUListElement} */ (chooser.querySelector("[role=listbox]"));
    this.told = /** @type {HTMLElement} */ (chooser.querySelector("[data-told]"));
    /** @type {Chip[]} */
    this.found = [];
    this.active = -1;
    this.asked = 0;
    /** @type {number | undefined} */
    this.pause = undefined;
    const there = [...this.list.children].map((each) => chipOf(/** @type {HTMLElement} */ (each)));
    this.list.replaceChildren();
    there.forEach((each) => this.put(each));
    chooser.hidden = false;
    /** @type {HTMLElement} */ (form.querySelector("[data-choose]")).hidden = true;
    this.field.addEventListener("input", () => this.look());
    this.field.addEventListener("keydown", (event) => this.key(event));
    this.field.addEventListener("blur", () => this.close());
    // Else the field would lose the focus before the click is there.
    this.box.addEventListener("mousedown", (event) => event.preventDefault());
    this.box.addEventListener("click", (event) => {
      const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
      if (option) {
        this.take([...this.box.children].indexOf(option));
      }
    });
  }

  /** @returns {Chip[]} */
  get chips() {
    return [...this.list.children].map((each) => chipOf(/** @type {HTMLElement} */ (each)));
  }

  /** One more, unless it is there. @param {Chip} chip */
  put(chip) {
    if (this.chips.some((each) => each.kind === chip.kind && each.id === chip.id)) {
      return;
    }
    const item = document.createElement("li");
    Object.assign(item.dataset, { kind: chip.kind, id: String(chip.id), about: chip.about });
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: chip.kind, value: String(chip.id) });
    const name = Object.assign(document.createElement("bdi"), { textContent: chip.name });
    const about = Object.assign(document.createElement("span"), { className: "hint", textContent: chip.about });
    const away = Object.assign(document.createElement("button"), { type: "button", className: "away", textContent: "\u00d7" });
    away.setAttribute("aria-label", _("Take {name} out", { name: chip.name }));
    away.addEventListener("click", () => {
      item.remove();
      this.told.textContent = _("{name} is taken out.", { name: chip.name });
      this.field.focus();
      this.changed();
    });
    item.append(field, name, " ", about, away);
    this.list.append(item);
  }

  /** Asks what begins so, once nothing is typed for a moment. */
  look() {
    clearTimeout(this.pause);
    const words = this.field.value.trim();
    const asked = ++this.asked;
    if (!words) {
      this.close();
      return;
    }
    this.pause = setTimeout(async () => {
      try {
        const found = await get(`/contacts/suggest?${new URLSearchParams({ q: words })}`);
        // What was typed since then has its own answer.
        if (asked === this.asked) {
          this.show(found);
        }
      } catch (error) {
        console.warn(error);
      }
    }, PAUSE);
  }

  /** @param {Chip[]} found */
  show(found) {
    this.found = found;
    this.box.replaceChildren(
      ...found.map((chip, place) => {
        const option = document.createElement("li");
        option.id = `found-${place}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        const name = Object.assign(document.createElement("bdi"), { textContent: chip.name });
        const about = Object.assign(document.createElement("span"), { className: "hint", textContent: chip.about });
        option.append(name, " ", about);
        return option;
      }),
    );
    this.box.hidden = !found.length;
    this.field.setAttribute("aria-expanded", String(found.length > 0));
    this.activate(-1);
    this.told.textContent = found.length ? ngettext("{count} found", "{count} found", found.length) : _("Nobody is found.");
  }

  close() {
    clearTimeout(this.pause);
    this.asked++;
    this.found = [];
    this.box.hidden = true;
    this.field.setAttribute("aria-expanded", "false");
    this.activate(-1);
  }

  /** @param {number} place -1: none. */
  activate(place) {
    this.active = place;
    [...this.box.children].forEach((each, index) => each.setAttribute("aria-selected", String(index === place)));
    if (place < 0) {
      this.field.removeAttribute("aria-activedescendant");
    } else {
      this.field.setAttribute("aria-activedescendant", `found-${place}`);
      this.box.children[place]?.scrollIntoView({ block: "nearest" });
    }
  }

  /** @param {number} place */
  take(place) {
    const chip = this.found[place];
    this.put(chip);
    this.field.value = "";
    this.close();
    this.told.textContent = _("{name} is chosen.", { name: chip.name });
    this.changed();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const count = this.found.length;
    if (event.key === "Enter" && (this.field.value || count)) {
      // What is being looked for is not sent.
      event.preventDefault();
      if (this.active >= 0) {
        this.take(this.active);
      }
    } else if (event.key === "Escape") {
      if (!count) {
        this.field.value = "";
      }
      this.close();
    } else if (count && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.activate(this.active < 0 && step < 0 ? count - 1 : (this.active + step + count) % count);
    }
  }
}

/** @param {HTMLElement} item @returns {Chip} */
function chipOf(item) {
  const { kind = "", id = "", about = "" } = item.dataset;
  return { kind, id: Number(id), name: item.querySelector("bdi")?.textContent ?? "", about };
}
