// @ts-check
"use strict";
/* One pair at a time, and what a person decides about it. The server keeps the decisions. */
{
  /** @typedef {{ name: string, width: number | null, height: number | null, size_bytes: number | null,
      sets: string }} Side */
  /** @typedef {{ id: string, relation: string }} Verdict */
  /** @typedef {{ number: number, similarity: number | null, relation: string, kind: string, group: string | null, reason: string,
      frames: string | null, decidable: boolean, verdict: Verdict | null, a: Side, b: Side }} Pair */

  const perPage = 20;
  /** @type {Record<string, string>} */
  const names = {
    leaks: "leaks to review",
    copies: "copies with an edit, or by a verdict",
    pixels: "the same pixels in another file",
    review: "copies to review",
    unverified: "not decided by pixels",
    variants: "variants",
    crossing: "variants across sets",
    frames: "frames of videos",
  };
  const ofSets = ["leaks", "crossing"];
  const flickerMs = 600;
  const stillLoading = "The pictures of this pair are still loading; decide once they are here.";
  const stillOpen = " It is about one image: S, D or V decides whether the two are one picture.";
  const missed = "A decision that was pressed before this pair was shown does not count.";
  const otherResults = "A run has made other results since; their pairs are shown.";
  const decidedElsewhere = "This was decided elsewhere since; what counts is shown.";

  /** @type {Map<number, Pair>} */
  const pairs = new Map();
  /** The verdicts of this visit, the last one last: where each was given. @type {(Verdict & { show: string, place: number })[]} */
  const given = [];
  let show = "copies";
  let place = 0;
  let total = 0;
  let decided = 0;
  let generation = "";
  /** The file of verdicts as of the last answer: its digest. */
  let decisions = "";
  let timer = 0;
  /** The pair whose fold of frames is open, and its place in the list of folds. @type {{ number: number, place: number } | null} */
  let open = null;

  /** @template {Element} T @param {string} selector @param {{ new (): T }} kind @param {ParentNode} inside */
  function need(selector, kind, inside = document) {
    const found = inside.querySelector(selector);
    if (!(found instanceof kind)) throw new Error(`no ${selector}`);
    return found;
  }
  const said = need("#said", HTMLElement);
  const article = need("#pair", HTMLElement);
  const views = need("#views", HTMLElement);

  /** @param {string} text @param {boolean} isBad */
  function say(text, isBad = false) {
    said.textContent = text;
    said.classList.toggle("bad", isBad);
  }

  /** This page shows what does not count any more. */
  class StaleError extends Error {}

  /** @param {string} path @param {object} [body] @returns {Promise<any>} */
  async function ask(path, body) {
    const sent = body && {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    };
    const answer = await fetch(path, sent).catch(() => {
      throw new Error(
        "the server does not answer; start dedup-assets review again and open the address that it prints",
      );
    });
    const found = await answer.json();
    if (answer.status === 409) throw new StaleError(found.problem);
    if (!answer.ok) throw new Error(found.problem ?? answer.statusText);
    return found;
  }

  /** @param {() => Promise<void>} act @returns {Promise<void>} */
  async function trying(act) {
    try {
      await act();
    } catch (problem) {
      if (problem instanceof StaleError) await trying(refresh);
      say(problem instanceof Error ? problem.message : String(problem), true);
    }
  }

  let isBusy = true;
  /** What was pressed last while the page was busy, and only looks: it is done then. @type {(() => Promise<void>) | null} */
  let waiting = null;
  /** Whether something was pressed meanwhile that decides: nobody had seen the pair that comes then. */
  let isMissed = false;

  /** @param {() => Promise<void>} act @param {boolean} looks whether it decides nothing */
  function pressed(act, looks = false) {
    if (isBusy) {
      if (looks) waiting = act;
      else isMissed = true;
      return;
    }
    be(true);
    trying(act).finally(free);
  }

  function free() {
    be(false);
    if (isMissed) say(`${said.textContent} ${missed}`.trim(), said.classList.contains("bad"));
    isMissed = false;
    const next = waiting;
    waiting = null;
    if (next) pressed(next, true);
  }

  /** Whether both pictures of the pair are there, or cannot be shown. */
  let isSeen = true;

  /** @param {boolean} busy */
  function be(busy) {
    isBusy = busy;
    tellState();
  }

  function tellState() {
    article.setAttribute("aria-busy", String(isBusy || !isSeen));
    views.classList.toggle("loading", !isSeen);
  }

  /** Notes when the pictures of a pair are there; a decision before that is about none. @param {Pair} pair */
  function watch(pair) {
    isSeen = false;
    tellState();
    const images = [...views.querySelectorAll("img")];
    Promise.allSettled(images.map((image) => image.decode())).then(() => {
      if (pairs.get(place) !== pair) return;
      isSeen = true;
      if (said.textContent === stillLoading) say("The pictures are here: decide now.");
      tellState();
    });
  }

  /** @param {number} bytes */
  function size(bytes) {
    const units = ["bytes", "kB", "MB", "GB"];
    let unit = 0;
    for (; bytes >= 1000 && unit < units.length - 1; unit += 1) bytes /= 1000;
    return `${bytes < 10 && unit ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
  }

  async function status() {
    const found = await ask("v1/status");
    const choice = need("#show", HTMLSelectElement);
    generation = found.generation;
    decisions = found.decisions;
    choice.replaceChildren(
      ...Object.entries(names)
        .filter(([key]) => found.has_sets || !ofSets.includes(key))
        .filter(([key]) => key !== "frames" || key === show || found.shows[key].pairs > 0)
        .map(([key, words]) => {
          const { pairs: all, decided: done } = found.shows[key];
          const said = key === "frames" ? `${all}, to look at` : `${done} of ${all} decided`;
          return new Option(`${words}: ${said}`, key, key === show, key === show);
        }),
    );
    decided = found.shows[show].decided;
    if (!open) total = found.shows[show].pairs;
    const bar = need("#progress", HTMLProgressElement);
    bar.max = Math.max(total, 1);
    bar.value = decided;
    bar.hidden = show === "frames";
    need("#count", HTMLElement).textContent = show === "frames" ? "" : `${decided} of ${total} decided`;
    return found;
  }

  /** @param {number} at */
  async function load(at) {
    if (at < 0 || at >= total || pairs.has(at)) return;
    const start = at - (at % perPage);
    const fold = open ? `&fold=${open.number}` : "";
    const found = await ask(`v1/pairs?show=${show}&start=${start}&count=${perPage}${fold}`);
    if (found.generation !== generation) throw new StaleError(otherResults);
    total = found.total;
    for (const [index, pair] of found.pairs.entries()) pairs.set(start + index, pair);
  }

  /** Shows what counts, at the same place unless a run has made other pairs. */
  async function refresh() {
    const before = generation;
    pairs.clear();
    const found = await status();
    if (generation !== before) {
      open = null;
      total = found.shows[show].pairs;
      begin(found.shows[show].next);
    }
    await display();
  }

  /** Notices what was decided elsewhere, or a run that ended, while the person looked at another tab. */
  async function notice() {
    const before = [generation, decisions];
    await status();
    if (generation !== before[0]) {
      generation = before[0];
      throw new StaleError(otherResults);
    }
    if (decisions !== before[1]) throw new StaleError(decidedElsewhere);
  }

  /** @param {Pair} pair @param {"a" | "b"} side */
  function picture(pair, side) {
    return `v1/pictures/${pair.number}/${side}/large?generation=${encodeURIComponent(generation)}`;
  }

  /** @param {Pair} pair @param {"a" | "b"} side */
  function fill(pair, side) {
    const figure = need(`figure[data-side="${side}"]`, HTMLElement);
    const { name, width, height, size_bytes, sets } = pair[side];
    const image = need("img", HTMLImageElement, figure);
    image.src = picture(pair, side);
    const which = side === "b" ? "Other" : pair.reason ? "Kept" : "One";
    const role = sets ? `${which}, in ${sets}` : which;
    need(".role", HTMLElement, figure).textContent = role;
    image.alt = `${role}: ${name}`;
    need(".name", HTMLElement, figure).textContent = name;
    const pixels = width && height ? `${width} × ${height}` : "";
    need(".facts", HTMLElement, figure).textContent = [pixels, size_bytes === null ? "" : size(size_bytes)]
      .filter(Boolean)
      .join(", ");
  }

  async function display() {
    await load(place);
    const pair = pairs.get(place);
    article.hidden = !pair;
    need("#empty", HTMLElement).hidden = Boolean(pair);
    if (!pair) return;
    fill(pair, "a");
    fill(pair, "b");
    watch(pair);
    need("figure .reason", HTMLElement).textContent = pair.reason ? `(kept: ${pair.reason})` : "";
    need("#about", HTMLElement).textContent = [
      `Pair ${place + 1} of ${total}`,
      `${pair.relation}${pair.kind ? `: ${pair.kind}` : ""}`,
      pair.similarity === null
        ? "not compared with each other"
        : `similarity ${Math.floor(pair.similarity * 10000) / 10000}`,
      pair.group ? `group ${pair.group}` : "in no group",
    ].join(" · ");
    fillFrames(pair);
    for (const button of document.querySelectorAll("[data-relation]")) {
      if (button instanceof HTMLButtonElement) button.disabled = !pair.decidable;
      const isGiven = button instanceof HTMLElement && button.dataset.relation === pair.verdict?.relation;
      button.setAttribute("aria-pressed", String(isGiven));
    }
    need("#back", HTMLButtonElement).disabled = place === 0;
    need("#next", HTMLButtonElement).disabled = place >= total - 1;
    await load(place + 1);
    const after = pairs.get(place + 1);
    if (after) for (const side of /** @type {const} */ (["a", "b"])) new Image().src = picture(after, side);
  }

  /** @param {Pair} pair */
  function fillFrames(pair) {
    need("#frames", HTMLElement).hidden = pair.decidable;
    if (pair.decidable) return;
    const each = need("#each", HTMLButtonElement);
    const shown = pair.frames && !open ? `${pair.frames}. ` : "";
    need("#frames-said", HTMLElement).textContent =
      `${shown}A frame cannot be decided about, because verdicts are about files.`;
    each.hidden = !open && !pair.frames;
    need("span", HTMLElement, each).textContent = open ? "Show one pair for all" : "Show each pair";
  }

  /** Opens the fold of the pair that is shown, or closes it. */
  async function toggleFold() {
    const pair = pairs.get(place);
    if (!open && !pair?.frames) return;
    const before = open;
    open = before || !pair ? null : { number: pair.number, place };
    place = before ? before.place : 0;
    total = Math.max(place + 1, 1);
    pairs.clear();
    await display();
  }

  /** @param {number} next the first pair that is not decided */
  function begin(next) {
    place = Math.min(next, Math.max(total - 1, 0));
  }

  /** @param {number} by */
  async function move(by) {
    zoom(null);
    place = Math.min(Math.max(place + by, 0), Math.max(total - 1, 0));
    await display();
  }

  /** @param {string} relation */
  async function decide(relation) {
    const pair = pairs.get(place);
    if (!pair) return;
    if (!isSeen) {
      say(stillLoading);
      return;
    }
    if (!pair.decidable) {
      say("A frame of a video cannot be decided about, because verdicts are about files.", true);
      return;
    }
    const seen = pair.verdict?.id ?? null;
    const added = await ask("v1/verdicts", { number: pair.number, relation, generation, seen });
    if (added.is_new) given.push({ id: added.id, relation: added.relation, show, place });
    pairs.clear(); // a decision about one image is one about all its pairs
    await status();
    const what = added.is_decided ? "" : stillOpen;
    say(`Pair ${place + 1}: ${relation}${added.is_new ? ". U takes it back." : ", as decided already."}${what}`);
    await move(added.is_decided && place < total - 1 ? 1 : 0);
  }

  async function undo() {
    const shown = pairs.get(place)?.verdict;
    const last = shown ?? given.at(-1);
    if (!last) {
      say("There is nothing to undo.");
      return;
    }
    const { id, relation } = last;
    const taken = given.find((each) => each.id === id);
    const forget = () => taken && given.splice(given.indexOf(taken), 1);
    await ask("v1/revocations", { id }).catch((problem) => {
      if (problem instanceof StaleError) forget();
      throw problem;
    });
    forget();
    if (taken?.show === show && !open) place = taken.place;
    await refresh();
    const isElsewhere = !shown && taken && taken.show !== show;
    const where = isElsewhere ? `${taken.place + 1} of ${names[taken.show]}` : place + 1;
    say(`Pair ${where}: ${relation} taken back.`);
  }

  /** @param {PointerEvent | MouseEvent | null} event */
  function zoom(event) {
    const isZoomed = event !== null && !views.classList.contains("zoomed");
    views.classList.toggle("zoomed", isZoomed);
    if (event && isZoomed) pan(event);
  }

  /** @param {MouseEvent} event */
  function pan(event) {
    const box = event.target instanceof Element ? event.target.closest(".picture")?.getBoundingClientRect() : null;
    if (!box) return;
    const x = event.clientX ? ((event.clientX - box.left) / box.width) * 100 : 50;
    const y = event.clientY ? ((event.clientY - box.top) / box.height) * 100 : 50;
    for (const image of views.querySelectorAll("img")) image.style.transformOrigin = `${x}% ${y}%`;
  }

  function flicker() {
    const isOn = !timer;
    const figures = [...views.querySelectorAll("figure")];
    clearInterval(timer);
    timer = 0;
    views.classList.toggle("flickering", isOn);
    need("#flicker", HTMLElement).setAttribute("aria-pressed", String(isOn));
    /** @param {boolean} isSecond */
    const turn = (isSecond) => {
      figures[0].classList.toggle("behind", isSecond);
      figures[1].classList.toggle("behind", isOn && !isSecond);
    };
    turn(false);
    if (isOn) timer = setInterval(() => turn(!figures[0].classList.contains("behind")), flickerMs);
  }

  /** @param {boolean} write */
  async function plan(write) {
    const table = need("#plan-table", HTMLElement);
    const told = need("#plan-said", HTMLElement);
    const writes = need("#plan-write", HTMLButtonElement);
    told.textContent = "";
    writes.disabled = true;
    try {
      const found = await ask("v1/plan", { only: need("#only", HTMLSelectElement).value, write });
      table.textContent = found.table;
      writes.disabled = false;
      if (found.path)
        told.textContent = `Written: ${found.path}. Nothing has changed yet; read it, then dedup-assets apply.`;
    } catch (problem) {
      table.textContent = "";
      told.textContent = problem instanceof Error ? problem.message : String(problem);
    }
    table.hidden = !table.textContent;
  }

  /** @type {Record<string, () => Promise<void>>} */
  const keys = {
    s: () => decide("same"),
    d: () => decide("different"),
    v: () => decide("variant"),
    k: () => decide("keep"),
    p: () => decide("protect"),
    u: undo,
    n: () => move(1),
    b: () => move(-1),
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    f: async () => flicker(),
    z: async () => {
      views.classList.toggle("zoomed");
    },
    e: toggleFold,
    "?": async () => need("#help", HTMLDialogElement).showModal(),
  };

  const deciding = new Set(["s", "d", "v", "k", "p", "u"].map((key) => keys[key]));

  document.addEventListener("keydown", (event) => {
    const isOfList = event.target instanceof HTMLSelectElement && event.key.startsWith("Arrow");
    const isElsewhere = isOfList || document.querySelector("dialog[open]");
    const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act || isElsewhere || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat || event.key.startsWith("Arrow")) pressed(act, !deciding.has(act));
  });
  for (const button of document.querySelectorAll("[data-relation]")) {
    button.addEventListener("click", () => {
      if (button instanceof HTMLElement && button.dataset.relation) {
        const relation = button.dataset.relation;
        pressed(() => decide(relation));
      }
    });
  }
  for (const [id, key] of [
    ["undo", "u"],
    ["next", "n"],
    ["back", "b"],
    ["flicker", "f"],
    ["each", "e"],
    ["help-open", "?"],
  ]) {
    need(`#${id}`, HTMLElement).addEventListener("click", () => pressed(keys[key], !deciding.has(keys[key])));
  }
  for (const button of document.querySelectorAll(".picture")) {
    button.addEventListener("click", (event) => event instanceof MouseEvent && zoom(event));
  }
  views.addEventListener("pointermove", (event) => views.classList.contains("zoomed") && pan(event));
  need("#show", HTMLSelectElement).addEventListener("change", ({ target }) => {
    if (!(target instanceof HTMLSelectElement)) return;
    const chosen = target.value;
    pressed(async () => {
      show = chosen;
      pairs.clear();
      open = null;
      say(""); // it is about a pair of the other list
      begin((await status()).shows[show].next);
      await display();
    }, true);
  });
  need("#plan-open", HTMLElement).addEventListener("click", () => {
    need("#plan", HTMLDialogElement).showModal();
    trying(() => plan(false));
  });
  need("#only", HTMLSelectElement).addEventListener("change", () => trying(() => plan(false)));
  need("#plan-write", HTMLElement).addEventListener("click", () => trying(() => plan(true)));
  for (const image of views.querySelectorAll("img")) {
    image.addEventListener("error", () => {
      trying(async () => {
        const answer = await fetch(image.src);
        if (answer.ok) return;
        const { problem } = await answer.json();
        throw answer.status === 409 ? new StaleError(problem) : new Error(`${image.alt}: ${problem}`);
      });
    });
  }
  document.addEventListener("visibilitychange", () => document.hidden || pressed(notice, true));
  trying(async () => {
    const { shows } = await status();
    if (shows.leaks.decided < shows.leaks.pairs) {
      show = "leaks";
      await status();
    } else if (!total) {
      show = Object.keys(names).find((key) => shows[key].pairs) ?? show;
      await status();
    }
    begin(shows[show].next);
    await display();
    free();
    document.documentElement.dataset.ready = "";
  });
}
