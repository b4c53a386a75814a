// @ts-check
/** A document may be dropped onto the form, too. */

const form = /** @type {HTMLFormElement} */ (document.querySelector("[data-drop]"));
const input = /** @type {HTMLInputElement} */ (form.elements.namedItem("file"));

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("dragged");
  });
}
document.addEventListener("dragleave", () => form.classList.remove("dragged"));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("dragged");
  if (event.dataTransfer?.files.length) {
    input.files = event.dataTransfer.files;
  }
});
