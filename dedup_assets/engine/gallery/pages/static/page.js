// @ts-check
"use strict";
/* The elements of this page, by id or by selector, with their types; and messages to the user. */
const page = (() => {
  /**
   * The element with this id, if the page has one.
   * @template {HTMLElement} T
   * @param {string} id
   * @param {new () => T} type
   * @returns {T | null}
   */
  function find(id, type) {
    const element = document.getElementById(id);
    return element instanceof type ? element : null;
  }

  /**
   * The element with this id, which the page must have.
   * @template {HTMLElement} T
   * @param {string} id
   * @param {new () => T} type
   * @returns {T}
   */
  function need(id, type) {
    const element = find(id, type);
    if (!element) throw new Error(`the page has no ${type.name} #${id}`);
    return element;
  }

  /**
   * The first element that a selector finds inside another element.
   * @param {ParentNode} root
   * @param {string} selector
   * @returns {HTMLElement}
   */
  function part(root, selector) {
    const element = root.querySelector(selector);
    if (!(element instanceof HTMLElement)) throw new Error(`the template has no ${selector}`);
    return element;
  }

  /** @param {string} id @param {string} type @param {(event: Event) => void} handler */
  function on(id, type, handler) {
    document.getElementById(id)?.addEventListener(type, handler);
  }

  /** Shows a text in the dialog, and lets screen readers speak it. @param {string} text */
  function say(text) {
    need("export-said", HTMLElement).textContent = text;
    need("said", HTMLElement).textContent = text;
  }

  /** What the page lists: pairs, components, outliers or bad. */
  const kind = () => document.body.dataset.kind ?? "";

  return { find, need, part, on, say, kind };
})();
