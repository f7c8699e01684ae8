// @ts-check
"use strict";
/* Loaded last, after the data: starts the scripts of the page. */
{
  /** Handles clicks inside cards. The document listens, because cards are replaced. @param {MouseEvent} event */
  const click = ({ target }) => {
    if (!(target instanceof Element)) return;
    const button = target.closest("button");
    const card = target.closest("[data-row]");
    if (!button || !(card instanceof HTMLElement)) return;
    const [row, number] = [Number(card.dataset.row), Number(card.dataset.number)];
    if (button.matches(".copy")) downloads.copyPath(Number(button.dataset.file));
    if (button.matches(".enlarge")) {
      if (button.dataset.copy) viewer.compare(row, Number(button.dataset.copy));
      else viewer.show(row, number);
    }
    if (button.matches(".mark-others")) marks.set(marks.others(row), true);
  };

  /** @param {Event} event */
  const change = ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset.mark) return;
    marks.set([Number(target.dataset.mark)], target.checked);
  };

  /** @param {HTMLDialogElement} dialog */
  const startDialog = (dialog) => {
    page.part(dialog, "[data-close]").addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  };

  const startList = () => {
    document.addEventListener("click", click);
    document.addEventListener("change", change);
    page.on("marks-clear", "click", marks.clear);
    page.on("marks-export", "click", () => page.need("export", HTMLDialogElement).showModal());
    page.on("export-download", "click", downloads.save);
    page.on("export-copy", "click", downloads.copyList);
    viewer.start();
    if (page.find("blend", HTMLInputElement)) wipe.start();
    marks.start();
    listing.start();
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const dialog of document.querySelectorAll("dialog")) startDialog(dialog);
    for (const element of document.querySelectorAll("[data-script]"))
      if (element instanceof HTMLElement) element.hidden = false;
    for (const element of document.querySelectorAll("[data-static]")) element.remove();
    keyboard.start();
    if (page.find("list", HTMLElement)) startList();
    document.documentElement.dataset.ready = "yes";
  });
}
