"use strict";
/* Light, dark, or as the system has it; loaded first, so that no page flashes. Makes the namespace of the other scripts. */
const dedup = (() => {
  const choices = ["auto", "light", "dark"];
  const kept = (name, value) => {  // a browser may forbid storage, for files from a disk above all
    try {
      return value === undefined ? localStorage.getItem(name) : localStorage.setItem(name, value);
    } catch {
      return null;
    }
  };
  const wear = (choice) => {
    if (choice === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
  };
  let now = choices.includes(kept("dedup-theme")) ? kept("dedup-theme") : "auto";
  wear(now);
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const say = () => { button.textContent = `Colours: ${now}`; };
    button.hidden = false;
    say();
    button.addEventListener("click", () => {
      now = choices[(choices.indexOf(now) + 1) % choices.length];
      wear(now);
      kept("dedup-theme", now);
      say();
    });
  });
  return { kept };
})();
