"use strict";
/* What is shown of a file, a pair, an outlier, a component: as cards.html has it, in the browser's own words. */
dedup.cards = (() => {
  const { plain, visible } = dedup.names;

  function make(kind, attributes = {}, ...children) {
    const [tag, ...classes] = kind.split(".");
    const element = document.createElement(tag);
    if (classes.length) element.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat(Infinity).filter((child) => child || child === 0));
    return element;
  }

  /* Numbers in words; quantities.py has the same. */
  const count = (number) => number.toLocaleString("en");
  const things = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;
  const score = (parts) => (Math.floor(parts / 100) / 1e4).toFixed(4);
  const day = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 10);

  function size(bytes) {
    if (bytes < 1000) return things(bytes, "byte");
    const units = ["kB", "MB", "GB", "TB"];
    let power = 1;
    while (bytes / 1000 ** power >= 999.5 && power < units.length) power += 1;
    const amount = bytes / 1000 ** power;
    return `${amount < 10 ? amount.toFixed(1) : Math.round(amount).toLocaleString("en")} ${units[power - 1]}`;
  }

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

  function age(seconds) {
    const units = [[365 * 86400, "year"], [86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
    const [length, unit] = units.find(([enough]) => seconds >= enough);
    return things(Math.floor(seconds / length), unit);
  }

  function band(parts) {
    if (parts >= 1e6) return "identical";
    return parts >= 98e4 ? "almost identical" : parts >= 85e4 ? "very similar" : "less similar";
  }

  function* differences(a, b) {
    if (a.base === b.base) yield "same base name";
    if (a.width && a.height && b.width && b.height) {
      const [here, there] = [a.width * a.height, b.width * b.height];
      const shape = Math.abs((a.width * b.height) / (a.height * b.width) - 1) <= 0.02 ? "" : ", other aspect ratio";
      if (a.width === b.width && a.height === b.height) yield "same dimensions";
      else if (a.width === b.height && a.height === b.width) yield "width and height swapped";
      else yield (here === there ? "same number of pixels" : excess(here, there, "pixels")) + shape;
    }
    if (a.size && b.size) yield a.size === b.size ? "same file size" : excess(a.size, b.size, "bytes");
    if (!a.kind && !b.kind && a.modified !== null && b.modified !== null) {
      const gap = Math.abs(a.modified - b.modified);
      yield gap <= 2 ? "same date" : `${a.modified > b.modified ? "A" : "B"} is ${age(gap)} newer`;
    }
  }

  function name(file) {
    const cut = file.folder && file.base;
    const base = cut ? file.base : file.folder + file.base;
    return make("span.name", {},
      make("span.folder", { dir: "ltr" }, visible(cut ? file.folder : "", true)),
      make("span.base", { dir: "ltr" }, visible(base)));
  }

  const label = (file) => {
    const text = plain(file.base || file.folder);
    return text.length <= 80 ? text : `${text.slice(0, 79)}…`;
  };

  /* The thumbnail; where there is none the original itself, if the page was opened from a disk as well. */
  function picture(file, role = "", large = false) {
    const missing = make("span.missing", {}, make("span.missing-word", {}, "No picture"), " ",
      make("span.problem", {}, visible(file.problem ?? "There is no thumbnail of this one.")));
    const local = location.protocol === "file:" && !file.kind && file.link && !/^https?:/i.test(file.link);
    const source = large && local ? file.link : file.thumbnail ?? (local && !file.problem ? file.link : null);
    if (!source) return missing;
    const image = make("img", { src: source, alt: role + label(file), loading: "lazy", decoding: "async" });
    image.addEventListener("error", () => {
      if (file.thumbnail && image.getAttribute("src") !== file.thumbnail) image.src = file.thumbnail;
      else image.replaceWith(missing);
    });
    return image;
  }

  function facts(file) {
    const exact = file.modified === null ? "" : `${new Date(file.modified * 1000).toISOString().slice(0, 19)}+00:00`;
    const owner = file.kind && `${file.kind} of `;
    return make("ul.facts", {},
      file.width && file.height && make("li", {}, `${file.width} × ${file.height}`),
      file.size !== null && make("li", {}, make("span", { title: things(file.size, "byte") }, size(file.size))),
      file.modified !== null && make("li", {}, owner, make("time", { datetime: exact, title: exact.replace("T", " ") }, day(file.modified))),
    );
  }

  const actions = (file) => make("div.actions", {},
    file.link && make("a", { href: file.link, rel: "noopener noreferrer" },
      file.kind ? `Open ${file.kind}` : "Open", make("span.spoken", {}, ` original of ${label(file)}`)),
    make("button.plain", { type: "button", onclick: () => dedup.marks.copy(file) },
      "Copy path", make("span.spoken", {}, ` of ${label(file)}`)),
    mark(file));

  function mark(file) {
    if (file.kind) return null;  // a part of a file cannot be removed by itself
    const box = make("input", { type: "checkbox", "data-mark": file.number });
    box.checked = dedup.marks.has(file.number);
    box.addEventListener("change", () => dedup.marks.set([file.number], box.checked));
    return make("label.remove", {}, box, "Remove", make("span.spoken", {}, ` ${label(file)}`));
  }

  const advice = (reason) => make("p.advice", {}, make("strong", {}, "Keep"), ` ${dedup.facts.reasons[reason]}`);
  const caption = (file, letter, kept, reason) => make("div.caption", {}, letter && make("span.letter", {}, letter),
    make("div", {}, name(file), facts(file), kept && advice(reason), actions(file)));

  function head(kind, number, level, ...words) {
    const id = `${kind.toLowerCase()}-${number}`;
    return make(`h${level}.card-head`, {}, words,
      make("a.anchor", { href: `#${id}` }, make("span.spoken", {}, `${kind} `), String(number)));
  }

  function gauge(parts) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    for (const [key, value] of Object.entries({ class: "gauge", viewBox: "0 0 100 8", "aria-hidden": "true", preserveAspectRatio: "none" })) {
      svg.setAttribute(key, value);
    }
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    bar.setAttribute("width", Math.min(Math.max(parts / 1e4, 0), 100).toFixed(2));
    bar.setAttribute("height", "8");
    svg.append(bar);
    return svg;
  }

  const scored = (parts) => [make("span.score", { title: (parts / 1e6).toFixed(6) },
    make("span.spoken", {}, "Similarity "), score(parts)), gauge(parts)];

  function pair(row, number, large = false) {
    const get = (column) => dedup.data.value("pairs", column, row);
    const [a, b] = [dedup.data.file(get("a")), dedup.data.file(get("b"))];
    const side = dedup.facts.suggest ? get("kept") >> 3 : -1;
    const reason = get("kept") & 7;
    const phrases = [...differences(a, b)];
    const open = (file, role) => large ? make("div.view", {}, picture(file, role, true))
      : make("div.view", {}, make("button.enlarge", { type: "button", onclick: () => dedup.lists.enlarge(row, number) }, picture(file, role)));
    const card = make("article.card.pair", { id: large ? null : `pair-${number}`, tabindex: "-1", "data-row": row },
      head("Pair", number, 2, scored(get("similarity")), make("span.band", {}, band(get("similarity")))),
      make("div.views", {}, open(a, "A: "), open(b, "B: ")),
      make("div.captions", {}, caption(a, "A", side === 0, reason), caption(b, "B", side === 1, reason)),
      phrases.length > 0 && make("ul.differences", { "aria-label": "Comparison" },
        phrases.map((phrase) => make(phrase.startsWith("same ") ? "li.same" : "li", {}, phrase))));
    card.classList.toggle("incomplete", card.querySelectorAll("img").length < 2);
    return card;
  }

  function outlier(row, number) {
    const get = (column) => dedup.data.value("outliers", column, row);
    const [alone, nearest] = [dedup.data.file(get("a")), dedup.data.file(get("b"))];
    return make("article.card.outlier", { id: `outlier-${number}`, tabindex: "-1", "data-row": row },
      head("Outlier", number, 2, scored(get("similarity")), make("span.band", {}, "best match")),
      make("div.view", {}, picture(alone)), caption(alone, ""),
      make("div.nearest", {}, make("div.view", {}, picture(nearest, "Nearest neighbour: ")),
        make("div", {}, make("span.nearest-word", {}, "Nearest neighbour"), name(nearest))));
  }

  function component(row, members, all, open) {
    const get = (column) => dedup.data.value("components", column, row);
    const [id, low, high] = [get("component_id"), get("min"), get("max")];
    const others = members.filter((number) => number !== get("keep") && !dedup.data.file(number).kind);
    return make("article.card.component", { id: `component-${id}`, tabindex: "-1", "data-row": row },
      head("Component", id, 2, make("span.score", {}, things(get("count"), "image")),
        low !== null && make("span.band", {}, `similarity ${score(low)} to ${score(high)}, mean ${score(get("mean"))}`)),
      make("ul.members", {}, all.map((number) => {
        const file = dedup.data.file(number);
        return make("li", {}, make("div.view", {}, picture(file)), name(file), facts(file),
          number === get("keep") && advice(get("reason")), actions(file));
      })),
      make("div.more", {},
        !open && get("count") > all.length && make("a.button", { href: `#component=${id}` }, `Browse all ${things(get("count"), "image")}`),
        make("button.plain", { type: "button", onclick: () => dedup.marks.set(others, true) }, "Mark all but the one to keep"),
        get("freed") > 0 && make("span.soft", {}, `frees ${size(get("freed"))}`)));
  }

  function bad(row) {
    const get = (column) => dedup.data.value("bad", column, row);
    const bytes = get("size");
    const code = dedup.data.value("codes", "code", get("code"));
    return make("tr", {}, make("td", {}, name({ folder: get("folder"), base: get("base") })),
      make("td.numeric", {}, bytes === null ? make("span", { title: "unknown" }, "–") : make("span", { title: things(bytes, "byte") }, size(bytes))),
      make("td.code-name", {}, code.replace(/^ERROR_/, "")), make("td.reason", {}, visible(get("reason") ?? "")));
  }

  return { make, count, things, size, pair, outlier, component, bad };
})();
