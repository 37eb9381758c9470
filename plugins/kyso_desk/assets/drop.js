// A place to drop letters on, or to choose them.

import { button, el, icon } from "./elements.js";
import { t } from "./words.js";

export function dropZone({ title, hint, accept, many, taken }) {
  const chooser = el("input", {
    type: "file",
    accept,
    multiple: many,
    class: "hidden-input",
    tabindex: "-1",
    "aria-hidden": "true",
  });
  chooser.addEventListener("change", () => {
    if (chooser.files.length) taken([...chooser.files]);
    chooser.value = "";
  });
  const zone = el(
    "div",
    { class: "drop" },
    icon("tray"),
    el("h1", {}, title),
    el("p", {}, hint),
    button(t("drop.choose"), () => chooser.click(), { class: "main" }),
    chooser,
  );
  receiveDrops(zone, (files) => taken(many ? files : files.slice(0, 1)));
  return zone;
}

export function receiveDrops(zone, taken) {
  let inside = 0;
  zone.addEventListener("dragenter", () => {
    inside += 1;
    zone.classList.add("over-drop");
  });
  zone.addEventListener("dragleave", () => {
    inside -= 1;
    if (inside <= 0) zone.classList.remove("over-drop");
  });
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    inside = 0;
    zone.classList.remove("over-drop");
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) taken(files);
  });
}

export function chooseFiles(accept, many, taken) {
  const chooser = el("input", { type: "file", accept, multiple: many });
  chooser.addEventListener("change", () => taken([...chooser.files]));
  chooser.click();
}
