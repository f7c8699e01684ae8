// @ts-check
"use strict";
/* Drags the line between two pictures, as the slider does. */
const wipe = (() => {
  const near = 18; // pixels from the line from which it is taken where a drag moves the magnified picture, too
  const still = 4; // pixels that a click may move
  /** @type {{ views: Element, from: number, isMoved: boolean } | null} the drag that moves the line */
  let held = null;

  /** @param {number} share of the pictures' width that is at the left of the line */
  function set(share) {
    const bounded = Math.min(Math.max(share, 0), 1);
    page.need("blend", HTMLInputElement).value = String(Math.round(100 * bounded));
    document.documentElement.style.setProperty("--blend", String(bounded));
  }

  /** Where the pictures begin on the screen, and how wide they are. @param {Element} views */
  function extent(views) {
    const aligned = views.querySelector(".aligned");
    const onScreen = aligned instanceof SVGSVGElement ? aligned.getScreenCTM() : null;
    if (aligned instanceof SVGSVGElement && onScreen) {
      return { left: onScreen.e, width: onScreen.a * aligned.viewBox.baseVal.width };
    }
    const { zoom, across } = magnifier.current();
    const box = views.getBoundingClientRect();
    const isLarge = views.closest(".viewer") !== null;
    return { left: box.left + (isLarge ? across * box.width : 0), width: box.width * (isLarge ? zoom : 1) };
  }

  /** @param {Element} views @param {number} x */
  function follow(views, x) {
    const { left, width } = extent(views);
    if (width) set((x - left) / width);
  }

  /** @param {PointerEvent} event */
  function take({ target, button, clientX }) {
    held = null;
    const views = target instanceof Element ? target.closest(".pair:not(.incomplete) .views") : null;
    if (!views || button || !page.find("view-wipe", HTMLInputElement)?.checked) return;
    const { left, width } = extent(views);
    const line = left + width * (page.need("blend", HTMLInputElement).valueAsNumber / 100);
    const isMagnified = views.closest(".viewer[data-zoomed]") !== null;
    if (!isMagnified || Math.abs(clientX - line) <= near) held = { views, from: clientX, isMoved: false };
  }

  /** @param {PointerEvent} event */
  function drag({ buttons, clientX }) {
    if (!(buttons & 1)) held = null;
    if (!held) return;
    held.isMoved ||= Math.abs(clientX - held.from) > still;
    if (held.isMoved) follow(held.views, clientX);
  }

  /** A drag is no click on the picture; a click on a large one puts the line there. @param {MouseEvent} event */
  function release(event) {
    if (!held) return;
    if (held.isMoved) event.stopPropagation();
    else if (held.views.closest(".viewer")) follow(held.views, event.clientX);
    held = null;
  }

  const isHeld = () => held !== null;

  function start() {
    document.addEventListener("pointerdown", take);
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointercancel", () => {
      held = null;
    });
    document.addEventListener("click", release, { capture: true });
    document.addEventListener("dragstart", (event) => held && event.preventDefault());
    page.on("blend", "input", () => set(page.need("blend", HTMLInputElement).valueAsNumber / 100));
  }

  return { isHeld, start };
})();
