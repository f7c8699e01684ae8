"use strict";
/* The results, as the scripts in data/ bring them: columns, some thousand rows at a time. */
dedup.tables = {};
dedup.folder = document.currentScript.getAttribute("src").replace(/\/[^/]*$/, "");
dedup.add = (kind, columns, folders) => {
  const table = dedup.tables[kind] ??= { length: 0, columns: {} };
  if (folders) columns.folder = columns.folder.map((place) => folders[place]);
  const rows = Object.values(columns)[0].length;
  for (const [name, values] of Object.entries(columns)) {
    const column = table.columns[name] ??= new Array(table.length).fill(null);
    for (const value of values) column.push(value);
  }
  table.length += rows;
  for (const column of Object.values(table.columns)) while (column.length < table.length) column.push(null);
};

dedup.data = (() => {
  const none = { length: 0, columns: {} };
  const table = (kind) => dedup.tables[kind] ?? none;
  const value = (kind, name, row) => table(kind).columns[name]?.[row] ?? null;

  /* One file, ready to be shown. */
  function file(number) {
    const get = (name) => value("files", name, number);
    const name = get("folder") + get("base");
    const end = get("container");
    const frame = end !== null && name[end] === "#";
    const there = get("thumbnail") || get("size_bytes") !== null || end !== null;
    const opened = end !== null && !frame ? name.slice(0, end) : name;
    const folder = String(Math.floor(number / dedup.facts.thumbnails)).padStart(3, "0");
    return {
      number, name, folder: get("folder"), base: get("base"), size: get("size_bytes"), width: get("width"),
      height: get("height"), modified: get("modified"), problem: get("problem"), group: get("group"),
      kind: end === null ? "" : frame ? "video" : "archive",
      thumbnail: get("thumbnail") ? `${dedup.folder}/thumbs/${folder}/${number}.jpg` : null,
      link: there ? dedup.names.address(opened, frame) : null,
    };
  }

  /* For each file, whether its path holds a text; null if all do. */
  let lower = null;
  function match(text) {
    if (!text) return null;
    const { folder, base } = table("files").columns;
    lower ??= folder.map((path, row) => (path + base[row]).toLowerCase());
    const wanted = text.toLowerCase();
    return Uint8Array.from(lower, (path) => path.includes(wanted));
  }

  return { table, value, file, match };
})();
