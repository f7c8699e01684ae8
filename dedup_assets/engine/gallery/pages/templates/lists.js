"use strict";
/* The list of a page: filtered, sorted, page by page; the state stands in the address. Loaded last, after the data. */
dedup.lists = (() => {
  const find = (id) => document.getElementById(id);
  const { count, things } = dedup.cards;
  const { value, table } = dedup.data;
  const kind = document.body.dataset.kind;
  const list = find("list");
  const defaults = { page: "1", q: "", low: "", high: "", sort: "first", code: "", component: "" };
  const fields = ["q", "low", "high", "sort", "code"];
  const typed = () => Object.fromEntries(fields.filter(find).map((name) => [name, find(name).value]));
  let state = { ...defaults };
  let rows = [];
  let total = 0;

  const both = (row, of) => of(value(kind, "a", row)) + of(value(kind, "b", row));
  const bytes = (number) => value("files", "size_bytes", number) ?? 0;
  const orders = {
    first: null,
    last: (a, b) => b - a,
    large: (a, b) => both(b, bytes) - both(a, bytes) || a - b,
    path: (a, b) => value(kind, "a", a) - value(kind, "a", b) || a - b,
  };

  let starts = null;
  function members(row) {
    if (!starts) {
      starts = [0];
      for (const size of table("components").columns.count ?? []) starts.push(starts.at(-1) + size);
    }
    return table("members").columns.file.slice(starts[row], starts[row + 1]);
  }

  /* The rows that the filters leave; a row of a pair needs the text in one of its paths. */
  function select() {
    const { q, low, high, code } = state;
    if (kind === "bad") {
      const { folder, base, reason } = table("bad").columns;
      const wanted = q.toLowerCase();
      return pick((row) => (code === "" || value("bad", "code", row) === Number(code))
        && (!wanted || `${folder[row]}${base[row]}\n${reason?.[row]}`.toLowerCase().includes(wanted)));
    }
    const found = dedup.data.match(q);
    if (kind === "components") {
      if (state.component) {
        const row = table("components").columns.component_id.indexOf(Number(state.component));
        return row < 0 ? [] : members(row).filter((number) => !found || found[number]);
      }
      return found ? pick((row) => members(row).some((number) => found[number])) : pick(() => true);
    }
    const [least, most] = [low, high].map((text) => text === "" ? null : Math.round(Number(text) * 1e6));
    const { a, b, similarity } = table(kind).columns;
    return pick((row) => (!found || found[a[row]] || found[b[row]])
      && (least === null || similarity[row] >= least) && (most === null || similarity[row] <= most));
  }

  function pick(test) {
    const kept = [];
    for (let row = 0; row < table(kind).length; row += 1) if (test(row)) kept.push(row);
    return kept;
  }

  const pageSize = () => kind === "components" ? (state.component ? 60 : dedup.facts.components)
    : kind === "bad" ? dedup.facts.bad : dedup.facts.pairs;
  const pages = () => Math.max(Math.ceil(rows.length / pageSize()), 1);

  function cards(shown, first) {
    if (kind === "pairs") return shown.map((row, place) => dedup.cards.pair(row, first + place + 1));
    if (kind === "outliers") return shown.map((row, place) => dedup.cards.outlier(row, first + place + 1));
    if (kind === "bad") return shown.map(dedup.cards.bad);
    if (!state.component) {
      return shown.map((row) => { const all = members(row); return dedup.cards.component(row, all, all.slice(0, dedup.facts.members)); });
    }
    const row = table("components").columns.component_id.indexOf(Number(state.component));
    return row < 0 ? [] : [dedup.cards.component(row, members(row), shown, true)];
  }

  const nouns = { pairs: "pair", outliers: "outlier", components: "component", bad: "file" };

  function draw() {
    const page = Math.min(Math.max(Math.trunc(Number(state.page)) || 1, 1), pages());
    state.page = String(page);
    const first = (page - 1) * pageSize();
    const shown = rows.slice(first, first + pageSize());
    list.replaceChildren(...cards(shown, first));
    const noun = state.component ? "image" : nouns[kind];
    const range = rows.length > pageSize() ? `${count(first + 1)} to ${count(first + shown.length)} of ` : "";
    const whole = state.component ? "" : rows.length < total ? ` (${count(total)} without filters)` : "";
    find("found").textContent = `${range}${things(rows.length, noun)}${whole}`;
    find("nothing").hidden = rows.length > 0;
    find("pager").hidden = pages() < 2;
    find("page").value = state.page;
    find("page").max = pages();
    find("page-count").textContent = `of ${count(pages())}`;
    find("previous").disabled = page === 1;
    find("next").disabled = page === pages();
    if (find("back")) find("back").hidden = !state.component;
    dedup.marks.show();
  }

  function update(change, keep) {
    state = { ...state, page: "1", ...change };
    if (!keep) {
      rows = select();
      if (orders[state.sort]) rows.sort(orders[state.sort]);
    }
    draw();
    const set = Object.entries(state).filter(([name, text]) => text !== defaults[name]);
    history.replaceState(null, "", `${location.pathname}${location.search}${set.length ? `#${new URLSearchParams(set)}` : ""}`);
  }

  function turn(page) {
    update({ page: String(page) }, true);
    window.scrollTo(0, Math.min(window.scrollY, find("content").offsetTop));
    list.querySelector("[data-row]")?.focus({ preventScroll: true });
  }

  function read() {
    const given = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const known = Object.entries(given).filter(([name]) => name in defaults);
    const code = /^#code-(\d+)$/.exec(location.hash);  // as the summary links it
    if (code && kind === "bad") known.push(["code", String(code[1] - 1)]);
    if (location.hash && !known.length) return;  // a place on the page
    state = { ...defaults, ...Object.fromEntries(known) };
    for (const name of fields) if (find(name)) find(name).value = state[name];
    update({ page: state.page });
  }

  /* One pair in a window of its own, the originals where they can be had. */
  let large = 0;
  function enlarge(row, number) {
    large = number;
    find("viewer-body").replaceChildren(dedup.cards.pair(row, number, true));
    if (!find("viewer").open) find("viewer").showModal();
    dedup.marks.show();
  }

  function step(by) {
    const number = large + by;
    if (number < 1 || number > rows.length) return;
    if (Math.ceil(number / pageSize()) !== Number(state.page)) update({ page: String(Math.ceil(number / pageSize())) }, true);
    enlarge(rows[number - 1], number);
  }

  const view = (name) => { const choice = find(`view-${name}`); if (choice) choice.checked = true; };

  function move(by) {
    const all = [...list.querySelectorAll("[data-row]")];
    const here = all.indexOf(document.activeElement?.closest?.("[data-row]"));
    all[Math.min(Math.max(here + by, 0), all.length - 1)]?.focus();
    document.activeElement?.scrollIntoView({ block: "nearest" });
  }

  function tick(side) {
    const card = find("viewer")?.open ? find("viewer-body").firstChild : document.activeElement?.closest?.("[data-row]");
    card?.querySelectorAll("input[data-mark]")[side]?.click();
  }

  const keys = {
    j: () => move(1), k: () => move(-1), n: () => find("next").click(), p: () => find("previous").click(),
    s: () => view("beside"), b: () => view("blend"), d: () => view("difference"), 1: () => tick(0), 2: () => tick(1),
    "/": () => find("q").focus(), "?": () => find("help").showModal(),
    Enter: () => document.activeElement?.matches?.("[data-row]") && document.activeElement.querySelector(".enlarge")?.click(),
  };

  function press(event) {
    const typing = event.target.matches?.("input:not([type=radio], [type=checkbox]), select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !find("shortcuts").checked) return;
    const inside = find("viewer")?.open;
    if (inside && (event.key === "ArrowRight" || event.key === "ArrowLeft") && !event.target.matches("input")) {
      step(event.key === "ArrowRight" ? 1 : -1);
    } else if (keys[event.key] && !(event.key === "Enter" && event.target !== document.activeElement?.closest("[data-row]"))) {
      const other = document.querySelector("dialog[open]");
      if (other && (!inside || !"sbd12".includes(event.key))) return;
      keys[event.key]();
    } else return;
    event.preventDefault();
  }

  function start() {
    for (const dialog of document.querySelectorAll("dialog")) {
      dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
      dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    }
    for (const element of document.querySelectorAll("[data-script]")) element.hidden = false;
    for (const element of document.querySelectorAll("[data-static]")) element.remove();
    find("help-open").addEventListener("click", () => find("help").showModal());
    find("shortcuts").checked = dedup.kept("dedup-shortcuts") !== "off";
    find("shortcuts").addEventListener("change", (event) => dedup.kept("dedup-shortcuts", event.target.checked ? "on" : "off"));
    if (list) fill();
    document.documentElement.dataset.ready = "yes";
  }

  function fill() {
    total = table(kind).length;
    let waiting = 0;
    for (const name of fields) {
      find(name)?.addEventListener("input", (event) => {
        clearTimeout(waiting);
        waiting = setTimeout(() => update(typed()), event.target.tagName === "SELECT" ? 0 : 150);
      });
    }
    find("previous").addEventListener("click", () => turn(Number(state.page) - 1));
    find("next").addEventListener("click", () => turn(Number(state.page) + 1));
    find("page").addEventListener("change", (event) => turn(event.target.value));
    find("back")?.addEventListener("click", () => update({ component: "" }));
    find("blend")?.addEventListener("input", (event) => document.documentElement.style.setProperty("--blend", event.target.value / 100));
    find("mark-suggested")?.addEventListener("click", () => {
      dedup.marks.say(`${things(dedup.marks.suggest(rows), "file")} marked.`);
    });
    find("viewer-previous")?.addEventListener("click", () => step(-1));
    find("viewer-next")?.addEventListener("click", () => step(1));
    document.addEventListener("keydown", press);
    window.addEventListener("hashchange", read);
    dedup.marks.start();
    read();
    if (!list.querySelector("[data-row]") && !rows.length) update({});
  }

  document.addEventListener("DOMContentLoaded", start);
  return { enlarge };
})();
