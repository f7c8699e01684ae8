// @ts-check
"use strict";
/* One pair in a large window, with the originals if the page was opened from a disk. */
const viewer = (() => {
  let shown = 0; // place in the list, from 1

  const isOpen = () => page.find("viewer", HTMLDialogElement)?.open ?? false;

  /** The card in the window. */
  const card = () => page.need("viewer-body", HTMLElement).firstElementChild;

  /** @param {number} row @param {number} number its place in the list, from 1 */
  function show(row, number) {
    const dialog = page.need("viewer", HTMLDialogElement);
    shown = number;
    page.need("viewer-body", HTMLElement).replaceChildren(cards.pair(row, number, true));
    if (!dialog.open) dialog.showModal();
    marks.show();
  }

  /** @param {number} by how many pairs */
  function step(by) {
    const row = listing.goTo(shown + by);
    if (row !== null) show(row, shown + by);
  }

  function start() {
    page.on("viewer-previous", "click", () => step(-1));
    page.on("viewer-next", "click", () => step(1));
  }

  return { isOpen, card, show, step, start };
})();
