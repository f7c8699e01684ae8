// @ts-check
"use strict";
/* One pair in a large window, with the originals if the page was opened from a disk. */
const viewer = (() => {
  let shown = 0; // place in the list, from 1; on the page of groups, the row of a copy
  let group = 0; // row of the group of that copy

  const isOpen = () => page.find("viewer", HTMLDialogElement)?.open ?? false;

  /** The card in the window. */
  const card = () => page.need("viewer-body", HTMLElement).firstElementChild;

  /** @param {HTMLElement} shownCard */
  function open(shownCard) {
    const dialog = page.need("viewer", HTMLDialogElement);
    page.need("viewer-body", HTMLElement).replaceChildren(shownCard);
    magnifier.reset();
    if (!dialog.open) {
      dialog.showModal();
      dialog.focus(); // rather than a choice of view, which arrow keys would change
    }
    marks.show();
  }

  /** @param {number} row @param {number} number its place in the list, from 1 */
  function show(row, number) {
    shown = number;
    open(cards.pair(row, number, true));
  }

  /** Shows a copy beside the kept image. @param {number} row of the group @param {number} copy its row */
  function compare(row, copy) {
    [group, shown] = [row, copy];
    open(cards.comparison(row, copy));
  }

  /** @param {number} by how many pairs, or copies of the group */
  function step(by) {
    if (page.kind() === "groups") {
      if (results.copies(group).includes(shown + by)) compare(group, shown + by);
      return;
    }
    const row = listing.goTo(shown + by);
    if (row !== null) show(row, shown + by);
  }

  function start() {
    page.on("viewer-previous", "click", () => step(-1));
    page.on("viewer-next", "click", () => step(1));
    magnifier.start();
  }

  return { isOpen, card, show, compare, step, start };
})();
