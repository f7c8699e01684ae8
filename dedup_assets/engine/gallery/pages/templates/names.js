"use strict";
/* File names of any bytes. In a string, a byte that is no UTF-8 is a lone surrogate U+DC80 to U+DCFF. */
dedup.names = (() => {
  const hidden = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]+/gu;
  const hex = (code, width) => code.toString(16).padStart(width, "0");

  function spell(character) {
    const code = character.codePointAt(0);
    const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[code];
    if (short) return short;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
    if (code > 0xffff) return `\\U${hex(code, 8)}`;
    return code < 0x80 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`;
  }

  /* Text with each hidden character as its escape. */
  const plain = (text) => text.replace(hidden, (run) => Array.from(run, spell).join(""));

  /* The same as nodes: escapes are marked up, and the text may wrap after slashes. */
  function visible(text, breakable) {
    const nodes = [];
    const add = (part) => part.split(breakable ? /(?<=\/)/ : /$^/).forEach((piece) => {
      nodes.push(piece);
      if (breakable && piece.endsWith("/")) nodes.push(document.createElement("wbr"));
    });
    let end = 0;
    for (const found of text.matchAll(hidden)) {
      if (found.index > end) add(text.slice(end, found.index));
      const escape = document.createElement("span");
      escape.className = "escape";
      escape.textContent = plain(found[0]);
      nodes.push(escape);
      end = found.index + found[0].length;
    }
    if (end < text.length) add(text.slice(end));
    return nodes;
  }

  /* The bytes that the file system has. */
  function bytes(text) {
    if (text.isWellFormed()) return new TextEncoder().encode(text);
    return Uint8Array.from(Array.from(text).flatMap((character) => {
      const code = character.codePointAt(0);
      return code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...new TextEncoder().encode(character)];
    }));
  }

  const safe = /[A-Za-z0-9_.\-~/]/;
  const reserved = /[A-Za-z0-9_.\-~/:?#[\]@!$&'()*+,;=%]/;
  const quote = (text, kept) => Array.from(bytes(text), (byte) => {
    const character = String.fromCharCode(byte);
    return byte < 0x80 && kept.test(character) ? character : `%${hex(byte, 2).toUpperCase()}`;
  }).join("");

  /* Where the original opens: relative if it lies beside the results, else file: or http(s):; null if nowhere. */
  function address(name, frame) {
    if (frame) {
      const cut = name.lastIndexOf("#");
      const video = address(name.slice(0, cut));
      return video && video + name.slice(cut);
    }
    const { beside, way } = dedup.facts;
    if (beside && name.startsWith(beside)) return way + quote(name.slice(beside.length), safe);
    if (/^https?:\/\/[^/]/i.test(name)) return quote(name, reserved);
    return name.startsWith("/") ? `file:///${quote(name.replace(/^\/+/, ""), safe)}` : null;
  }

  return { plain, visible, bytes, address };
})();
