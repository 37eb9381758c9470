// The confirmation window. Everything it shows comes from the agent as data and is set as text, never as markup.

const identifier = location.pathname.split("/").pop();
const stored = `kyso-window-${identifier}`;
const main = document.getElementById("main");
const asker = document.getElementById("asker");
const switcher = document.getElementById("language");

let token = "";
let words = { vi: {}, en: {} };
let language = document.documentElement.lang;
let state = null;
let shownLetter = 0;
let shownPage = 1;
let drawing = 0;

// ------------------------------------------------------------------------------------------------ small helpers

function word(code, values = {}) {
  const text = words[language][code] ?? code;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

function told(table) {
  return table ? table[`message_${language}`] ?? "" : "";
}

function step(table) {
  return table ? table[`next_${language}`] ?? "" : "";
}

function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") element.className = value;
    else if (key in element && key !== "list" && key !== "form") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function button(code, action, kind = "") {
  return make("button", { type: "button", class: kind, onclick: action }, word(code));
}

async function call(path, options = {}) {
  const headers = { "X-Kyso-Window": token, ...(options.headers ?? {}) };
  return fetch(`/api/${identifier}/${path}`, { cache: "no-store", ...options, headers });
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { detail: word("lost") };
  }
}

// ------------------------------------------------------------------------------------------- opening and listening

async function begin() {
  const opening = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  const kept = sessionStorage.getItem(stored);
  if (opening) {
    const response = await fetch(`/api/${identifier}/open`, {
      method: "POST", headers: { "X-Kyso-Opening": opening }, cache: "no-store",
    });
    const answer = await problemOf(response);
    if (!response.ok) return showPlain(answer.detail, answer.next);
    sessionStorage.setItem(stored, JSON.stringify(answer));
    take(answer);
  } else if (kept) {
    take(JSON.parse(kept));
  } else {
    return showPlain(main.dataset.closed ?? "…");
  }
  await listen();
}

function take(answer) {
  token = answer.token;
  words = answer.words;
  language = answer.language;
  document.documentElement.lang = language;
  switcher.hidden = false;
}

async function listen() {
  let after = 0;
  let failures = 0;
  while (failures < 5) {
    let response;
    try {
      response = await call(`state?after=${after}`);
    } catch {
      failures += 1;
      await new Promise((resolve) => setTimeout(resolve, 400 * failures));
      continue;
    }
    if (!response.ok) {
      const problem = await problemOf(response);
      return showPlain(problem.detail, problem.next);
    }
    failures = 0;
    const answer = await response.json();
    if (answer.version > after) {
      after = answer.version;
      state = answer;
      draw();
    }
    if (answer.ended) return;
  }
  showPlain(word("lost"));
}

async function decide(action, values = {}, secret = undefined) {
  const before = state;
  setBusy(true);
  const body = JSON.stringify({ version: before.version, action, values, secret });
  const response = await call("decide", { method: "POST", body, headers: { "Content-Type": "application/json" } });
  if (!response.ok && state === before) {
    const problem = await problemOf(response);
    setBusy(false);
    showAlert(problem.detail, problem.next);
  }
}

function setBusy(busy) {
  for (const control of main.querySelectorAll("button, input, select")) control.disabled = busy;
}

// --------------------------------------------------------------------------------------------------- shared pieces

function showPlain(text, more = "") {
  main.replaceChildren(make("section", { class: "card" }, make("p", {}, text), more ? make("p", {}, more) : null));
}

function showAlert(text, more = "") {
  main.querySelector(".alert.late")?.remove();
  main.prepend(make("div", { class: "alert late", role: "alert" }, make("p", {}, text), more ? make("p", {}, more) : null));
}

function errorBox(table) {
  if (!table) return null;
  return make("div", { class: "alert", role: "alert" },
    make("p", { class: "strong" }, told(table)), step(table) ? make("p", {}, step(table)) : null);
}

function heading(code, values = {}) {
  return make("h1", {}, word(code, values));
}

function keyField(keys, chosen, changed) {
  const select = make("select", { id: "key", name: "key" });
  for (const key of keys) {
    const label = [key.name, key.title, word(`kind.${key.kind}`)].filter(Boolean).join(" · ");
    select.append(make("option", { value: key.name, selected: key.name === chosen }, label));
  }
  if (changed) select.addEventListener("change", changed);
  return make("div", { class: "field" }, make("label", { htmlFor: "key" }, word("key")), select);
}

function secretField(code = "secret") {
  const input = make("input", { id: "secret", type: "password", autocomplete: "off", spellcheck: false, maxLength: 200 });
  const field = make("div", { class: "field" }, make("label", { htmlFor: "secret" }, word(code)), input);
  if (code === "secret") field.append(make("p", { class: "hint" }, word("secret.hint", { origin: state.origin })));
  return field;
}

function spentSecret() {
  const input = document.getElementById("secret");
  const value = input?.value ?? "";
  if (input) input.value = "";
  return value || undefined;
}

function actions(...buttons) {
  return make("div", { class: "actions" }, ...buttons);
}

function onEnter(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

// --------------------------------------------------------------------------------------------------------- stages

const stages = {
  loading() {
    return [make("p", { class: "waiting" }, word("loading"))];
  },

  fetching() {
    return [make("p", { class: "waiting" }, word("fetching", { done: state.done + 1, total: state.total }))];
  },

  working() {
    const notice = state.notice ? make("p", { class: "strong" }, told(state.notice)) : null;
    return [make("p", { class: "waiting" }, word("working")), notice];
  },

  delivering() {
    return [make("p", { class: "waiting" }, word("delivering", { done: state.done + 1, total: state.total }))];
  },

  origin() {
    const rows = state.places.map((place) => {
      const remarks = [];
      if (place.own) remarks.push(word("place.own"));
      if (!place.encrypted) remarks.push(word("place.plain"));
      if (place.inside) remarks.push(word("place.inside"));
      return make("li", {}, make("code", {}, place.place), ...remarks.map((text) => make("span", { class: "remark" }, text)));
    });
    return [make("section", { class: "card" },
      heading(state.known ? "origin.more" : "origin.new"),
      make("p", {}, word(state.known ? "origin.more.text" : "origin.new.text", { origin: state.origin })),
      make("ul", { class: "places" }, ...rows),
      make("p", { class: "hint" }, word("origin.hint")),
      actions(button("allow", () => decide("allow"), "primary"), button("refuse", () => decide("cancel"))))];
  },

  inside() {
    return [make("section", { class: "card" },
      heading("inside"),
      make("p", {}, word("inside.text", { place: state.place, address: state.address })),
      make("p", { class: "hint" }, word("inside.hint")),
      actions(button("allow", () => decide("allow"), "primary"), button("refuse", () => decide("cancel"))))];
  },

  certificate() {
    const form = make("form", { class: "card" },
      heading("certificate"),
      make("p", {}, word("certificate.text", { origin: state.origin })),
      keyField(state.keys, state.key),
      secretField());
    const allow = () => decide("allow", { key: form.key.value }, spentSecret());
    form.append(actions(make("button", { class: "primary" }, word("allow")), button("refuse", () => decide("cancel"))));
    onEnter(form, allow);
    return [form];
  },

  choose() {
    const input = make("input", { type: "file", id: "file", accept: "application/pdf,.pdf" });
    const form = make("form", { class: "card" },
      heading("choose"),
      make("p", {}, word("choose.text")),
      make("div", { class: "field" }, make("label", { htmlFor: "file" }, word("file")), input),
      actions(make("button", { class: "primary" }, word("continue")), button("refuse.sign", () => decide("cancel"))));
    onEnter(form, async () => {
      const file = input.files[0];
      if (!file) return showAlert(word("choose.none"));
      setBusy(true);
      const response = await call(`file?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
      if (!response.ok) {
        const problem = await problemOf(response);
        setBusy(false);
        return showAlert(problem.detail, problem.next);
      }
      await decide("chosen");
    });
    return [form];
  },

  sign() {
    shownLetter = Math.min(shownLetter, state.letters.length - 1);
    const form = make("form", { class: "card side" }, heading(state.letters.length > 1 ? "sign.many" : "sign", { count: state.letters.length }));
    form.append(make("p", { class: "hint" }, told(state.operation)));
    const change = () => decide("change", valuesOf(form));
    form.append(keyField(state.keys, state.key, change));
    for (const setting of state.settings) form.append(settingField(setting, change));
    const place = make("div", { class: "about" });
    form.append(place);
    if (state.deliver_to) form.append(make("p", { class: "hint" }, word("deliver_to", { url: state.deliver_to })));
    form.append(secretField());
    const possible = state.letters.some((each) => !each.problem);
    const approve = make("button", { class: "primary", disabled: !possible }, word(state.letters.length > 1 ? "approve.many" : "approve", { count: state.letters.length }));
    form.append(actions(approve, button("refuse.sign", () => decide("cancel"))));
    onEnter(form, () => decide("approve", valuesOf(form), spentSecret()));
    const viewer = make("section", { class: "viewer", "aria-label": word("viewer") });
    // Pictures are fetched for what is in the page, so the viewer is filled once it is there.
    queueMicrotask(() => drawViewer(viewer, place));
    return [errorBox(state.error), make("div", { class: "columns" }, viewer, form)];
  },

  content() {
    const form = make("form", { class: "card" }, heading("content"));
    form.append(make("p", { class: "hint" }, told(state.operation)));
    form.append(make("p", {}, word("content.text", { origin: state.origin })));
    const content = state.content;
    form.append(make("pre", { class: "content", tabIndex: 0, "aria-label": word("content.label") }, content.text));
    form.append(make("p", { class: "hint" }, word(content.cut ? "content.cut" : "content.size", { size: content.size, sha256: content.sha256 })));
    if (!content.is_text) form.append(make("p", { class: "strong" }, word("content.binary")));
    form.append(keyField(state.keys, state.key), secretField());
    form.append(actions(make("button", { class: "primary" }, word("approve")), button("refuse.sign", () => decide("cancel"))));
    onEnter(form, () => decide("approve", { key: form.key.value }, spentSecret()));
    return [errorBox(state.error), form];
  },

  secret() {
    const form = make("form", { class: "card" }, heading("secret.asked"),
      make("p", { class: "strong" }, told(state.question)), secretField("secret.answer"),
      actions(make("button", { class: "primary" }, word("continue")), button("stop", () => decide("cancel"))));
    onEnter(form, () => decide("give", {}, spentSecret()));
    return [form];
  },

  phone() {
    const left = make("p", { class: "waiting", "aria-live": "off" });
    const until = state.expires_at * 1000;
    const version = state.version;
    const tick = () => {
      if (state.version !== version && state.stage !== "phone") return;
      const seconds = Math.max(0, Math.round((until - Date.now()) / 1000));
      left.textContent = word("phone.left", { seconds });
      if (seconds > 0 && left.isConnected) setTimeout(tick, 1000);
    };
    setTimeout(tick, 0);
    return [make("section", { class: "card" }, heading("phone"), make("p", { class: "strong" }, told(state.instruction)), left,
      actions(button("stop", () => decide("cancel"))))];
  },

  undelivered() {
    return [errorBox(state.error), make("section", { class: "card" }, heading("undelivered"),
      make("p", {}, word("undelivered.text")), letterList(true),
      actions(button("retry", () => decide("retry"), "primary"), button("close", () => decide("cancel"))))];
  },

  done() {
    const some = state.letters.some((letter) => letter.signed && !letter.delivered);
    return [errorBox(state.error), make("section", { class: "card good" }, heading("done"),
      make("p", {}, word(state.letters.length && some ? "done.save" : "done.text")),
      state.letters.length ? letterList(some) : null, closing())];
  },

  told() {
    return [make("section", { class: "card good" }, heading("told"), make("p", {}, word("told.text", { origin: state.origin })), closing())];
  },

  verdict() {
    const report = state.report;
    const rows = [];
    for (const signature of report.signatures) {
      rows.push(make("li", {}, make("span", { class: `mark ${signature.verdict}` }, word(`verdict.${signature.verdict}`)),
        " ", [signature.signer.name, signature.signer.organisation].filter(Boolean).join(", ")));
    }
    return [make("section", { class: `card verdict-${report.verdict}` },
      make("p", { class: "hint" }, state.name), make("h1", {}, word(`verdict.${report.verdict}`)),
      make("ul", { class: "places" }, ...rows),
      ...report.warnings.map((warning) => make("p", { class: "remark" }, warning[`message_${language}`])),
      closing())];
  },

  cancelled() {
    return [make("section", { class: "card" }, heading("cancelled"), make("p", {}, word("cancelled.text")), closing())];
  },

  failed() {
    return [errorBox(state.error), make("section", { class: "card" }, heading("failed"), make("p", {}, word("failed.text")), closing())];
  },
};

function closing() {
  return make("p", { class: "hint" }, word("close.hint"));
}

function settingField(setting, changed) {
  const identifierOf = `set-${setting.name}`;
  const text = setting[`label_${language}`] + (setting.required ? " *" : "");
  let input;
  if (setting.kind === "flag") {
    input = make("input", { id: identifierOf, name: `set.${setting.name}`, type: "checkbox", checked: setting.value === "yes" });
    input.addEventListener("change", changed);
    return make("div", { class: "field check" }, input, make("label", { htmlFor: identifierOf }, text));
  }
  if (setting.kind === "choice") {
    input = make("select", { id: identifierOf, name: `set.${setting.name}` });
    for (const choice of setting.choices) input.append(make("option", { value: choice, selected: choice === setting.value }, choice));
  } else {
    input = make("input", { id: identifierOf, name: `set.${setting.name}`, type: "text", value: setting.value, autocomplete: "off", maxLength: 300 });
  }
  input.addEventListener("change", changed);
  return make("div", { class: "field" }, make("label", { htmlFor: identifierOf }, text), input);
}

function valuesOf(form) {
  const values = {};
  for (const control of form.querySelectorAll("select[name], input[name]")) values[control.name] = control.type === "checkbox" ? (control.checked ? "yes" : "no") : control.value;
  return values;
}

function letterList(saving) {
  const rows = state.letters.map((letter) => {
    const row = make("li", {}, make("span", {}, letter.signed_name || letter.name));
    const problem = letter.error ?? (letter.signed ? null : letter.problem);
    if (problem) row.append(make("span", { class: "remark" }, told(problem)));
    if (saving && letter.signed && !letter.delivered) row.append(button("save", () => save(letter)));
    return row;
  });
  return make("ul", { class: "places" }, ...rows);
}

async function save(letter) {
  const response = await call(`signed/${letter.number}`);
  if (!response.ok) return showAlert(word("lost"));
  const url = URL.createObjectURL(await response.blob());
  make("a", { href: url, download: letter.signed_name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

// --------------------------------------------------------------------------------------------------------- viewer

function drawViewer(viewer, about) {
  const letter = state.letters[shownLetter];
  viewer.replaceChildren();
  if (state.letters.length > 1) {
    const select = make("select", { id: "letter" });
    state.letters.forEach((each, number) => {
      const mark = each.problem ? "⚠ " : "";
      select.append(make("option", { value: String(number), selected: number === shownLetter }, `${mark}${number + 1}. ${each.name}`));
    });
    select.addEventListener("change", () => {
      shownLetter = Number(select.value);
      shownPage = state.letters[shownLetter].place?.page ?? 1;
      drawViewer(viewer, about);
    });
    viewer.append(make("div", { class: "field" }, make("label", { htmlFor: "letter" }, word("letter")), select));
  } else {
    viewer.append(make("p", { class: "strong name" }, letter.name));
  }
  if (!letter.is_pdf) {
    drawAbout(letter, about);
    viewer.append(make("p", {}, word("no_pdf")));
    return;
  }
  if (state.version !== drawing) {
    drawing = state.version;
    shownPage = letter.place?.page ?? 1;
  }
  shownPage = Math.min(Math.max(1, shownPage), letter.pages.length);
  drawAbout(letter, about);
  const bar = make("div", { class: "pages" },
    button("page.before", () => turn(-1)), make("span", {}, word("page", { page: shownPage, count: letter.pages.length })), button("page.after", () => turn(1)));
  bar.firstChild.disabled = shownPage <= 1;
  bar.lastChild.disabled = shownPage >= letter.pages.length;
  const turn = (by) => {
    shownPage += by;
    drawViewer(viewer, about);
  };
  const [width, height] = letter.pages[shownPage - 1];
  const sheet = make("div", { class: "sheet" });
  sheet.style.aspectRatio = `${width} / ${height}`;
  viewer.append(bar, sheet);
  const alternative = word("page.picture", { page: shownPage, name: letter.name });
  const wide = Math.round(900 * Math.min(window.devicePixelRatio || 1, 2));
  picture(sheet, `page/${letter.number}/${shownPage}?width=${wide}`, alternative, "paper");
  const place = letter.place;
  drawable(sheet, letter, width, height);
  if (place?.rect_mm && place.page === shownPage) {
    const [left, top, boxWidth, boxHeight] = place.rect_mm;
    const box = make("div", { class: "stamp", role: "img", "aria-label": word("stamp.here") });
    box.style.left = `${(100 * left) / width}%`;
    box.style.top = `${(100 * top) / height}%`;
    box.style.width = `${(100 * boxWidth) / width}%`;
    box.style.height = `${(100 * boxHeight) / height}%`;
    sheet.append(box);
    if (letter.has_stamp) picture(box, `stamp/${letter.number}`, "", "ink");
  }
}

function drawAbout(letter, about) {
  about.replaceChildren();
  if (letter.problem) about.append(errorBox(letter.problem));
  if (letter.error) about.append(errorBox(letter.error));
  if (letter.place) {
    if (letter.place.rect_mm) about.append(make("p", {}, word("place.page", { page: letter.place.page })));
    for (const notice of letter.place.notices) about.append(make("p", { class: "remark" }, told(notice)));
  }
  if (letter.is_pdf) about.append(placeByHand(letter));
  if (letter.signatures) about.append(make("p", { class: "hint" }, word("signed.before", { count: letter.signatures })));
}

// Dragging over the page draws a frame; where it ends the agent is asked to place the signature there.
function drawable(sheet, letter, width, height) {
  let from = null;
  let frame = null;
  const at = (event) => {
    const box = sheet.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * width;
    const y = ((event.clientY - box.top) / box.height) * height;
    return [Math.min(Math.max(x, 0), width), Math.min(Math.max(y, 0), height)];
  };
  const rect = (to) => [Math.min(from[0], to[0]), Math.min(from[1], to[1]), Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
  sheet.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.pointerType === "touch") return;
    event.preventDefault();
    from = at(event);
    sheet.setPointerCapture(event.pointerId);
    frame = make("div", { class: "drawn" });
    sheet.append(frame);
  });
  sheet.addEventListener("pointermove", (event) => {
    if (!from) return;
    const [left, top, boxWidth, boxHeight] = rect(at(event));
    frame.style.left = `${(100 * left) / width}%`;
    frame.style.top = `${(100 * top) / height}%`;
    frame.style.width = `${(100 * boxWidth) / width}%`;
    frame.style.height = `${(100 * boxHeight) / height}%`;
  });
  sheet.addEventListener("pointerup", (event) => {
    if (!from) return;
    const sides = rect(at(event));
    from = null;
    frame.remove();
    if (sides[2] >= 3 && sides[3] >= 3) put(letter, shownPage, sides);
  });
}

function put(letter, page, sides) {
  const form = main.querySelector("form");
  decide("change", { ...valuesOf(form), place: [letter.number, page, ...sides.map((side) => Number(side).toFixed(2))].join(",") });
}

// The same by keyboard: four measures and a button.
function placeByHand(letter) {
  const now = letter.place?.page === shownPage && letter.place.rect_mm ? letter.place.rect_mm : ["", "", "", ""];
  const inputs = ["left", "top", "width", "height"].map((side, index) =>
    make("input", { id: `hand-${side}`, type: "number", min: 0, step: "any", value: now[index] === "" ? "" : String(now[index]) }));
  const fields = inputs.map((input) =>
    make("div", {}, make("label", { htmlFor: input.id }, word(`hand.${input.id.slice(5)}`)), input));
  const buttons = [button("hand.use", () => put(letter, shownPage, inputs.map((input) => input.value || 0)))];
  if (letter.by_hand) buttons.push(button("hand.automatic", () => put(letter, shownPage, [])));
  return make("details", { open: Boolean(letter.by_hand) }, make("summary", {}, word("hand")),
    make("p", { class: "hint" }, word("hand.hint")), make("div", { class: "measures" }, ...fields), actions(...buttons));
}

async function picture(parent, path, alternative, kind) {
  const response = await call(path);
  if (!parent.isConnected) return;
  if (!response.ok) {
    const problem = await problemOf(response);
    parent.append(make("p", { class: "strong", role: "alert" }, problem[`message_${language}`] ?? problem.detail));
    return;
  }
  const url = URL.createObjectURL(await response.blob());
  const image = make("img", { src: url, alt: alternative, class: kind });
  image.addEventListener("load", () => URL.revokeObjectURL(url));
  parent.prepend(image);
}

// --------------------------------------------------------------------------------------------------------- drawing

function draw() {
  switcher.textContent = language === "vi" ? "English" : "Tiếng Việt";
  switcher.lang = language === "vi" ? "en" : "vi";
  asker.textContent = word("asker", { origin: state.origin });
  document.title = `${told(state.operation)} · kyso`;
  const typed = state.stage === main.dataset.stage ? document.getElementById("secret")?.value ?? "" : "";
  const parts = (stages[state.stage] ?? stages.loading)().filter(Boolean);
  main.dataset.stage = state.stage;
  main.setAttribute("aria-busy", String(!state.waiting && !state.ended));
  main.replaceChildren(...parts);
  const secret = document.getElementById("secret");
  if (secret && typed) secret.value = typed;
  if (state.waiting || state.ended) (secret ?? main).focus({ preventScroll: true });
}

switcher.addEventListener("click", () => {
  language = language === "vi" ? "en" : "vi";
  document.documentElement.lang = language;
  if (state) draw();
});

begin().catch((error) => showPlain(word("lost"), String(error?.message ?? "")));
