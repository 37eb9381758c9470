// Building the page from elements; text is always text, so that no name or message can become markup.

export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else {
      element.setAttribute(name, value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function button(label, handler, attributes = {}) {
  return el("button", { type: "button", ...attributes, on: { click: handler } }, label);
}

export function field(label, input, hint) {
  const identifier = input.id || `f-${Math.random().toString(36).slice(2)}`;
  input.id = identifier;
  const told = hint ? el("p", { class: "hint", id: `${identifier}-hint` }, hint) : null;
  if (told) input.setAttribute("aria-describedby", told.id);
  return el("div", { class: "field" }, el("label", { for: identifier }, label), input, told);
}

export function select(options, chosen, handler, attributes = {}) {
  const made = el("select", { ...attributes, on: { change: () => handler(made.value) } });
  for (const [value, label] of options) made.append(el("option", { value, selected: value === chosen }, label));
  return made;
}

const SHAPES = {
  document: "M6 2h8l5 5v15H6zM14 2v6h5",
  check: "M4 12.500 9.500 18 20 6.500",
  cross: "M6 6l12 12M18 6 6 18",
  warning: "M12 3 2.500 20h19zM12 10v4.500M12 17v.5",
  question:
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18M9.500 9.500a2.500 2.500 0 1 1 3.500 2.300c-.7.400-1 .9-1 1.700M12 16.500v.5",
  tray: "M3 13h5l1.500 3h5L16 13h5M3 13l3-8h12l3 8v6H3z",
  key: "M8 19a4 4 0 1 0 0-8 4 4 0 0 0 0 8M11 12.500 19 4.500M16 7.500l3 3",
  phone: "M8 2h8v20H8zM11 19h2",
};

export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

let toldTimer = 0;

export function tell(message, tone = "plain") {
  const place = document.getElementById("told");
  clearTimeout(toldTimer);
  place.replaceChildren(message ? el("p", { class: `tone-${tone}` }, message) : "");
  toldTimer = setTimeout(() => place.replaceChildren(), 6000);
}

export function trouble(words, next) {
  return el(
    "div",
    { class: "trouble", role: "alert" },
    icon("warning"),
    el("div", {}, el("p", { class: "cause" }, words), next ? el("p", { class: "next" }, next) : null),
  );
}
