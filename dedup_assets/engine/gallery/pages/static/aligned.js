// @ts-check
"use strict";
/* The second picture of a pair, laid onto the first. */
const aligned = (() => {
  /** Width and height of a picture in the units of alignments. @param {ShownFile} file */
  function box({ width, height }) {
    if (!width || !height) return null;
    const unit = results.facts.units / Math.max(width, height);
    return [width, height].map((side) => String(Number((side * unit).toFixed(2))));
  }

  /**
   * Left, top, width and height of what shows both pictures whole, as `frame_of` in aligning.py.
   * @param {number[]} first width and height
   * @param {number[]} second
   * @param {number[]} align
   */
  function frame(first, second, align) {
    const [width, height] = second;
    const ends = [0, 1].map((side) => {
      const [along, across, shift] = [align[side], align[side + 2], align[side + 4]];
      const corners = [0, width].flatMap((x) => [0, height].map((y) => along * x + across * y + shift));
      const low = Math.floor(Math.min(Math.max(Math.min(...corners), -results.facts.units), 0));
      const high = Math.min(Math.max(Math.max(...corners), first[side]), first[side] + results.facts.units);
      return [low, Math.ceil(high - low)];
    });
    return [0, 1].flatMap((place) => ends.map((end) => end[place]));
  }

  /** All around a picture, as the macro `around`. @param {string[]} box */
  function around(box) {
    const [right, bottom] = box.map((side) => Number((Number(side) - 2).toFixed(2)));
    return `M-1e5-1e5H1e5V1e5H-1e5ZM2 2V${bottom}H${right}V2Z`;
  }

  /**
   * Lays the second picture onto the first.
   * @param {HTMLElement} card
   * @param {string} kind
   * @param {number} row
   * @param {ShownFile[]} files
   * @param {boolean} [large] whether to prefer the originals
   */
  function fill(card, kind, row, files, large) {
    const svg = card.querySelector(".aligned");
    if (!svg) return;
    const [align, changed] = ["align", "changed"].map((name) => results.value(kind, name, row));
    const boxes = files.map(box);
    const [under, upper] = boxes;
    if (align === null || !under || !upper || files.some((file) => !file.thumbnail)) {
      svg.remove();
      return;
    }
    const [left, top, wide, high] = frame(under.map(Number), upper.map(Number), align.split(" ").map(Number));
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    for (const placed of svg.querySelectorAll(".placed"))
      placed.setAttribute("transform", `translate(${-left} ${-top})`);
    if (changed) svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}; changed parts are outlined`);
    svg.querySelectorAll("image").forEach((image, side) => {
      const thumbnail = files[side].thumbnail ?? "";
      image.addEventListener("error", () => image.setAttribute("href", thumbnail), { once: true });
      image.setAttribute("href", (large ? parts.originalOf(files[side]) : null) ?? thumbnail);
      image.setAttribute("width", side ? upper[0] : under[0]);
      image.setAttribute("height", side ? upper[1] : under[1]);
    });
    svg.querySelector(".upper image")?.setAttribute("transform", `matrix(${align})`);
    svg.querySelector(".changed")?.setAttribute("d", changed ?? "");
    svg.querySelectorAll(".beyond").forEach((beyond, side) => {
      beyond.setAttribute("d", around(boxes[side] ?? []));
      if (side) beyond.setAttribute("transform", `matrix(${align})`);
    });
    svg.querySelector(".line")?.setAttribute("d", `M0 0V${high}`);
  }

  return { fill };
})();
