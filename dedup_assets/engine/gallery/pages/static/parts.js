// @ts-check
"use strict";
/* Parts of cards that show a file: its name, picture, facts, and what can be done with it. */
const parts = (() => {
  const { part } = page;

  /** @param {string} [id] of the template @returns {HTMLElement} */
  function clone(id = "card") {
    const card = document.importNode(page.need(id, HTMLTemplateElement).content, true).firstElementChild;
    if (!(card instanceof HTMLElement)) throw new Error(`the template #${id} is empty`);
    return card;
  }

  /** Fills a part with a text, or removes it for null. @param {HTMLElement} element @param {string | null} text */
  function fill(element, text) {
    if (text === null) element.remove();
    else element.textContent = text;
  }

  /**
   * A folder; the part that all have in common is in an element of its own, which takes no place.
   * @param {string} folder
   * @param {boolean} [differs] whether it is to be marked
   */
  function folded(folder, differs) {
    const { common } = results.facts;
    /** @param {string} text */
    const shown = (text) => (differs && text ? [names.marked(text, true)] : names.visible(text, true));
    if (!common || !folder.startsWith(common)) return shown(folder);
    const hidden = document.createElement("span");
    hidden.className = folder === common ? "common whole" : "common";
    hidden.append(...names.visible(common));
    return [hidden, ...shown(folder.slice(common.length))];
  }

  /**
   * @param {ParentNode} root
   * @param {{folder: string, base: string}} file
   * @param {{folder: string, base: string}} [other] what differs from its name is marked
   */
  function fillName(root, { folder, base }, other) {
    const split = folder && base;
    part(root, ".folder").replaceChildren(...folded(split ? folder : "", other && other.folder !== folder));
    const last = split ? base : folder + base;
    part(root, ".base").replaceChildren(...(other ? names.compared(last, other.base) : names.visible(last)));
  }

  /** The address of the original, if it and the page are on a disk. @param {ShownFile} file */
  function originalOf(file) {
    const isLocal = location.protocol === "file:" && !file.kind && !/^https?:/i.test(file.link ?? "");
    return isLocal ? file.link : null;
  }

  /**
   * Shows the thumbnail; without one, the original, if it and the page are on a disk.
   * @param {ParentNode} root
   * @param {ShownFile} file
   * @param {boolean} [large] whether to prefer the original
   */
  function fillPicture(root, file, large) {
    const image = /** @type {HTMLImageElement} */ (part(root, "img"));
    const missing = part(root, ".missing");
    if (file.problem) part(missing, ".problem").replaceChildren(...names.visible(file.problem));
    const original = originalOf(file);
    const source = (large ? original : null) ?? file.thumbnail ?? (file.problem ? null : original);
    if (!source) {
      image.remove();
      return;
    }
    missing.remove();
    image.alt += names.label(file);
    image.addEventListener("error", () => {
      if (file.thumbnail && image.getAttribute("src") !== file.thumbnail) image.src = file.thumbnail;
      else image.replaceWith(missing);
    });
    image.src = source;
  }

  /** @param {HTMLElement} element @param {number} bytes */
  function fillSize(element, bytes) {
    element.title = words.things(bytes, "byte");
    element.textContent = words.size(bytes);
  }

  /** @param {ParentNode} root @param {ShownFile} file */
  function fillFacts(root, file) {
    fill(part(root, ".dimensions"), file.width && file.height ? `${file.width} × ${file.height}` : null);
    if (file.size === null) part(root, ".size").remove();
    else fillSize(part(root, ".size > span"), file.size);
    if (file.modified === null) {
      part(root, ".modified").remove();
      return;
    }
    const time = /** @type {HTMLTimeElement} */ (part(root, "time"));
    const moment = words.moment(file.modified);
    if (file.kind) time.before(`${file.kind} of `);
    time.dateTime = moment;
    time.title = moment.replace("T", " ");
    time.textContent = moment.slice(0, 10);
  }

  /** @param {ParentNode} root @param {ShownFile} file */
  function fillActions(root, file) {
    const open = /** @type {HTMLAnchorElement} */ (part(root, ".open"));
    for (const spoken of part(root, ".actions").querySelectorAll(".spoken")) spoken.append(names.label(file));
    part(root, ".copy").dataset.file = String(file.number);
    if (file.kind) {
      part(open, ".what").append(` ${file.kind}`);
      part(root, ".remove").remove(); // an image in an archive or video cannot be removed alone
    } else {
      const box = /** @type {HTMLInputElement} */ (part(root, "input"));
      box.dataset.mark = String(file.number);
      box.checked = marks.has(file.number);
    }
    if (file.link) open.setAttribute("href", file.link);
    else open.remove();
  }

  /**
   * @param {ParentNode} root
   * @param {ShownFile} file
   * @param {string | null} [reason] to keep it
   * @param {ShownFile} [other] what differs from its name is marked
   */
  function fillFile(root, file, reason = null, other) {
    fillName(root, file, other);
    fillFacts(root, file);
    fillActions(root, file);
    const advice = root.querySelector(".advice");
    if (advice && reason !== null) part(advice, ".why").textContent = reason;
    else advice?.remove();
  }

  return { clone, fillName, originalOf, fillPicture, fillSize, fillFile };
})();
