// @ts-check
"use strict";
/* Files that the user marked for removal, by number. The page itself removes nothing; downloads.js saves their list. */
const marks = (() => {
  /** @type {Set<number>} */
  const marked = new Set();
  const key = () => `dedup-marks:${results.folder}`;

  /** @param {number} number */
  const has = (number) => marked.has(number);

  /** The marked files in the order of their paths. */
  const files = () => [...marked].sort((a, b) => a - b).map(results.file);

  function save() {
    storage.set(key(), JSON.stringify([...marked]));
    show();
  }

  /** @param {number[]} numbers @param {boolean} on */
  function set(numbers, on) {
    for (const number of numbers) {
      if (on) marked.add(number);
      else marked.delete(number);
    }
    save();
  }

  const clear = () => set([...marked], false);

  /** Whether groups suggest to remove a file: it is a copy, and the kept one stays. @param {number} file */
  const isSpare = (file) =>
    Boolean(results.value("files", "suggested", file)) && !marked.has(results.value("files", "kept", file));

  /**
   * Marks what Python suggests to remove: the copies in groups; without groups, a file of each pair, unless the other is
   * marked, so that no pair loses both files.
   * @param {number[]} rows of the page's list
   * @returns {number} how many were marked
   */
  function suggest(rows) {
    const before = marked.size;
    if (results.facts.grouped) for (const row of rows) spare(row).forEach(marked.add, marked);
    else suggestOfPairs(rows);
    save();
    return marked.size - before;
  }

  /** The copies in a group, a component or a pair, unless their kept file is marked. @param {number} row */
  function spare(row) {
    const kind = page.kind();
    const files =
      kind === "pairs"
        ? ["a", "b"].map((side) => results.value(kind, side, row))
        : kind === "groups"
          ? results.copies(row).map((copy) => results.value("copies", "file", copy))
          : results.members(row);
    return files.filter(isSpare);
  }

  /** @param {number[]} rows */
  function suggestOfPairs(rows) {
    for (const row of rows) {
      const sides = ["a", "b"].map((side) => results.value("pairs", side, row));
      const side = results.value("pairs", "side", row);
      if (results.value("pairs", "remove", row) && !marked.has(sides[side])) marked.add(sides[1 - side]);
    }
  }

  /** The files of a component or group, except those to keep, that can be removed. @param {number} row */
  function others(row) {
    if (results.facts.grouped) return spare(row);
    const keep = results.value("components", "keep", row);
    if (keep === null) return [];
    return results.members(row).filter((file) => file !== keep && results.value("files", "removable", file));
  }

  /** How many groups, or components, would lose every file. */
  function emptied() {
    const groups = results.column("files", results.facts.grouped ? "kept" : "group");
    /** @type {Map<number, number>} */
    const left = new Map();
    for (const number of marked) if ((groups[number] ?? null) !== null) left.set(groups[number], 0);
    groups.forEach((group, number) => {
      const count = left.get(group);
      if (count !== undefined && !marked.has(number)) left.set(group, count + 1);
    });
    return [...left.values()].filter((count) => count === 0).length;
  }

  /** What would be lost, in a sentence. */
  function warn() {
    const { things } = words;
    const lost = emptied();
    const said = lost
      ? [
          `Every file of ${things(lost, results.facts.grouped ? "group" : "component")} is marked: nothing would be left.`,
        ]
      : [];
    if (results.facts.grouped) {
      const alone = [...marked].filter((number) => results.value("files", "kept", number) === null).length;
      if (alone) said.push(`${things(alone, "marked file")} in no group: no known copy would be left.`);
    }
    return said.join(" ");
  }

  /** Shows on the page what is marked. */
  function show() {
    const bar = page.find("marks", HTMLElement);
    if (!bar) return;
    const bytes = [...marked].reduce((sum, number) => sum + (results.value("files", "size_bytes", number) ?? 0), 0);
    const warning = page.need("marks-warning", HTMLElement);
    bar.hidden = marked.size === 0;
    page.need("marks-count", HTMLElement).textContent =
      `${words.things(marked.size, "file")} marked, ${words.size(bytes)}`;
    warning.textContent = warn();
    warning.hidden = !warning.textContent;
    page.need("export-count", HTMLElement).textContent =
      `${words.things(marked.size, "marked file")}, in the order of their paths.`;
    for (const box of document.querySelectorAll("input[data-mark]")) {
      if (box instanceof HTMLInputElement) box.checked = has(Number(box.dataset.mark));
    }
    for (const card of document.querySelectorAll(".pair[data-row]")) {
      if (!(card instanceof HTMLElement)) continue;
      const boxes = [...card.querySelectorAll("input[data-mark]")];
      const isDoomed = boxes.length > 1 && boxes.every((box) => box instanceof HTMLInputElement && box.checked);
      card.classList.toggle("doomed", isDoomed);
    }
  }

  /** Reads the marks of earlier visits. */
  function start() {
    if (!results.count("files")) return;
    try {
      for (const number of JSON.parse(storage.get(key()) ?? "[]"))
        if (number < results.count("files")) marked.add(number);
    } catch {
      // The stored marks are damaged, and are ignored.
    }
    show();
  }

  return { has, files, set, clear, suggest, others, show, start };
})();
