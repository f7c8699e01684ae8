"use strict";
/* Files marked to be removed: a list to take away. Nothing is removed by this page. */
dedup.marks = (() => {
  const marked = new Set();
  const key = `dedup-marks:${dedup.folder}`;
  const find = (id) => document.getElementById(id);
  const file = (number) => dedup.data.file(number);
  const has = (number) => marked.has(number);

  function set(numbers, on) {
    for (const number of numbers) if (on) marked.add(number); else marked.delete(number);
    dedup.kept(key, JSON.stringify([...marked]));
    show();
  }

  /* For each pair the file not to keep, unless that is what another marked file is kept beside: no pair is lost whole. */
  function suggest(rows) {
    const kept = new Set();
    const value = (name, row) => dedup.data.value("pairs", name, row);
    const added = [];
    for (const row of rows) {
      const sides = [value("a", row), value("b", row)];
      const keep = sides[value("kept", row) >> 3];
      const go = sides[0] === keep ? sides[1] : sides[0];
      if (marked.has(keep) || kept.has(go) || dedup.data.value("files", "container", go) !== null) continue;
      kept.add(keep);
      if (!marked.has(go)) added.push(go);
      marked.add(go);
    }
    set([], true);
    return added.length;
  }

  /* Components of which nothing would be left. */
  function emptied() {
    const counts = new Map();
    for (const number of marked) {
      const group = dedup.data.value("files", "group", number);
      if (group !== null) counts.set(group, (counts.get(group) ?? 0) + 1);
    }
    const members = new Map();
    for (const group of dedup.tables.files?.columns.group ?? []) {
      if (counts.has(group)) members.set(group, (members.get(group) ?? 0) + 1);
    }
    return [...counts].filter(([group, count]) => members.get(group) === count).length;
  }

  function show() {
    if (!find("marks")) return;
    const { count, things, size } = dedup.cards;
    const bytes = [...marked].reduce((sum, number) => sum + (dedup.data.value("files", "size_bytes", number) ?? 0), 0);
    find("marks").hidden = marked.size === 0;
    find("marks-count").textContent = `${things(marked.size, "file")} marked, ${size(bytes)}`;
    const lost = emptied();
    find("marks-warning").textContent = lost
      ? `Of ${things(lost, "component")} every file is marked: none would be left.` : "";
    find("marks-warning").hidden = !lost;
    find("export-count").textContent = `${count(marked.size)} marked files, in the order of their paths.`;
    for (const box of document.querySelectorAll("input[data-mark]")) box.checked = has(Number(box.dataset.mark));
    for (const card of document.querySelectorAll(".pair[data-row]")) {
      const [a, b] = ["a", "b"].map((side) => has(dedup.data.value("pairs", side, Number(card.dataset.row))));
      card.classList.toggle("doomed", a && b);
    }
  }

  const join = (parts) => new Blob(parts.map((part) => typeof part === "string" ? new TextEncoder().encode(part) : part));
  const field = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  const formats = {
    lines: ["txt", (files) => files.flatMap(({ name }) => [dedup.names.bytes(name), "\n"])],
    nul: ["nul", (files) => files.flatMap(({ name }) => [dedup.names.bytes(name), "\0"])],
    csv: ["csv", (files) => ["filename,size_bytes\n", ...files.flatMap(
      ({ name, size }) => [dedup.names.bytes(field(name)), `,${size ?? ""}\n`])]],
    json: ["json", (files) => [JSON.stringify(files.map(({ name, size }) => ({ filename: name, size_bytes: size })), null, 1), "\n"]],
  };

  function chosen() {
    const format = document.querySelector("input[name=format]:checked").value;
    const files = [...marked].sort((a, b) => a - b).map(file);
    const broken = format === "lines" && files.find(({ name }) => name.includes("\n"));
    say(broken ? "A path has a line break in it: take another format." : "");
    return broken ? null : [formats[format][0], join(formats[format][1](files))];
  }

  const say = (text) => { find("export-said").textContent = text; find("said").textContent = text; };

  function download() {
    const list = chosen();
    if (!list) return;
    const address = URL.createObjectURL(list[1]);
    dedup.cards.make("a", { href: address, download: `remove.${list[0]}` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
    say("Saved. Check the list before you remove what it names.");
  }

  async function write(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      say(done);
    } catch {
      say("The browser does not let this page copy; select the text instead.");
    }
  }

  const copy = ({ name }) => write(name, name.isWellFormed() ? "Path copied." : "Path copied; its bytes that are no UTF-8 are not in it.");

  async function copyAll() {
    const list = chosen();
    if (list) await write(await list[1].text(), "Copied.");
  }

  function start() {
    if (!dedup.tables.files || !find("marks")) return;
    try {
      for (const number of JSON.parse(dedup.kept(key) ?? "[]")) if (number < dedup.tables.files.length) marked.add(number);
    } catch { /* what was kept is of no use */ }
    find("marks-clear").addEventListener("click", () => set([...marked], false));
    find("marks-export").addEventListener("click", () => find("export").showModal());
    find("export-download").addEventListener("click", download);
    find("export-copy").addEventListener("click", copyAll);
    show();
  }

  return { has, set, suggest, copy, start, show, say };
})();
