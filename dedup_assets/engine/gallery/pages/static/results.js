// @ts-check
"use strict";
/* The results, which the scripts in data/ add: columns, thousands of rows at a time. */

/**
 * One file, with the facts that a card shows; unknown facts are null.
 * @typedef {object} ShownFile
 * @property {number} number
 * @property {string} name
 * @property {string} folder
 * @property {string} base
 * @property {number | null} size bytes
 * @property {number | null} width pixels
 * @property {number | null} height pixels
 * @property {number | null} modified seconds since 1970
 * @property {string | null} problem why there is no thumbnail
 * @property {string} kind of its container: archive or video; empty without one
 * @property {boolean} secret whether credentials of its name are hidden
 * @property {string | null} thumbnail address
 * @property {string | null} link opens the original
 */

/**
 * Facts for all pages: how many entries a page of a list has, and the words that scripts share with Python.
 * @typedef {object} Facts
 * @property {number} pairs
 * @property {number} components
 * @property {number} members of a component or copies of a group, before it is opened
 * @property {number} groups
 * @property {number} related images beside a group
 * @property {number} bad
 * @property {number} thumbnails per folder
 * @property {string} beside folder whose content is linked relatively
 * @property {string} common folder of all files, which is not shown; empty if there is none
 * @property {string} way from the pages to that folder
 * @property {boolean} suggest whether pages say which image to keep
 * @property {number} units the longer side of a picture in alignments
 * @property {boolean} grouped whether groups alone say what to keep
 * @property {string[]} reasons to keep an image
 * @property {[string, string][]} relations of two files, each with its word
 * @property {[number, string][]} bands lowest similarity and name of each
 * @property {string} lowest_band
 */

const results = (() => {
  /** @typedef {{length: number, columns: Record<string, any[]>}} Table */

  /** @type {Record<string, Table>} */
  const tables = {};
  /** @type {Table} */
  const none = { length: 0, columns: {} };
  /** @type {Facts} set by data/facts-0000.js */
  const facts = /** @type {any} */ ({});

  /** The folder of the scripts, data and thumbnails. */
  const folder = (document.currentScript?.getAttribute("src") ?? "").replace(/\/[^/]*$/, "");

  /**
   * Adds rows; called by the scripts in data/. A column that is missing is null in each row.
   * @param {string} kind
   * @param {Record<string, any[]>} columns
   * @param {string[]} [folders] the column `folder` has positions in this list
   */
  function add(kind, columns, folders) {
    if (folders) columns.folder = columns.folder.map((place) => folders[place]);
    tables[kind] ??= { length: 0, columns: {} };
    const table = tables[kind];
    for (const [name, values] of Object.entries(columns)) {
      table.columns[name] ??= new Array(table.length).fill(null);
      for (const value of values) table.columns[name].push(value);
    }
    table.length += Object.values(columns)[0].length;
    for (const column of Object.values(table.columns)) while (column.length < table.length) column.push(null);
  }

  /** @param {string} kind */
  const count = (kind) => (tables[kind] ?? none).length;

  /** The values of a column; empty if it is missing. @param {string} kind @param {string} name */
  const column = (kind, name) => (tables[kind] ?? none).columns[name] ?? [];

  /** @param {string} kind @param {string} name @param {number} row */
  const value = (kind, name, row) => column(kind, name)[row] ?? null;

  /** @param {number} number @returns {ShownFile} */
  function file(number) {
    /** @param {string} name */
    const get = (name) => value("files", name, number);
    const name = get("folder") + get("base");
    const end = get("container");
    const isFrame = end !== null && name[end] === "#";
    const opened = end !== null && !isFrame ? name.slice(0, end) : name;
    const there = get("thumbnail") || get("size_bytes") !== null || end !== null;
    const secret = get("secret") !== null;
    const part = String(Math.floor(number / results.facts.thumbnails)).padStart(3, "0");
    return {
      number,
      name,
      folder: get("folder"),
      base: get("base"),
      size: get("size_bytes"),
      width: get("width"),
      height: get("height"),
      modified: get("modified"),
      problem: get("problem"),
      kind: end === null ? "" : isFrame ? "video" : "archive",
      secret,
      thumbnail: get("thumbnail") ? `${folder}/thumbs/${part}/${number}.jpg` : null,
      link: there && !secret ? names.address(opened, isFrame) : null,
    };
  }

  /** @type {string[] | null} */
  let lower = null;

  /** Whether the path of each file has this text, as 0 or 1; null for an empty text. @param {string} text */
  function match(text) {
    if (!text) return null;
    const bases = column("files", "base");
    lower ??= column("files", "folder").map((path, row) => (path + bases[row]).toLowerCase());
    const wanted = text.toLowerCase();
    return Uint8Array.from(lower, (path) => Number(path.includes(wanted)));
  }

  /** Where the parts of each row begin, by the column that counts them. @type {Record<string, number[]>} */
  const starts = {};

  /**
   * The rows that belong to a row of another table, whose column counts them; they follow one another.
   * @param {string} kind
   * @param {string} counts
   * @param {number} row
   */
  function parts(kind, counts, row) {
    if (!starts[counts]) {
      starts[counts] = [0];
      column(kind, counts).forEach((size, place) => {
        starts[counts].push(starts[counts][place] + size);
      });
    }
    const [start, end] = starts[counts].slice(row, row + 2);
    return Array.from({ length: end - start }, (_, place) => start + place);
  }

  /** @type {Map<number, number> | null} */
  let folds = null;

  /** How many pairs of frames of the same videos a pair is one of; 1 for any other. @param {number} row */
  function folded(row) {
    if (!folds) {
      folds = new Map();
      for (const head of column("pairs", "fold")) if (head !== null) folds.set(head, (folds.get(head) ?? 0) + 1);
    }
    return folds.get(value("pairs", "fold", row) ?? -1) ?? 1;
  }

  /**
   * Leaves out frames of a video that another one is shown for.
   * @param {string} kind members or copies
   * @param {number[]} rows
   */
  const unfolded = (kind, rows) => rows.filter((row) => value(kind, "frames", row) !== "");

  /** The rows of a component's members. @param {number} row */
  const memberRows = (row) => parts("components", "count", row);

  /** The files of a component. @param {number} row @returns {number[]} */
  const members = (row) => memberRows(row).map((member) => value("members", "file", member));

  /** The rows of a group's copies. @param {number} row */
  const copies = (row) => parts("groups", "copies", row);

  /** The rows of what is beside a group. @param {number} row */
  const related = (row) => parts("groups", "related", row);

  return {
    facts,
    folder,
    add,
    count,
    column,
    value,
    file,
    match,
    folded,
    unfolded,
    memberRows,
    members,
    copies,
    related,
  };
})();
