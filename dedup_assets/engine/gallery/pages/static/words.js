// @ts-check
"use strict";
/* Numbers, sizes, similarities and differences in words. quantities.py and differences.py have the same words for pages
without scripts; a test in a browser compares both. Similarities are whole millionths. */
const words = (() => {
  const million = 1e6;

  /** @param {number} number */
  const count = (number) => number.toLocaleString("en");

  /** @param {number} number @param {string} noun */
  const things = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

  /** Four decimals, rounded down, so that only a similarity of 1 reads as 1. @param {number} millionths */
  const score = (millionths) => (Math.floor(millionths / 100) / 1e4).toFixed(4);

  /** @param {number} millionths */
  const exactScore = (millionths) => (millionths / million).toFixed(6);

  /** @param {number} millionths */
  const band = (millionths) =>
    results.facts.bands.find(([floor]) => millionths >= floor)?.[1] ?? results.facts.lowest_band;

  /** @param {number} seconds since 1970 */
  const moment = (seconds) => `${new Date(seconds * 1000).toISOString().slice(0, 19)}+00:00`;

  /** @param {number} bytes */
  function size(bytes) {
    if (bytes < 1000) return things(bytes, "byte");
    const units = ["kB", "MB", "GB", "TB"];
    let power = 1;
    while (bytes / 1000 ** power >= 999.5 && power < units.length) power += 1;
    const amount = bytes / 1000 ** power;
    return `${amount < 10 ? amount.toFixed(1) : count(Math.round(amount))} ${units[power - 1]}`;
  }

  /** @param {number} a @param {number} b @param {string} noun */
  function excess(a, b, noun) {
    const ratio = Math.max(a, b) / Math.min(a, b);
    const who = a > b ? "A" : "B";
    if (ratio < 1.1) {
      const percent = Math.round(100 * (ratio - 1));
      return `${who} has ${percent ? `${percent}%` : "under 1%"} more ${noun}`;
    }
    const times = ratio < 10 ? ratio.toFixed(1).replace(/\.0$/, "") : count(Math.round(ratio));
    return `${who} has ${times}× the ${noun}`;
  }

  /** @param {number} seconds */
  function age(seconds) {
    /** @type {[number, string][]} */
    const units = [
      [365 * 86400, "year"],
      [86400, "day"],
      [3600, "hour"],
      [60, "minute"],
      [1, "second"],
    ];
    const [length, unit] = units.find(([enough]) => seconds >= enough) ?? units[4];
    return things(Math.floor(seconds / length), unit);
  }

  /** @param {ShownFile} a @param {ShownFile} b */
  function dimensions(a, b) {
    if (!(a.width && a.height && b.width && b.height)) return null;
    if (a.width === b.width && a.height === b.height) return "same dimensions";
    if (a.width === b.height && a.height === b.width) return "width and height swapped";
    const [here, there] = [a.width * a.height, b.width * b.height];
    const shape = Math.abs((a.width * b.height) / (a.height * b.width) - 1) <= 0.02 ? "" : ", other aspect ratio";
    return (here === there ? "same number of pixels" : excess(here, there, "pixels")) + shape;
  }

  /** @param {ShownFile} a @param {ShownFile} b */
  function dates(a, b) {
    if (a.kind || b.kind || a.modified === null || b.modified === null) return null;
    const gap = Math.abs(a.modified - b.modified);
    return gap <= 2 ? "same date" : `${a.modified > b.modified ? "A" : "B"} is ${age(gap)} newer`;
  }

  /** What two files share and how they differ. @param {ShownFile} a @param {ShownFile} b @returns {string[]} */
  function differences(a, b) {
    const sizes = a.size && b.size ? (a.size === b.size ? "same file size" : excess(a.size, b.size, "bytes")) : null;
    const phrases = [a.base === b.base ? "same base name" : null, dimensions(a, b), sizes, dates(a, b)];
    return phrases.filter((phrase) => phrase !== null);
  }

  /** Says that a component is several pictures. @param {number} images @param {number} groups @param {number} alone */
  function chain(images, groups, alone) {
    const parts = [groups && things(groups, "group"), alone && `${things(alone, "image")} in no group`];
    const held = parts.filter(Boolean).join(" and ");
    return `Held together by chains only: these ${count(images)} images are ${count(groups + alone)} pictures (${held}).`;
  }

  return { million, count, things, score, exactScore, band, moment, size, differences, chain };
})();
