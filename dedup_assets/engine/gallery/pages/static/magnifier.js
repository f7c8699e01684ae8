// @ts-check
"use strict";
/* Magnifies both pictures of the large window together, about the same place. */
const magnifier = (() => {
  const step = 1.4;
  const most = 24;
  /** Where the corner of the whole picture is, in widths and heights of its frame. */
  let place = { zoom: 1, across: 0, down: 0 };

  const dialog = () => page.find("viewer", HTMLDialogElement);

  /** @param {number} shift @param {number} zoom */
  const bounded = (shift, zoom) => Math.min(Math.max(shift, 1 - zoom), 0);

  /** @param {typeof place} wanted */
  function set({ zoom, across, down }) {
    place = { zoom, across: bounded(across, zoom), down: bounded(down, zoom) };
    const window = dialog();
    if (!window) return;
    for (const [name, value] of Object.entries(place)) window.style.setProperty(`--${name}`, String(value));
    window.toggleAttribute("data-zoomed", zoom > 1);
  }

  const reset = () => set({ zoom: 1, across: 0, down: 0 });

  /**
   * Magnifies, and keeps one place of the frame where it is.
   * @param {number} steps
   * @param {{x: number, y: number}} [at] in widths and heights of the frame
   */
  function by(steps, at = { x: 0.5, y: 0.5 }) {
    const zoom = Math.min(Math.max(place.zoom * step ** steps, 1), most);
    const grown = zoom / place.zoom;
    set({ zoom, across: at.x - (at.x - place.across) * grown, down: at.y - (at.y - place.down) * grown });
  }

  /** The frame under a pointer, and where in it the pointer is. @param {MouseEvent} event */
  function under({ target, clientX, clientY }) {
    const views = target instanceof Element ? target.closest(".views") : null;
    if (!(views instanceof HTMLElement) || !(target instanceof Element)) return null;
    const frame = (getComputedStyle(views).gridTemplateColumns.includes(" ") && target.closest(".view")) || views;
    const box = frame.getBoundingClientRect();
    return { box, x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
  }

  /** @param {WheelEvent} event */
  function turn(event) {
    const at = under(event);
    if (!at || !event.deltaY) return;
    event.preventDefault();
    by(event.deltaY < 0 ? 1 : -1, at);
  }

  /** @param {PointerEvent} event */
  function drag(event) {
    const at = event.buttons & 1 && place.zoom > 1 && !wipe.isHeld() ? under(event) : null;
    if (!at) return;
    const { zoom, across, down } = place;
    set({ zoom, across: across + event.movementX / at.box.width, down: down + event.movementY / at.box.height });
  }

  function start() {
    const window = dialog();
    if (!window) return;
    window.addEventListener("wheel", turn, { passive: false });
    window.addEventListener("pointermove", drag);
    window.addEventListener("dragstart", (event) => event.preventDefault());
    page.on("viewer-closer", "click", () => by(1));
    page.on("viewer-farther", "click", () => by(-1));
    page.on("viewer-whole", "click", reset);
  }

  const current = () => place;

  return { by, reset, current, start };
})();
