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

  /**
   * Marks the file of each pair that Python suggests to remove, unless the other is marked: no pair loses both files.
   * @param {number[]} rows of pairs
   * @returns {number} how many were marked
   */
  function suggest(rows) {
    const before = marked.size;
    for (const row of rows) {
      const sides = ["a", "b"].map((side) => results.value("pairs", side, row));
      const side = results.value("pairs", "side", row);
      if (results.value("pairs", "remove", row) && !marked.has(sides[side])) marked.add(sides[1 - side]);
    }
    save();
    return marked.size - before;
  }

  /** The files of a component, except the one to keep, that can be removed. @param {number} row */
  function others(row) {
    const keep = results.value("components", "keep", row);
    if (keep === null) return [];
    return results.members(row).filter((file) => file !== keep && results.value("files", "removable", file));
  }

  /** How many components would lose every file. */
  function emptied() {
    const groups = results.column("files", "group");
    /** @type {Map<number, number>} */
    const left = new Map();
    for (const number of marked) if ((groups[number] ?? null) !== null) left.set(groups[number], 0);
    groups.forEach((group, number) => {
      const count = left.get(group);
      if (count !== undefined && !marked.has(number)) left.set(group, count + 1);
    });
    return [...left.values()].filter((count) => count === 0).length;
  }

  /** Shows on the page what is marked. */
  function show() {
    const bar = page.find("marks", HTMLElement);
    if (!bar) return;
    const bytes = [...marked].reduce((sum, number) => sum + (results.value("files", "size_bytes", number) ?? 0), 0);
    const lost = emptied();
    const warning = page.need("marks-warning", HTMLElement);
    bar.hidden = marked.size === 0;
    page.need("marks-count", HTMLElement).textContent =
      `${words.things(marked.size, "file")} marked, ${words.size(bytes)}`;
    warning.textContent = lost
      ? `Every file of ${words.things(lost, "component")} is marked: nothing would be left.`
      : "";
    warning.hidden = !lost;
    page.need("export-count", HTMLElement).textContent =
      `${words.things(marked.size, "marked file")}, in the order of their paths.`;
    for (const box of document.querySelectorAll("input[data-mark]")) {
      if (box instanceof HTMLInputElement) box.checked = has(Number(box.dataset.mark));
    }
    for (const card of document.querySelectorAll(".pair[data-row]")) {
      if (!(card instanceof HTMLElement)) continue;
      const sides = ["a", "b"].map((side) => has(results.value("pairs", side, Number(card.dataset.row))));
      card.classList.toggle("doomed", sides.every(Boolean));
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
