// The signing room: letters, their pages with the stamp where it will be, and what is signed as whom.

import { chooseFiles, dropZone, receiveDrops } from "./drop.js";
import { button, el, field, icon, select, tell, trouble } from "./elements.js";
import { runJob, watchJob } from "./job.js";
import { Pages } from "./pages.js";
import { SignForm } from "./signform.js";
import { Stamp } from "./stamp.js";
import { call, upload } from "./server.js";
import { count, millimetres, said, t } from "./words.js";

const FIRST_BOX_MM = [60, 25];
const KEPT_STEPS = 100;

export class SignRoom {
  constructor(desk) {
    this.desk = desk;
    this.root = el("div", { class: "room" });
    this.letters = [];
    this.chosen = null;
    this.pages = new Pages();
    this.stamp = new Stamp(this.pages, (page, rect) => this.#moved(page, rect));
    this.form = new SignForm(desk, (otherRole) => this.#placeAll(otherRole));
    this.listPlace = el("div");
    this.errorPlace = el("div", { "aria-live": "polite" });
    this.placePlace = el("div");
    this.statusPlace = el("div");
    this.footPlace = el("div", { class: "foot" });
    this.panel = el(
      "aside",
      { class: "panel" },
      el(
        "div",
        { class: "panel-body" },
        this.listPlace,
        this.errorPlace,
        this.form.root,
        this.placePlace,
        this.statusPlace,
      ),
      this.footPlace,
    );
    this.uploading = 0;
    receiveDrops(this.root, (files) => this.#add(files));
    if (desk.job) this.#goOnWith(desk.job);
  }

  async #goOnWith(job) {
    this.signing = true;
    const ended = await watchJob(job);
    this.signing = false;
    if (ended) this.#settle(ended);
  }

  take(desk) {
    this.desk = desk;
    this.form.take(desk);
  }

  busy() {
    return this.uploading > 0 || this.signing === true;
  }

  show() {
    if (!this.letters.length) {
      this.#showEmpty();
      return;
    }
    this.form.speak();
    this.pages.speak();
    const seen = this.pages.root.scrollTop;
    this.panel.setAttribute("aria-label", t("sign.panel"));
    this.root.replaceChildren(
      el("h1", { class: "unseen" }, t("sign.head")),
      el("div", { class: "split" }, this.#stage(), this.panel),
    );
    this.pages.root.scrollTop = seen;
    this.#choose(this.chosen ?? this.letters[0], false);
  }

  // ------------------------------------------------------------------------------------------------ letters

  #accept() {
    return [".pdf", "application/pdf", ...this.desk.converts].join(",");
  }

  #showEmpty() {
    const hint = this.desk.converts.length ? t("sign.drop_hint_office") : t("sign.drop_hint");
    const zone = dropZone({
      title: t("sign.drop"),
      hint,
      accept: this.#accept(),
      many: true,
      taken: (f) => this.#add(f),
    });
    const missing = this.desk.keys.length
      ? null
      : el("p", { class: "note" }, t("sign.no_keys"), " ", el("a", { href: "#/setup" }, t("nav.setup")));
    this.progress = el("div", { class: "progress-place", role: "status" });
    this.root.replaceChildren(el("div", { class: "empty" }, zone, this.progress, missing));
  }

  async #add(files) {
    const began = performance.now();
    for (const file of files) {
      const converting = this.desk.converts.some((suffix) => file.name.toLowerCase().endsWith(suffix));
      this.#progress(t(converting ? "sign.converting" : "sign.reading", { name: file.name }));
      this.uploading += 1;
      try {
        const letter = await upload("/api/letters", file);
        this.#progress("");
        this.#take({ ...letter, placed: null, error: null, wish: null, past: [] }, began);
      } catch (error) {
        this.#refused(file.name, error);
      } finally {
        this.uploading -= 1;
      }
    }
  }

  #take(letter, began) {
    this.letters.push(letter);
    this.chosen ??= letter;
    if (this.letters.length === 1) {
      // The page comes first, then the search for its place.
      this.pages.onDrawn = () => {
        performance.measure("first-page", { start: began, end: performance.now() });
        this.pages.onDrawn = null;
        this.#place(letter);
      };
      letter.pending = true;
      this.show();
      return;
    }
    this.#renderPanel();
    this.#place(letter);
  }

  #progress(words) {
    tell(words);
    if (this.progress?.isConnected) this.progress.replaceChildren(words ? el("p", { class: "working" }, words) : "");
  }

  #refused(name, error) {
    const problem = error.problem ?? {};
    const words = `${name}: ${said(problem) || t("unreachable")}`;
    const shown = this.progress?.isConnected;
    tell(shown ? "" : words, "bad");
    if (shown) this.progress.replaceChildren(trouble(words, said(problem, "next")));
  }

  #remove(letter) {
    call("DELETE", `/api/letters/${letter.id}`).catch(() => {});
    this.letters = this.letters.filter((each) => each !== letter);
    if (this.chosen === letter) {
      this.chosen = null;
      this.pages.clear();
    }
    this.show();
  }

  #choose(letter, focus = true) {
    const same = this.chosen === letter && this.pages.letter?.id === letter.id;
    this.chosen = letter;
    if (!same) this.pages.show(letter);
    this.#renderPanel();
    this.#showStamp();
    if (focus) this.pages.root.focus({ preventScroll: true });
  }

  // ---------------------------------------------------------------------------------------------- placement

  // Another role belongs elsewhere: what was chosen by hand for the one before is let go.
  #placeAll(otherRole = false) {
    for (const letter of this.letters) {
      if (otherRole) Object.assign(letter, { wish: null, field: undefined, past: [], scrolled: false });
      this.#place(letter);
    }
    this.#renderPanel();
  }

  async #place(letter) {
    const role = this.form.role();
    if (!role || !this.form.key) {
      this.#renderPanel();
      return;
    }
    if (role.placed_by_hand && !letter.wish && !letter.field) this.#wishSomewhere(letter);
    letter.placing?.abort();
    const asking = (letter.placing = new AbortController());
    letter.pending = true;
    this.#renderStatus();
    try {
      const wish = letter.wish ?? {};
      const asked = { ...this.form.request(), page: wish.page, rect_mm: wish.rect, field: letter.field };
      const placed = await call("POST", `/api/letters/${letter.id}/place`, asked, asking.signal);
      placed.png = placed.stamp ? png(placed.stamp) : null;
      letter.placed = placed;
      letter.error = null;
    } catch (error) {
      if (error.name === "AbortError") return;
      letter.placed = null;
      letter.error = error.problem ?? {};
    }
    letter.pending = false;
    if (letter === this.chosen) this.#showStamp(true);
    this.#renderPanel();
  }

  #showStamp(scroll = false) {
    const letter = this.chosen;
    const placed = letter?.placed;
    if (!placed?.rect_mm) {
      if (letter?.wish && letter.error) {
        this.stamp.show(letter.wish.page, letter.wish.rect, null, { resizable: true, boxes: [] });
      } else this.stamp.hide();
      return;
    }
    const others = letter.fields
      .filter((each) => each.page === placed.page && each.rect_mm)
      .map((each) => each.rect_mm);
    const boxes = [
      ...Object.entries(placed.boxes_mm)
        .filter(([name]) => name !== "stamp" && name !== "ink")
        .map(([, box]) => box),
      ...others,
    ];
    this.stamp.show(placed.page, placed.rect_mm, placed.png, { resizable: this.form.role().resizable, boxes });
    if (scroll && !letter.scrolled) {
      letter.scrolled = true;
      this.pages.scrollTo(placed.page, placed.rect_mm);
    }
  }

  #moved(page, rect) {
    const letter = this.chosen;
    letter.field = undefined;
    letter.past.push(letter.wish);
    if (letter.past.length > KEPT_STEPS) letter.past.shift();
    letter.wish = { page, rect: rect.map((value) => Math.round(value * 100) / 100) };
    this.#place(letter);
  }

  #wishSomewhere(letter) {
    const page = letter === this.chosen && this.pages.letter ? this.pages.current() : letter.pages.length;
    const [width, height] = letter.pages[page - 1];
    const size = letter.placed?.rect_mm ? letter.placed.rect_mm.slice(2) : FIRST_BOX_MM;
    letter.past.push(letter.wish);
    letter.wish = { page, rect: [(width - size[0]) / 2, (height - size[1]) / 2, ...size] };
  }

  #undo() {
    const letter = this.chosen;
    if (!letter?.past.length) return;
    letter.wish = letter.past.pop();
    this.#place(letter);
  }

  // ------------------------------------------------------------------------------------------------ drawing

  #stage() {
    const zoom = (by) => () => this.pages.setZoom(by === 0 ? 1 : this.pages.zoom * by);
    const tools = el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": t("pages.tools") },
      button("−", zoom(0.8), { "aria-label": t("pages.smaller"), title: t("pages.smaller") }),
      button(t("pages.fit"), zoom(0)),
      button("+", zoom(1.25), { "aria-label": t("pages.larger"), title: t("pages.larger") }),
      el("span", { class: "gap" }),
      button(t("sign.undo"), () => this.#undo(), { class: "undo", title: "Ctrl+Z" }),
    );
    const stage = el("section", { class: "stage" }, tools, this.pages.root);
    stage.addEventListener("keydown", (event) => {
      if (event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#undo();
      }
    });
    this.undoButton = tools.querySelector(".undo");
    return stage;
  }

  #renderPanel() {
    if (!this.letters.length || !this.panel.isConnected) return;
    // What is drawn anew loses the keyboard's place; it is found again by name.
    const name = this.panel.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
    this.listPlace.replaceChildren(this.#list());
    this.placePlace.replaceChildren(this.#placeGroup());
    this.footPlace.replaceChildren(this.#foot());
    this.#renderStatus();
    if (this.undoButton) this.undoButton.disabled = !this.chosen?.past.length;
    if (name) this.panel.querySelector(`[data-name="${name}"]`)?.focus();
  }

  #list() {
    const lines = this.letters.map((letter) =>
      el(
        "li",
        { class: letter === this.chosen ? "chosen" : "" },
        button(
          [icon("document"), el("span", { class: "name" }, letter.name), this.#badge(letter)],
          () => this.#choose(letter),
          {
            class: "letter",
            "aria-current": letter === this.chosen ? "true" : null,
          },
        ),
        button(icon("cross"), () => this.#remove(letter), {
          class: "bare",
          "aria-label": t("sign.remove", { name: letter.name }),
          title: t("sign.remove", { name: letter.name }),
        }),
      ),
    );
    const more = button(t("sign.add"), () => chooseFiles(this.#accept(), true, (files) => this.#add(files)), {
      class: "link",
    });
    return el(
      "section",
      { class: "group" },
      el("div", { class: "head" }, el("h2", {}, count("sign.letters", this.letters.length)), more),
      el("ul", { class: "letters" }, ...lines),
    );
  }

  #badge(letter) {
    if (letter.error) return el("span", { class: "badge bad" }, t("sign.badge_error"));
    if (letter.placed?.notices.length)
      return el("span", { class: "badge doubtful" }, count("sign.badge_notices", letter.placed.notices.length));
    if (letter.placed) return el("span", { class: "badge good" }, t("sign.badge_ready"));
    return el("span", { class: "badge" }, count("sign.badge_pages", letter.pages.length));
  }

  #placeGroup() {
    const letter = this.chosen;
    const shown =
      letter.wish ?? (letter.placed?.rect_mm ? { page: letter.placed.page, rect: letter.placed.rect_mm } : null);
    const byHand = button(t("sign.by_hand"), () => {
      this.#wishSomewhere(letter);
      this.#place(letter).then(() => this.pages.scrollTo(letter.wish.page, letter.wish.rect));
    });
    const automatic = button(t("sign.automatic"), () => {
      letter.past.push(letter.wish);
      letter.wish = null;
      letter.scrolled = false;
      this.#place(letter);
    });
    const words = shown
      ? t("sign.place", {
          page: shown.page,
          left: millimetres(shown.rect[0]),
          top: millimetres(shown.rect[1]),
          width: millimetres(shown.rect[2]),
          height: millimetres(shown.rect[3]),
        })
      : t("sign.place_none");
    return el(
      "section",
      { class: "group" },
      el(
        "div",
        { class: "head" },
        el("h2", {}, t("sign.place_head")),
        letter.field
          ? null
          : letter.wish && !this.form.role()?.placed_by_hand
            ? automatic
            : letter.wish
              ? null
              : byHand,
      ),
      this.#fields(letter),
      el("p", { class: "place" }, words),
      shown && !letter.field ? this.#numbers(letter, shown) : null,
    );
  }

  // Empty signature fields that the letter brings along.
  #fields(letter) {
    const empty = letter.fields.filter((each) => !each.signed && each.rect_mm);
    if (!empty.length) return null;
    const options = [
      ["", t("sign.no_field")],
      ...empty.map((each) => [each.name, t("sign.field_on", { name: each.name, page: each.page })]),
    ];
    const choice = select(options, letter.field ?? "", (value) => {
      letter.field = value || undefined;
      if (value) letter.wish = null;
      letter.scrolled = false;
      this.#place(letter);
    });
    return field(t("sign.field"), choice);
  }

  #numbers(letter, shown) {
    const input = (name, value, attributes) => {
      const made = el("input", {
        type: "number",
        "data-name": name,
        value: String(Math.round(value * 10) / 10),
        inputmode: "decimal",
        ...attributes,
      });
      made.addEventListener("change", () => {
        const given = Number(made.value);
        if (!Number.isFinite(given)) return;
        const rect = [...shown.rect];
        let page = shown.page;
        if (name === "page") page = Math.min(letter.pages.length, Math.max(1, Math.round(given)));
        else rect[["left", "top", "width", "height"].indexOf(name)] = given;
        this.#moved(page, rect);
      });
      return field(t(`sign.number_${name}`), made);
    };
    const resizable = this.form.role()?.resizable;
    const fixed = resizable ? {} : { disabled: true };
    return el(
      "details",
      { class: "numbers", open: letter.numbersOpen },
      el("summary", { on: { click: () => (letter.numbersOpen = !letter.numbersOpen) } }, t("sign.numbers")),
      el(
        "div",
        { class: "grid" },
        input("page", shown.page, { step: "1", min: "1", max: String(letter.pages.length) }),
        input("left", shown.rect[0], { step: "0.1" }),
        input("top", shown.rect[1], { step: "0.1" }),
        input("width", shown.rect[2], { step: "0.1", min: "1", ...fixed }),
        input("height", shown.rect[3], { step: "0.1", min: "1", ...fixed }),
      ),
      el("p", { class: "hint" }, t("sign.keys_hint")),
    );
  }

  #renderStatus() {
    const letter = this.chosen;
    const parts = [];
    // What keeps a letter from being signed stands first, where nobody has to look for it.
    this.errorPlace.replaceChildren(
      letter?.error ? trouble(said(letter.error) || t("unreachable"), said(letter.error, "next")) : "",
    );
    for (const notice of letter?.placed?.notices ?? []) {
      parts.push(
        el(
          "div",
          { class: "notice" },
          icon("warning"),
          el(
            "div",
            {},
            el("p", {}, said(notice)),
            said(notice, "next") ? el("p", { class: "next" }, said(notice, "next")) : null,
          ),
        ),
      );
    }
    if (!parts.length && letter?.placed) parts.push(el("p", { class: "all-well" }, icon("check"), t("sign.all_well")));
    if (letter?.pending && !parts.length && !letter.placed)
      parts.push(el("p", { class: "working" }, t("sign.placing")));
    this.statusPlace.replaceChildren(
      !parts.length
        ? ""
        : el("section", { class: "group notices", "aria-live": "polite" }, el("h2", {}, t("sign.notices")), ...parts),
    );
    if (this.signButton) this.signButton.disabled = !this.#ready();
  }

  #ready() {
    return this.letters.length > 0 && this.letters.every((letter) => letter.placed && !letter.error);
  }

  #foot() {
    const number = this.letters.length;
    this.signButton = button(number === 1 ? t("sign.sign") : t("sign.sign_many", { number }), () => this.#sign(), {
      class: "main large",
      disabled: !this.#ready(),
    });
    return this.signButton;
  }

  // ------------------------------------------------------------------------------------------------ signing

  async #sign() {
    const letters = this.letters.map((letter) => ({
      id: letter.id,
      page: letter.wish?.page,
      rect_mm: letter.wish?.rect,
      field: letter.field,
    }));
    const lines = this.letters.map((letter) => ({
      name: letter.name,
      place: letter.placed,
      notices: letter.placed.notices,
    }));
    this.signing = true;
    try {
      const ended = await runJob({ ...this.form.request(), letters }, lines, this.form.keyWords());
      if (ended) this.#settle(ended);
    } finally {
      this.signing = false;
    }
  }

  // What was signed leaves the desk; with "sign on", the signed letters take its place.
  #settle({ signed, goOn }) {
    if (!signed.length) return;
    const done = new Set(signed.map((each) => each.letter));
    const left = this.letters.filter((letter) => !done.has(letter.id));
    for (const letter of this.letters)
      if (done.has(letter.id)) call("DELETE", `/api/letters/${letter.id}`).catch(() => {});
    const further = goOn
      ? signed.map((each) => ({ ...each.result, placed: null, error: null, wish: null, past: [] }))
      : [];
    this.letters = [...further, ...left];
    this.chosen = this.letters[0] ?? null;
    this.pages.clear();
    if (goOn) this.form.advance();
    this.show();
    this.#placeAll();
  }
}

function png(base64) {
  return new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))], { type: "image/png" });
}
