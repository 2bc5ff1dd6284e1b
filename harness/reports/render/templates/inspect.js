"use strict";
// Show a token's thought in the panel: by pointing, tapping, or with the arrow keys.
const details = JSON.parse(document.getElementById("details").textContent);
const panel = document.getElementById("panel");
let chosen = null;

const element = (name, text, parent) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
};

const show = (token) => {
  const group = token.parentElement;
  const about = details[group.dataset.example][[...group.children].indexOf(token)];
  panel.replaceChildren();
  const close = element("button", "Close", panel);
  close.type = "button";
  close.addEventListener("click", release);
  element("h3", about.name, panel);
  element("p", `Thoughts move its prediction by ${about.kl.toFixed(4)} nats.`, panel);
  if (about.kinds) element("p", `shows the user's habit: ${about.kinds}`, panel);
  if (!about.nearest) {
    element("p", "No thought of its own.", panel);
    return;
  }
  element("h4", "Nearest tokens of the thought", panel);
  const list = element("ol", undefined, panel);
  for (const word of about.nearest) element("code", word, element("li", undefined, list));
  if (about.cosines.length) element("h4", "Cosine to the profile's entries", panel);
  about.cosines.forEach((cosine, index) => {
    const row = element("div", undefined, panel);
    row.className = "cosine";
    element("span", `entry ${index + 1}`, row);
    const bar = element("span", undefined, row);
    bar.className = "bar";
    element("i", undefined, bar).style.width = `${Math.max(0, cosine) * 100}%`;
    element("span", cosine.toFixed(2).replace("-", "−"), row);
  });
};

const release = () => {
  chosen?.setAttribute("aria-pressed", "false");
  chosen = null;
  panel.replaceChildren();
  element("p", "No token chosen.", panel).className = "note";
};

const choose = (token) => {
  if (chosen) {
    chosen.setAttribute("aria-pressed", "false");
    chosen.tabIndex = chosen.parentElement === token.parentElement ? -1 : 0;
  }
  chosen = token;
  token.setAttribute("aria-pressed", "true");
  for (const one of token.parentElement.querySelectorAll('[tabindex="0"]')) one.tabIndex = -1;
  token.tabIndex = 0;
  show(token);
};

for (const group of document.querySelectorAll(".tokens")) {
  const tokens = [...group.children];
  group.addEventListener("pointerover", (event) => {
    const token = event.target.closest(".token");
    if (token && event.pointerType === "mouse") show(token);
  });
  group.addEventListener("pointerleave", () => { if (chosen) show(chosen); });
  group.addEventListener("click", (event) => {
    const token = event.target.closest(".token");
    if (token) choose(token);
  });
  group.addEventListener("focusin", (event) => choose(event.target));
  group.addEventListener("keydown", (event) => {
    if (event.key === "Escape") release();
    const at = tokens.indexOf(event.target);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + 10, ArrowUp: at - 10, Home: 0, End: tokens.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    tokens[Math.min(Math.max(to, 0), tokens.length - 1)].focus();
  });
}
