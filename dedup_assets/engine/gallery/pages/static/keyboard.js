// @ts-check
"use strict";
/* What single keys do; the dialog #help lists them. */
const keyboard = (() => {
  const remembered = "dedup-shortcuts";
  const inViewer = "sbwfd12+-0"; // the keys that also work in the large window

  /** @param {EventTarget | null} target */
  const cardOf = (target) => (target instanceof Element ? target.closest("[data-row]") : null);

  /** @param {string} id */
  const click = (id) => document.getElementById(id)?.click();

  /** Chooses a view, if the page offers it: none that moves where motion is reduced. @param {string} name */
  function view(name) {
    const choice = page.find(`view-${name}`, HTMLInputElement);
    const label = choice?.closest("label");
    if (choice && label && getComputedStyle(label).display !== "none") choice.checked = true;
  }

  /** @param {number} by how many entries of the list */
  function move(by) {
    const all = [...listing.list().querySelectorAll("[data-row]")];
    const current = cardOf(document.activeElement);
    const here = current ? all.indexOf(current) : -1;
    const card = all[Math.min(Math.max(here + by, 0), all.length - 1)];
    if (!(card instanceof HTMLElement)) return;
    card.focus();
    card.scrollIntoView({ block: "nearest" });
  }

  /** @param {number} side 0: A, 1: B */
  function mark(side) {
    const card = viewer.isOpen() ? viewer.card() : cardOf(document.activeElement);
    const box = card?.querySelectorAll("input[data-mark]")[side];
    if (box instanceof HTMLInputElement) box.click();
  }

  function enlarge() {
    const button = document.activeElement?.querySelector(".enlarge");
    if (button instanceof HTMLElement) button.click();
  }

  /** @type {Record<string, () => void>} */
  const actions = {
    j: () => move(1),
    k: () => move(-1),
    n: () => click("next"),
    p: () => click("previous"),
    s: () => view("beside"),
    b: () => view("blend"),
    w: () => view("wipe"),
    f: () => view("flicker"),
    d: () => view("difference"),
    "+": () => magnifier.by(1),
    "-": () => magnifier.by(-1),
    0: magnifier.reset,
    1: () => mark(0),
    2: () => mark(1),
    "/": () => page.find("q", HTMLInputElement)?.focus(),
    "?": () => page.need("help", HTMLDialogElement).showModal(),
    Enter: enlarge,
  };

  /** What a key does now; undefined if it does nothing. @param {KeyboardEvent} event */
  function action({ key, target }) {
    const inside = viewer.isOpen();
    if (inside && (key === "ArrowRight" || key === "ArrowLeft") && !(target instanceof HTMLInputElement)) {
      return () => viewer.step(key === "ArrowRight" ? 1 : -1);
    }
    if (key === "Enter" && (target !== document.activeElement || target !== cardOf(target))) return undefined;
    const isCovered = document.querySelector("dialog[open]") !== null;
    return isCovered && !(inside && inViewer.includes(key)) ? undefined : actions[key];
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    const { target } = event;
    const isTyping =
      target instanceof Element &&
      target.matches("input:not([type=radio], [type=checkbox], [type=range]), select, textarea");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = page.need("shortcuts", HTMLInputElement).checked ? action(event) : undefined;
    if (!act) return;
    act();
    event.preventDefault();
  }

  function start() {
    const box = page.need("shortcuts", HTMLInputElement);
    box.checked = storage.get(remembered) !== "off";
    box.addEventListener("change", () => storage.set(remembered, box.checked ? "on" : "off"));
    page.on("help-open", "click", () => page.need("help", HTMLDialogElement).showModal());
    if (page.find("list", HTMLElement)) document.addEventListener("keydown", press);
  }

  return { start };
})();
