// @ts-check
"use strict";
/* Light or dark colours. Loaded first, so that a page does not flash in the wrong ones. */

/** Values that the browser keeps between visits. It may refuse to, mostly for a page that was opened from a disk. */
const storage = {
  /** @param {string} name */
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  /** @param {string} name @param {string} value */
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // The page works without stored values.
    }
  },
};

{
  const key = "dedup-theme";
  const choices = ["auto", "light", "dark"];
  let choice = choices.find((known) => known === storage.get(key)) ?? "auto";

  const apply = () => {
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  };

  apply();
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const show = () => {
      button.textContent = `Colours: ${choice}`;
    };
    button.hidden = false;
    show();
    button.addEventListener("click", () => {
      choice = choices[(choices.indexOf(choice) + 1) % choices.length];
      storage.set(key, choice);
      apply();
      show();
    });
  });
}
