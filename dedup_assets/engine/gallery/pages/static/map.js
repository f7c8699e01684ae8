// @ts-check
"use strict";
/* The image of a point beside the map: of the one under the pointer, or that the keyboard is on. One point is a stop of
the tab key, and arrow keys go from it to others. */
{
  const reach = 24; // pixels around the pointer

  /** @typedef {{ link: SVGAElement, x: number, y: number }} Spot */

  /** @param {Element} link @returns {link is SVGAElement} */
  const isPoint = (link) => link instanceof SVGAElement;

  /** @param {HTMLElement} map @param {SVGSVGElement} plane */
  const start = (map, plane) => {
    /** @type {Spot[]} */
    const spots = Array.from(plane.querySelectorAll("a"), /** @returns {Element} */ (link) => link)
      .filter(isPoint)
      .map((link) => {
        const circle = link.querySelector("circle");
        return { link, x: circle?.cx.baseVal.value ?? 0, y: circle?.cy.baseVal.value ?? 0 };
      });
    let current = spots[0];
    for (const { link } of spots) link.setAttribute("tabindex", "-1");

    /** @param {Spot} spot */
    const choose = (spot) => {
      current.link.setAttribute("tabindex", "-1");
      current.link.removeAttribute("data-chosen");
      current = spot;
      current.link.setAttribute("tabindex", "0");
      current.link.setAttribute("data-chosen", "");
      show(map, current.link);
    };

    /** The nearest point in a direction; those beside the way count as farther. @param {number} right @param {number} down */
    const next = (right, down) => {
      /** @type {Spot | null} */
      let best = null;
      let least = Number.POSITIVE_INFINITY;
      for (const spot of spots) {
        const [x, y] = [spot.x - current.x, spot.y - current.y];
        const ahead = x * right + y * down;
        const beside = Math.abs(x * down) + Math.abs(y * right);
        const far = ahead + 2 * beside;
        if (ahead > 0 && beside <= ahead * 3 && far < least) [best, least] = [spot, far];
      }
      return best;
    };

    /** The nearest point to the pointer. @param {MouseEvent} event */
    const under = ({ clientX, clientY }) => {
      const onScreen = plane.getScreenCTM();
      if (!onScreen) return null;
      const place = new DOMPoint(clientX, clientY).matrixTransform(onScreen.inverse());
      /** @type {Spot | null} */
      let best = null;
      let least = reach / onScreen.a;
      for (const spot of spots) {
        const far = Math.hypot(spot.x - place.x, spot.y - place.y);
        if (far <= least) [best, least] = [spot, far];
      }
      return best;
    };

    /** @type {Record<string, [number, number]>} */
    const ways = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
    plane.addEventListener("keydown", (event) => {
      const way = ways[event.key];
      if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      next(...way)?.link.focus();
    });
    plane.addEventListener("focusin", ({ target }) => {
      const spot = spots.find(({ link }) => link === target);
      if (spot) choose(spot);
    });
    plane.addEventListener("pointermove", (event) => {
      const spot = under(event);
      if (spot && spot !== current) choose(spot);
    });
    plane.addEventListener("click", (event) => {
      event.preventDefault();
      const spot = under(event) ?? spots.find(({ link }) => link === event.target);
      if (spot) choose(spot);
    });
    choose(current);
  };

  /** @param {HTMLElement} map @param {SVGAElement} link */
  const show = (map, link) => {
    const title = link.querySelector("title")?.textContent ?? "";
    const [name, kind] = [title.slice(0, title.lastIndexOf(", ")), title.slice(title.lastIndexOf(", ") + 2)];
    const isShown = link.hasAttribute("data-shown");
    const original = isShown ? link.getAttribute("data-open") : link.getAttribute("href");
    const picture = page.need("point-picture", HTMLImageElement);
    picture.closest(".view")?.toggleAttribute("hidden", !isShown);
    if (isShown) picture.src = link.getAttribute("href") ?? "";
    picture.alt = name;
    page.need("point-name", HTMLElement).textContent = name;
    page.need("point-kind", HTMLElement).textContent = kind;
    const open = page.need("point-open", HTMLAnchorElement);
    open.hidden = original === null;
    if (original !== null) open.href = original;
    page.need("point-missing", HTMLElement).hidden = isShown;
    map.hidden = false;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const plane = document.getElementById("points");
    const shown = page.find("point-shown", HTMLElement);
    if (plane instanceof SVGSVGElement && shown && plane.querySelector("a")) start(shown, plane);
    document.documentElement.dataset.ready = "yes";
  });
}
