// @ts-check
"use strict";
/* File names of any bytes. In a string, a byte that is not UTF-8 is a lone surrogate from U+DC80 to U+DCFF. */
const names = (() => {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]+/gu;
  const longest = 80;

  /** @param {number} code @param {number} width */
  const hex = (code, width) => code.toString(16).padStart(width, "0");

  /** @param {string} character */
  const codeOf = (character) => character.codePointAt(0) ?? 0;

  /** @param {number} code */
  const isByte = (code) => code >= 0xdc80 && code <= 0xdcff;

  /** @param {string} character */
  function spell(character) {
    const code = codeOf(character);
    if (code === 9) return "\\t";
    if (code === 10) return "\\n";
    if (code === 13) return "\\r";
    if (isByte(code)) return `\\x${hex(code - 0xdc00, 2)}`;
    if (code > 0xffff) return `\\U${hex(code, 8)}`;
    return code < 0x80 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  }

  /** Text with each hidden character as its escape. @param {string} text */
  const plain = (text) => text.replace(hidden, (run) => Array.from(run, spell).join(""));

  /** @param {string} text */
  function breakable(text) {
    return text
      .split(/(?<=\/)/)
      .flatMap((piece) => (piece.endsWith("/") ? [piece, document.createElement("wbr")] : [piece]));
  }

  /**
   * As `plain`, but as nodes: escapes are marked up, and the text may wrap after slashes.
   * @param {string} text
   * @param {boolean} [wraps]
   */
  function visible(text, wraps) {
    /** @type {(Node | string)[]} */
    const nodes = [];
    /** @param {string} piece */
    const add = (piece) => nodes.push(...(wraps ? breakable(piece) : [piece]));
    let end = 0;
    for (const found of text.matchAll(hidden)) {
      if (found.index > end) add(text.slice(end, found.index));
      const escaped = document.createElement("span");
      escaped.className = "escape";
      escaped.textContent = plain(found[0]);
      nodes.push(escaped);
      end = found.index + found[0].length;
    }
    if (end < text.length) add(text.slice(end));
    return nodes;
  }

  /** @param {string} text @param {boolean} [wraps] */
  function marked(text, wraps) {
    const mark = document.createElement("mark");
    mark.append(...visible(text, wraps));
    return mark;
  }

  /**
   * As `visible`; the part that differs from another text is marked, if the two share more than that.
   * @param {string} text
   * @param {string} other
   */
  function compared(text, other) {
    const [here, there] = [Array.from(text), Array.from(other)];
    const shorter = Math.min(here.length, there.length);
    let start = 0;
    while (start < shorter && here[start] === there[start]) start += 1;
    let end = 0;
    while (end < shorter - start && here.at(-1 - end) === there.at(-1 - end)) end += 1;
    const middle = here.slice(start, here.length - end).join("");
    if (!middle || 2 * (start + end) < here.length) return visible(text);
    return [
      ...visible(here.slice(0, start).join("")),
      marked(middle),
      ...visible(here.slice(here.length - end).join("")),
    ];
  }

  /** The base name, short enough for a screen reader. @param {{folder: string, base: string}} file */
  function label({ folder, base }) {
    const text = plain(base || folder);
    return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
  }

  /** The bytes of the name in the file system. @param {string} text */
  function bytes(text) {
    if (text.isWellFormed()) return new TextEncoder().encode(text);
    const parts = Array.from(text).flatMap((character) => {
      const code = codeOf(character);
      return isByte(code) ? [code - 0xdc00] : [...new TextEncoder().encode(character)];
    });
    return Uint8Array.from(parts);
  }

  const safe = /[A-Za-z0-9_.\-~/]/;
  const reserved = /[A-Za-z0-9_.\-~/:?#[\]@!$&'()*+,;=%]/;

  /** @param {string} text @param {RegExp} unchanged */
  function quote(text, unchanged) {
    return Array.from(bytes(text), (byte) => {
      const character = String.fromCharCode(byte);
      return byte < 0x80 && unchanged.test(character) ? character : `%${hex(byte, 2).toUpperCase()}`;
    }).join("");
  }

  /**
   * Address of the original: relative if it is beside the results, else file: or http(s):. Null if there is none.
   * @param {string} name
   * @param {boolean} [isFrame] of a video
   * @returns {string | null}
   */
  function address(name, isFrame) {
    if (isFrame) {
      const cut = name.lastIndexOf("#");
      const video = address(name.slice(0, cut));
      return video && video + name.slice(cut);
    }
    const { beside, way } = results.facts;
    if (beside && name.startsWith(beside)) return way + quote(name.slice(beside.length), safe);
    if (/^https?:\/\/[^/]/i.test(name)) return quote(name, reserved);
    return name.startsWith("/") ? `file:///${quote(name.replace(/^\/+/, ""), safe)}` : null;
  }

  return { plain, visible, marked, compared, label, bytes, address };
})();
