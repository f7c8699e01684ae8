// @ts-check
"use strict";
/* Cards of pairs, outliers, components, groups and bad images: the card in the page's <template> is cloned and filled. */
const cards = (() => {
  const { part } = page;
  const { clone, fillName, fillPicture, fillSize, fillFile } = parts;

  /**
   * @param {HTMLElement} card
   * @param {string} kind
   * @param {number} row
   * @param {number | string} name of the entry
   * @param {number} [number] its place in the list, from 1
   */
  function fillHead(card, kind, row, name, number = 0) {
    card.id = `${kind}-${name}`;
    card.tabIndex = -1;
    card.dataset.row = String(row);
    card.dataset.number = String(number);
    const anchor = part(card, ".anchor");
    anchor.setAttribute("href", `#${card.id}`);
    anchor.replaceChildren(part(anchor, ".spoken"), String(name));
  }

  /** The side of a pair that is to keep; -1 or null if there is none. @param {number} row */
  function sideToKeep(row) {
    if (!results.facts.grouped) return results.value("pairs", "side", row);
    const files = ["a", "b"].map((side) => results.value("pairs", side, row));
    const [keep, other] = files.map((file) => results.value("files", "kept", file));
    return keep !== null && keep === other ? files.indexOf(keep) : -1;
  }

  /**
   * Why the kept file goes before a copy; of a kept file, why it goes before its closest rival.
   * @param {number} file
   * @returns {string | null} null if the kept file cannot be read, and for a file in no group
   */
  function reasonOf(file) {
    const reason = results.value("files", "reason", file);
    return reason === null ? null : results.value("reasons", "words", reason);
  }

  /** Why a file is to keep, where there are no groups. @param {number | null} reason @returns {string | null} */
  const reasonAlone = (reason) => (reason === null ? null : results.facts.reasons[reason]);

  /** Fills what the evidence says, or removes it. @param {ParentNode} root @param {string} kind @param {number} row */
  function fillFinding(root, kind, row) {
    const [relation, details] = [root.querySelector(".relation"), root.querySelector(".details")];
    if (!(relation instanceof HTMLElement && details instanceof HTMLElement)) return;
    const number = results.value(kind, "relation", row);
    if (number === null) {
      relation.remove();
      details.remove();
      return;
    }
    [relation.dataset.relation, relation.textContent] = results.facts.relations[number];
    details.textContent = results.value(kind, "details", row);
  }

  /** @param {HTMLElement} card @param {number} millionths */
  function fillScore(card, millionths) {
    const score = part(card, ".score");
    score.title = words.exactScore(millionths);
    score.replaceChildren(part(score, ".spoken"), words.score(millionths));
    const percent = Math.min(Math.max((100 * millionths) / words.million, 0), 100);
    card.querySelector(".gauge rect")?.setAttribute("width", percent.toFixed(2));
  }

  /** @param {ParentNode} card @param {string[]} phrases */
  function fillDifferences(card, phrases) {
    const list = part(card, ".differences");
    const item = part(list, "li");
    const items = phrases.map((phrase) => {
      const filled = /** @type {HTMLElement} */ (item.cloneNode());
      filled.classList.toggle("same", phrase.startsWith("same "));
      filled.textContent = phrase;
      return filled;
    });
    if (items.length) list.replaceChildren(...items);
    else list.remove();
  }

  /**
   * Fills the card of two files.
   * @param {HTMLElement} card
   * @param {string} kind of the table that has the row
   * @param {number} row
   * @param {ShownFile[]} files
   * @param {(string | null)[]} reasons to keep each
   * @param {boolean} [large] whether to prefer the originals
   */
  function fillPair(card, kind, row, files, reasons, large) {
    const similarity = results.value(kind, "similarity", row);
    const [views, captions] = [".view", ".caption"].map((selector) => card.querySelectorAll(selector));
    files.forEach((file, side) => {
      fillPicture(views[side], file, large);
      fillFile(captions[side], file, reasons[side], side ? files[0] : undefined);
    });
    fillFinding(card, kind, row);
    fillScore(card, similarity);
    part(card, ".band").textContent = words.band(similarity);
    fillDifferences(card, words.differences(files[0], files[1]));
    aligned.fill(card, kind, row, files, large);
    card.classList.toggle("incomplete", card.querySelectorAll("img").length < 2);
    if (large) {
      card.removeAttribute("id");
      for (const button of card.querySelectorAll(".enlarge")) button.replaceWith(...button.childNodes);
    }
    return card;
  }

  /** @param {HTMLElement} card @param {number} row */
  function fillFold(card, row) {
    const fold = part(card, ".fold");
    const pairs = results.folded(row);
    if (pairs < 2 || listing.isUnfolded()) fold.remove();
    else {
      part(fold, ".count").textContent = words.things(pairs, "pair");
      part(fold, ".unfold").setAttribute("href", `#fold=${results.value("pairs", "fold", row)}`);
    }
  }

  /** @param {number} row @param {number} number its place in the list, from 1 @param {boolean} [large] */
  function pair(row, number, large) {
    const card = clone();
    const files = ["a", "b"].map((side) => results.file(results.value("pairs", side, row)));
    const reason = results.value("pairs", "reason", row);
    const keep = sideToKeep(row);
    const reasons = files.map((_, side) => {
      if (keep !== side) return null;
      return results.facts.grouped ? reasonOf(files[1 - side].number) : reasonAlone(reason);
    });
    fillHead(card, "pair", row, number, number);
    fillFold(card, row);
    return fillPair(card, "pairs", row, files, reasons, large);
  }

  /** A copy beside the kept image, large. @param {number} row of the group @param {number} copy its row */
  function comparison(row, copy) {
    const card = clone("pair");
    const files = [results.value("groups", "keep", row), results.value("copies", "file", copy)].map(results.file);
    fillHead(card, "pair", row, results.copies(row).indexOf(copy) + 1);
    part(card, ".fold").remove();
    return fillPair(card, "copies", copy, files, [reasonOf(files[1].number), null], true);
  }

  /** @param {number} row @param {number} number its place in the list, from 1 */
  function outlier(row, number) {
    const card = clone();
    const [alone, nearest] = ["a", "b"].map((side) => results.file(results.value("outliers", side, row)));
    const view = part(card, ".nearest");
    fillHead(card, "outlier", row, number, number);
    fillScore(card, results.value("outliers", "similarity", row));
    fillPicture(card, alone);
    fillFile(part(card, ".caption"), alone);
    fillPicture(view, nearest);
    fillName(view, nearest);
    return card;
  }

  /**
   * Says which frames of a video one stands for, or removes that.
   * @param {HTMLElement} item
   * @param {string} kind of the table that has the row
   * @param {number} row
   * @param {ShownFile} file
   * @param {string | null} address that shows each; null if each is shown
   */
  function fillFrames(item, kind, row, file, address) {
    const frames = part(item, ".frames");
    const said = results.value(kind, "frames", row);
    if (!said || !address) {
      frames.remove();
      return;
    }
    part(frames, ".said").textContent = said;
    const each = part(frames, ".unfold");
    each.setAttribute("href", address);
    part(each, ".spoken").append(names.label(file));
  }

  /** @param {number} row @param {number[]} shown rows of members @param {boolean} isOpen whether the page shows only this one */
  function component(row, shown, isOpen) {
    /** @param {string} name */
    const get = (name) => results.value("components", name, row);
    const card = clone();
    const images = words.things(get("count"), "image");
    const address = `#component=${get("component_id")}`;
    fillHead(card, "component", row, get("component_id"));
    part(card, ".score").textContent = images;
    if (get("min") === null) part(card, ".band").remove();
    else
      for (const [name, column] of [
        ["low", "min"],
        ["high", "max"],
        ["mean", "mean"],
      ]) {
        part(card, `.${name}`).textContent = words.score(get(column));
      }
    const list = part(card, ".members");
    const blank = part(list, "li");
    list.replaceChildren(
      ...shown.map((one) => {
        const number = results.value("members", "file", one);
        const member = /** @type {HTMLElement} */ (blank.cloneNode(true));
        const file = results.file(number);
        fillPicture(member, file);
        fillFile(member, file, reasonIn(row, number));
        fillFrames(member, "members", one, file, isOpen ? null : address);
        return member;
      }),
    );
    fillChain(card, get("count"), get("groups"), get("alone"));
    fillMore(card, row, isOpen || get("count") <= shown.length ? null : address, images, get("freed"));
    return card;
  }

  /** Why a member of a component is to keep; null if it is not. @param {number} row @param {number} file */
  function reasonIn(row, file) {
    if (results.facts.grouped) return results.value("files", "kept", file) === file ? reasonOf(file) : null;
    const isKept = results.value("components", "keep", row) === file;
    return isKept ? reasonAlone(results.value("components", "reason", row)) : null;
  }

  /** @param {HTMLElement} card @param {number} count @param {number | null} groups @param {number} alone images */
  function fillChain(card, count, groups, alone) {
    const chain = card.querySelector(".chain");
    if (groups !== null && groups + alone > 1) part(card, ".chain").textContent = words.chain(count, groups, alone);
    else chain?.remove();
  }

  /**
   * What can be done with all files of a component or group.
   * @param {HTMLElement} card
   * @param {number} row
   * @param {string | null} address that opens it; null if all is shown
   * @param {string} all how many files it has
   * @param {number} freed bytes
   */
  function fillMore(card, row, address, all, freed) {
    const browse = part(card, ".browse");
    part(browse, ".count").textContent = all;
    if (address) browse.setAttribute("href", address);
    else browse.remove();
    if (!marks.others(row).length) part(card, ".mark-others").remove();
    part(card, ".bytes").textContent = words.size(freed);
    if (!freed) part(card, ".freed").remove();
    if (!part(card, ".more").childElementCount) part(card, ".more").remove();
  }

  /**
   * Fills a list with images that were compared with the kept one.
   * @param {HTMLElement} list
   * @param {string} kind
   * @param {number[]} shown rows of the table of this kind
   * @param {(item: HTMLElement, file: ShownFile, row: number) => void} fillRest
   */
  function fillMatches(list, kind, shown, fillRest) {
    const blank = part(list, "li");
    const items = shown.map((row) => {
      const item = /** @type {HTMLElement} */ (blank.cloneNode(true));
      const file = results.file(results.value(kind, "file", row));
      const similarity = results.value(kind, "similarity", row);
      const score = part(item, ".similarity");
      score.title = words.exactScore(similarity);
      score.replaceChildren(part(score, ".spoken"), words.score(similarity));
      fillPicture(item, file);
      fillFinding(item, kind, row);
      fillRest(item, file, row);
      return item;
    });
    list.replaceChildren(...items);
  }

  /** @param {number} row @param {number[]} shown rows of copies @param {boolean} isOpen whether the page shows only this one */
  function group(row, shown, isOpen) {
    /** @param {string} name */
    const get = (name) => results.value("groups", name, row);
    const card = clone();
    fillHead(card, "group", row, get("group_id"));
    part(card, ".score").textContent = words.things(get("copies") + 1, "image");
    part(card, ".taken").before(get("copies") === 1 ? "the copy takes " : "copies that may go take ");
    part(card, ".taken").textContent = words.size(get("bytes"));
    if (!get("bytes")) part(card, ".band").remove();
    const kept = part(card, ".kept");
    const address = `#group=${get("group_id")}`;
    const [file, reason] = [results.file(get("keep")), reasonOf(get("keep"))];
    fillPicture(kept, file);
    fillFile(kept, file, reason);
    if (reason !== null) part(kept, ".lost").remove();
    fillMatches(part(card, ".copies"), "copies", shown, (item, copy, one) => {
      fillFile(item, copy, null, file);
      fillInstead(item, copy.number);
      fillFrames(item, "copies", one, copy, isOpen ? null : address);
      part(item, ".enlarge").dataset.copy = String(one);
    });
    fillRelated(card, row);
    const browse = isOpen || get("copies") <= shown.length ? null : address;
    fillMore(card, row, browse, `${words.count(get("copies"))} copies`, get("freed"));
    return card;
  }

  /** Says why the kept image goes before a copy, or removes that. @param {HTMLElement} item @param {number} file */
  function fillInstead(item, file) {
    const reason = reasonOf(file);
    if (reason === null) part(item, ".instead").remove();
    else part(item, ".instead .why").textContent = reason;
  }

  /** @param {HTMLElement} card @param {number} row */
  function fillRelated(card, row) {
    const all = results.related(row);
    const section = part(card, ".related");
    if (!all.length) {
      section.remove();
      return;
    }
    part(section, ".nearby").textContent = words.things(all.length, "related image");
    fillMatches(part(section, ".members"), "related", all.slice(0, results.facts.related), (item, file, one) => {
      const other = results.value("related", "other", one);
      fillName(item, file);
      if (other === null) part(item, ".other").remove();
      else part(item, ".other a").setAttribute("href", `#group-${results.value("groups", "group_id", other)}`);
    });
  }

  /** @param {number} row */
  function bad(row) {
    /** @param {string} name */
    const get = (name) => results.value("bad", name, row);
    const card = clone();
    fillName(card, { folder: get("folder"), base: get("base") });
    const size = part(card, ".numeric > span");
    if (get("size") !== null) fillSize(size, get("size"));
    else [size.title, size.textContent] = ["unknown", "–"];
    part(card, ".code-name").textContent = results.value("codes", "code", get("code")).replace(/^ERROR_/, "");
    part(card, ".reason").replaceChildren(...names.visible(get("reason") ?? ""));
    return card;
  }

  return { pair, comparison, outlier, component, group, bad };
})();
