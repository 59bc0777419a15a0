// Looks through the list of rules in rules.js, which is loaded when somebody begins to type. No request leaves the site.
(() => {
  "use strict";
  const box = document.getElementById("search");
  const list = document.getElementById("found");
  const up = document.body.dataset.up;
  const MOST = 40;
  let wanted = false;
  let at = -1;

  const load = () => {
    if (wanted) return;
    wanted = true;
    const script = document.createElement("script");
    script.src = up + "rules.js";
    script.onload = show;
    document.head.append(script);
  };

  const matches = (words) => {
    const found = [];
    for (const rule of window.RULES) {
      // rule: id, name, level, title, everything else that can be looked for
      const strong = (rule[0] + " " + rule[1]).toLowerCase();
      const text = (strong + " " + rule[3] + " " + rule[4]).toLowerCase();
      if (!words.every((word) => text.includes(word))) continue;
      let score = rule[2];
      for (const word of words) {
        if (String(rule[0]) === word || rule[1] === word) score += 1000;
        else if (strong.includes(word)) score += 40;
      }
      found.push([score, rule]);
    }
    return found.sort((a, b) => b[0] - a[0]).map((pair) => pair[1]);
  };

  const show = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    list.hidden = !words.length;
    list.replaceChildren();
    at = -1;
    if (!words.length || !window.RULES) return;
    const found = matches(words);
    for (const [id, name, level, title] of found.slice(0, MOST)) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      const small = document.createElement("small");
      link.href = up + "rules/" + name + ".html";
      link.textContent = id + " " + name + " (level " + level + ")";
      small.textContent = title;
      link.append(small);
      item.append(link);
      list.append(item);
    }
    const last = document.createElement("li");
    const note = document.createElement("p");
    note.textContent = found.length > MOST ? found.length - MOST + " more: add a word" : found.length ? "" : "no rule";
    if (note.textContent) {
      last.append(note);
      list.append(last);
    }
  };

  const move = (step) => {
    const links = [...list.querySelectorAll("a")];
    if (!links.length) return;
    if (at >= 0) links[at].classList.remove("at");
    at = (at + step + links.length) % links.length;
    links[at].classList.add("at");
    links[at].scrollIntoView({ block: "nearest" });
  };

  box.addEventListener("focus", load);
  box.addEventListener("input", () => { load(); show(); });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") { event.preventDefault(); move(1); }
    else if (event.key === "ArrowUp") { event.preventDefault(); move(-1); }
    else if (event.key === "Escape") { box.value = ""; show(); }
    else if (event.key === "Enter") {
      const links = list.querySelectorAll("a");
      if (links.length) location.href = links[Math.max(at, 0)].href;
    }
  });
  document.addEventListener("click", (event) => { if (!event.target.closest(".search")) list.hidden = true; });
})();
