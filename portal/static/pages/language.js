// @ts-check
/** What scripts say, in the page's language: the page brings the translations (templates/layout.html). */

/** @typedef {{plurals: number[], words: Record<string, string[]>}} Catalogue As faxplan/language.py says it. */

const said = document.getElementById("words-of-scripts")?.textContent;
/** @type {Catalogue} */
const catalogue = said ? JSON.parse(said) : { plurals: [], words: {} };

/** With what stands in braces filled in. @param {string} text @param {Record<string, string | number>} values */
function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}

/**
 * A message; `{name}` in it stands for a value.
 * @param {string} message @param {Record<string, string | number>} [values] @returns {string}
 */
export function _(message, values = {}) {
  return filled(catalogue.words[message]?.[0] || message, values);
}

/**
 * Of something counted; `{count}` in it is how many.
 * @param {string} one @param {string} many @param {number} count @param {Record<string, string | number>} [values] @returns {string}
 */
export function ngettext(one, many, count, values = {}) {
  const form = catalogue.plurals[count < 200 ? count : 100 + (count % 100)] ?? 0;
  return filled(catalogue.words[one]?.[form] || (count === 1 ? one : many), { count, ...values });
}
