// @ts-check
"use strict";
/* The list of a page: filtered, sorted, and shown page by page. Its state is in the page's address. */
const listing = (() => {
  /** @typedef {Record<"page" | "q" | "low" | "high" | "sort" | "code" | "component" | "group" | "fold", string>} State */

  /** @type {State} */
  const defaults = { page: "1", q: "", low: "", high: "", sort: "first", code: "", component: "", group: "", fold: "" };
  /** @type {(keyof State)[]} */
  const fields = ["q", "low", "high", "sort", "code"];
  const membersOfOpen = 60;
  const typingPause = 150; // ms

  let state = { ...defaults };
  /** Rows that pass the filters; of members if one component is open, of copies if one group is. @type {number[]} */
  let rows = [];

  const list = () => page.need("list", HTMLElement);

  /** @param {keyof State} name */
  function input(name) {
    const element = document.getElementById(name);
    return element instanceof HTMLInputElement || element instanceof HTMLSelectElement ? element : null;
  }

  /** Whether the page shows one component or group only. */
  const isOpen = () => Boolean(page.kind() === "groups" ? state.group : state.component);

  /** Whether the page lists the pairs of frames of the same videos only. */
  const isUnfolded = () => page.kind() === "pairs" && state.fold !== "";

  const openRow = () =>
    page.kind() === "groups"
      ? results.column("groups", "group_id").indexOf(state.group)
      : results.column("components", "component_id").indexOf(Number(state.component));

  /** @param {string} kind @param {(row: number) => boolean} test */
  function choose(kind, test) {
    const chosen = [];
    for (let row = 0; row < results.count(kind); row += 1) if (test(row)) chosen.push(row);
    return chosen;
  }

  /** A pair or outlier is listed if the text is in one of its paths. @param {string} kind */
  function choosePairs(kind) {
    const found = results.match(state.q);
    const [a, b, similarity] = ["a", "b", "similarity"].map((name) => results.column(kind, name));
    const [low, high] = [state.low, state.high].map((text) =>
      text === "" ? null : Math.round(Number(text) * words.million),
    );
    return choose(
      kind,
      (row) =>
        (!found || Boolean(found[a[row]] || found[b[row]])) &&
        (low === null || similarity[row] >= low) &&
        (high === null || similarity[row] <= high),
    );
  }

  /** The pairs of one fold; or of each fold the first one that passes the filters. */
  function chooseFolded() {
    const fold = results.column("pairs", "fold");
    const chosen = choosePairs("pairs");
    if (isUnfolded()) return chosen.filter((row) => fold[row] === Number(state.fold));
    const seen = new Set();
    return chosen.filter((row) => {
      const head = fold[row] ?? null;
      if (head === null) return true;
      return !seen.has(head) && Boolean(seen.add(head));
    });
  }

  function chooseComponents() {
    const found = results.match(state.q);
    if (!isOpen()) {
      return choose("components", (row) => !found || results.members(row).some((file) => found[file]));
    }
    return openRow() < 0
      ? []
      : results.memberRows(openRow()).filter((row) => !found || found[results.value("members", "file", row)]);
  }

  function chooseGroups() {
    const found = results.match(state.q);
    /** @param {number} copy */
    const isFound = (copy) => !found || Boolean(found[results.value("copies", "file", copy)]);
    if (isOpen()) return openRow() < 0 ? [] : results.copies(openRow()).filter(isFound);
    return choose(
      "groups",
      (row) => !found || Boolean(found[results.value("groups", "keep", row)]) || results.copies(row).some(isFound),
    );
  }

  function chooseBad() {
    const [folder, base, reason, code] = ["folder", "base", "reason", "code"].map((name) =>
      results.column("bad", name),
    );
    const wanted = state.q.toLowerCase();
    return choose(
      "bad",
      (row) =>
        (state.code === "" || code[row] === Number(state.code)) &&
        (!wanted || `${folder[row]}${base[row]}\n${reason[row] ?? ""}`.toLowerCase().includes(wanted)),
    );
  }

  /** What a card shows before it is opened. @param {string} kind @param {number[]} all rows */
  const first = (kind, all) => results.unfolded(kind, all).slice(0, results.facts.members);

  /** @param {number[]} shown */
  function componentCards(shown) {
    if (isOpen()) return openRow() < 0 ? [] : [cards.component(openRow(), shown, true)];
    return shown.map((row) => cards.component(row, first("members", results.memberRows(row)), false));
  }

  /** @param {number[]} shown */
  function groupCards(shown) {
    if (isOpen()) return openRow() < 0 ? [] : [cards.group(openRow(), shown, true)];
    return shown.map((row) => cards.group(row, first("copies", results.copies(row)), false));
  }

  /** @type {Record<string, {noun: string, size: () => number, choose: () => number[], cards: (rows: number[], first: number) => HTMLElement[]}>} */
  const kinds = {
    pairs: {
      noun: "pair",
      size: () => results.facts.pairs,
      choose: chooseFolded,
      cards: (shown, first) => shown.map((row, place) => cards.pair(row, first + place + 1)),
    },
    outliers: {
      noun: "outlier",
      size: () => results.facts.pairs,
      choose: () => choosePairs("outliers"),
      cards: (shown, first) => shown.map((row, place) => cards.outlier(row, first + place + 1)),
    },
    components: {
      noun: "component",
      size: () => (isOpen() ? membersOfOpen : results.facts.components),
      choose: chooseComponents,
      cards: componentCards,
    },
    groups: {
      noun: "group",
      size: () => (isOpen() ? membersOfOpen : results.facts.groups),
      choose: chooseGroups,
      cards: groupCards,
    },
    bad: { noun: "file", size: () => results.facts.bad, choose: chooseBad, cards: (shown) => shown.map(cards.bad) },
  };
  const kind = () => kinds[page.kind()];

  /** @type {Record<string, (a: number, b: number) => number>} */
  const orders = {
    last: (a, b) => b - a,
    large: (a, b) => bytesOf(b) - bytesOf(a) || a - b,
    path: (a, b) => results.value(page.kind(), "a", a) - results.value(page.kind(), "a", b) || a - b,
    many: (a, b) => results.value("groups", "copies", b) - results.value("groups", "copies", a) || a - b,
    unlike: (a, b) => lowest(a) - lowest(b) || a - b,
  };

  /** The similarity of the copy that is least similar to the kept image; it is the last. @param {number} row of a group */
  const lowest = (row) => results.value("copies", "similarity", results.copies(row).at(-1) ?? -1);

  /** @param {number} row of a pair */
  function bytesOf(row) {
    const files = ["a", "b"].map((side) => results.value(page.kind(), side, row));
    return files.reduce((sum, file) => sum + (results.value("files", "size_bytes", file) ?? 0), 0);
  }

  const pageCount = () => Math.max(Math.ceil(rows.length / kind().size()), 1);

  /** @param {number} first @param {number} shown how many */
  function describe(first, shown) {
    const { count, things } = words;
    const total = results.count(page.kind());
    const range = rows.length > kind().size() ? `${count(first + 1)} to ${count(first + shown)} of ` : "";
    const unfolded = results.column("pairs", "fold").length ? "with each frame of videos, " : "";
    const whole = !isOpen() && rows.length < total ? ` (${count(total)} ${unfolded}without filters)` : "";
    return `${range}${things(rows.length, isOpen() ? "image" : kind().noun)}${whole}`;
  }

  function draw() {
    const number = Math.min(Math.max(Math.trunc(Number(state.page)) || 1, 1), pageCount());
    const first = (number - 1) * kind().size();
    const shown = rows.slice(first, first + kind().size());
    const pageField = page.need("page", HTMLInputElement);
    state.page = String(number);
    list().replaceChildren(...kind().cards(shown, first));
    page.need("found", HTMLElement).textContent = describe(first, shown.length);
    page.need("nothing", HTMLElement).hidden = rows.length > 0;
    page.need("pager", HTMLElement).hidden = pageCount() < 2;
    pageField.value = state.page;
    pageField.max = String(pageCount());
    page.need("page-count", HTMLElement).textContent = `of ${words.count(pageCount())}`;
    page.need("previous", HTMLButtonElement).disabled = number === 1;
    page.need("next", HTMLButtonElement).disabled = number === pageCount();
    const back = page.find("back", HTMLElement);
    if (back) back.hidden = !isOpen() && !isUnfolded();
    marks.show();
  }

  /** @param {Partial<State>} change @param {boolean} [sameRows] whether only the page changes */
  function update(change, sameRows) {
    state = { ...state, page: "1", ...change };
    if (!sameRows) {
      rows = kind().choose();
      if (orders[state.sort] && !isOpen()) rows.sort(orders[state.sort]);
    }
    draw();
    const set = Object.entries(state).filter(([name, text]) => text !== defaults[/** @type {keyof State} */ (name)]);
    const hash = set.length ? `#${new URLSearchParams(set)}` : "";
    history.replaceState(null, "", `${location.pathname}${location.search}${hash}`);
  }

  /** @param {number} number of a page of the list */
  function turn(number) {
    update({ page: String(number) }, true);
    window.scrollTo(0, Math.min(window.scrollY, page.need("content", HTMLElement).offsetTop));
    const card = list().querySelector("[data-row]");
    if (card instanceof HTMLElement) card.focus({ preventScroll: true });
  }

  /** Draws the page that has an entry of the list; returns its row or null. @param {number} number from 1 */
  function goTo(number) {
    if (number < 1 || number > rows.length) return null;
    const wanted = String(Math.ceil(number / kind().size()));
    if (wanted !== state.page) update({ page: wanted }, true);
    return rows[number - 1];
  }

  /** Takes the state from the address. */
  function read() {
    const known = Object.fromEntries(
      [...new URLSearchParams(location.hash.slice(1))].filter(([name]) => name in defaults),
    );
    const code = /^#code-(\d+)$/.exec(location.hash); // a link of the summary
    if (code && page.kind() === "bad") known.code = String(Number(code[1]) - 1);
    const group = /^#group-(.+)$/.exec(location.hash); // a group on another page of the list
    if (group && page.kind() === "groups" && rows.length && !document.getElementById(location.hash.slice(1)))
      known.group = group[1];
    if (location.hash && !Object.keys(known).length && rows.length) return; // a place on the page
    state = { ...defaults, ...known };
    for (const name of fields) {
      const field = input(name);
      if (field) field.value = state[name];
    }
    update({ page: state.page });
  }

  function readFields() {
    /** @type {Partial<State>} */
    const typed = {};
    for (const name of fields) {
      const field = input(name);
      if (field) typed[name] = field.value;
    }
    update(typed);
  }

  function start() {
    let waiting = 0;
    for (const name of fields) {
      page.on(name, "input", (event) => {
        clearTimeout(waiting);
        waiting = setTimeout(readFields, event.target instanceof HTMLSelectElement ? 0 : typingPause);
      });
    }
    page.on("previous", "click", () => turn(Number(state.page) - 1));
    page.on("next", "click", () => turn(Number(state.page) + 1));
    page.on("page", "change", () => turn(Number(page.need("page", HTMLInputElement).value)));
    page.on("back", "click", () => update({ component: "", group: "", fold: "" }));
    page.on("mark-suggested", "click", () => {
      const listed = isOpen() ? [openRow()] : rows;
      page.say(`${words.things(marks.suggest(listed), "file")} marked.`);
    });
    window.addEventListener("hashchange", read);
    read();
  }

  return { list, isUnfolded, goTo, start };
})();
