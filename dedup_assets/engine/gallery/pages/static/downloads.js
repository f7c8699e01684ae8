// @ts-check
"use strict";
/* Paths for the user: copying one path, or saving the list of marked files in one of several formats. */
const downloads = (() => {
  /** @typedef {string | Uint8Array<ArrayBuffer>} Part */

  /** @param {Part[]} parts */
  const join = (parts) =>
    new Blob(parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : part)));

  /** A field of a CSV file. @param {string} text */
  const field = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

  /** @type {Record<string, {ending: string, write: (files: ShownFile[]) => Part[]}>} */
  const formats = {
    lines: { ending: "txt", write: (files) => files.flatMap(({ name }) => [names.bytes(name), "\n"]) },
    nul: { ending: "nul", write: (files) => files.flatMap(({ name }) => [names.bytes(name), "\0"]) },
    csv: {
      ending: "csv",
      write: (files) => [
        "filename,size_bytes\n",
        ...files.flatMap(({ name, size }) => [names.bytes(field(name)), `,${size ?? ""}\n`]),
      ],
    },
    json: {
      ending: "json",
      write: (files) => [
        JSON.stringify(
          files.map(({ name, size }) => ({ filename: name, size_bytes: size })),
          null,
          1,
        ),
        "\n",
      ],
    },
  };

  /** The list in the chosen format; null, with a message to the user, if the format cannot hold it. */
  function make() {
    const choice = document.querySelector("input[name=format]:checked");
    const format = choice instanceof HTMLInputElement ? choice.value : "lines";
    const files = marks.files();
    const broken = format === "lines" && files.some(({ name }) => name.includes("\n"));
    page.say(broken ? "A path has a line break in it: choose another format." : "");
    return broken ? null : { ending: formats[format].ending, content: join(formats[format].write(files)) };
  }

  const warning = () => (marks.files().some(({ secret }) => secret) ? " Credentials in URLs are not in it." : "");

  function save() {
    const list = make();
    if (!list) return;
    const address = URL.createObjectURL(list.content);
    const link = document.createElement("a");
    link.href = address;
    link.download = `remove.${list.ending}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    page.say(`Saved.${warning()} Check the list before you remove what it names.`);
  }

  /** @param {string} text @param {string} done */
  async function copy(text, done) {
    try {
      await navigator.clipboard.writeText(text);
      page.say(done);
    } catch {
      page.say("The browser does not let this page copy; select the text instead.");
    }
  }

  /** @param {number} number of a file */
  function copyPath(number) {
    const { name, secret } = results.file(number);
    const missing = secret
      ? "; its credentials are not in it"
      : name.isWellFormed()
        ? ""
        : "; its bytes that are not UTF-8 are not in it";
    return copy(name, `Path copied${missing}.`);
  }

  async function copyList() {
    const list = make();
    if (list) await copy(await list.content.text(), `Copied.${warning()}`);
  }

  return { save, copyList, copyPath };
})();
