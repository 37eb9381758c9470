// The desk's page: opens the desk, keeps the language, and shows one room at a time.

import { button, el, tell, trouble } from "./elements.js";
import { DoctorRoom } from "./doctor.js";
import { ReceiveRoom } from "./receive.js";
import { RegisterRoom } from "./register.js";
import { call, takeKey } from "./server.js";
import { SetupRoom } from "./setup.js";
import { SignRoom } from "./sign.js";
import { currentLanguage, t, useLanguage, wishedLanguage } from "./words.js";

const ROOMS = ["sign", "receive", "register", "doctor", "setup"];
const work = document.getElementById("work");
const rooms = {};
let desk = null;
let shown = null;

async function words(language) {
  return call("GET", `/api/words/${language}`);
}

async function reloadDesk() {
  desk = await call("GET", "/api/desk");
  document.getElementById("office").textContent = desk.organisation;
  for (const room of Object.values(rooms)) room.take?.(desk);
}

function frame() {
  document.title = t("title");
  document.getElementById("skip").textContent = t("skip");
  const nav = document.getElementById("nav");
  nav.setAttribute("aria-label", t("nav.label"));
  nav.replaceChildren(
    ...ROOMS.map((name) =>
      el("a", { href: `#/${name}`, "aria-current": shown === name ? "page" : null }, t(`nav.${name}`)),
    ),
  );
  const languages = document.getElementById("languages");
  languages.setAttribute("aria-label", t("language.label"));
  languages.replaceChildren(
    ...[
      ["vi", "Tiếng Việt"],
      ["en", "English"],
    ].map(([code, name]) =>
      button(code.toUpperCase(), () => speak(code), {
        lang: code,
        title: name,
        "aria-label": name,
        "aria-pressed": String(currentLanguage() === code),
      }),
    ),
  );
}

async function speak(language) {
  await useLanguage(language, words);
  frame();
  rooms[shown].show();
}

function go() {
  tell("");
  const wanted = location.hash.replace(/^#\/?/, "");
  const name = ROOMS.includes(wanted) ? wanted : "sign";
  const first = shown === null;
  shown = name;
  frame();
  rooms[name] ??= make(name);
  work.className = `room-${name}`;
  work.replaceChildren(rooms[name].root);
  rooms[name].show();
  if (!first) work.focus({ preventScroll: true });
}

function make(name) {
  if (name === "sign") return new SignRoom(desk);
  if (name === "receive") return new ReceiveRoom(desk);
  if (name === "register") return new RegisterRoom();
  if (name === "doctor") return new DoctorRoom();
  return new SetupRoom(desk, reloadDesk);
}

function unsaved() {
  return Object.values(rooms).some((room) => room.busy?.());
}

async function begin() {
  takeKey();
  try {
    await useLanguage(wishedLanguage("vi"), words);
    desk = await call("GET", "/api/desk");
  } catch (error) {
    const problem = error.problem ?? {};
    const language = wishedLanguage("vi");
    const words = problem[`message_${language}`] ?? "Không liên lạc được với bàn làm việc. / The desk does not answer.";
    const next = problem[`next_${language}`] ?? "Chạy lại kyso desk. / Run kyso desk again.";
    work.replaceChildren(el("div", { class: "alone" }, trouble(words, next)));
    return;
  }
  await useLanguage(wishedLanguage(desk.language), words);
  document.getElementById("office").textContent = desk.organisation;
  if (desk.keys.length === 0 && desk.config === null) history.replaceState(null, "", "/#/setup");
  addEventListener("hashchange", go);
  addEventListener("beforeunload", (event) => {
    if (unsaved()) event.preventDefault();
  });
  // A file that misses its drop zone must not replace the page.
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
  go();
}

begin();
