// The check-up: what is well on this machine, what is not, and what to do about it.

import { button, el, icon, trouble } from "./elements.js";
import { call } from "./server.js";
import { said, t } from "./words.js";

const SIGNS = { ok: ["check", "good"], warning: ["warning", "doubtful"], failure: ["cross", "bad"] };

export class DoctorRoom {
  constructor() {
    this.root = el("div", { class: "room reading" });
    this.found = null;
  }

  show() {
    this.place = el("div", { "aria-live": "polite" });
    this.again = button(t("doctor.again"), () => this.#examine());
    this.root.replaceChildren(
      el(
        "div",
        { class: "page-body" },
        el("div", { class: "head" }, el("h1", {}, t("doctor.head")), this.again),
        el("p", { class: "hint" }, t("doctor.hint")),
        this.place,
      ),
    );
    if (this.found) this.#render();
    else this.#examine();
  }

  async #examine() {
    this.again.disabled = true;
    this.place.replaceChildren(el("p", { class: "working" }, t("doctor.examining")));
    try {
      this.found = await call("GET", "/api/doctor");
      this.#render();
    } catch (error) {
      const problem = error.problem ?? {};
      this.place.replaceChildren(trouble(said(problem) || t("unreachable"), said(problem, "next")));
    } finally {
      this.again.disabled = false;
    }
  }

  #render() {
    const { state, counts, chapters } = this.found;
    const [sign, tone] = SIGNS[state];
    const headline = el(
      "section",
      { class: `verdict tone-${tone}` },
      icon(sign),
      el("div", {}, el("h2", {}, t(`doctor.${state}`)), el("p", {}, t("doctor.counts", counts))),
    );
    const worst = ["failure", "warning", "ok"];
    const ordered = [...chapters].sort((one, other) => worst.indexOf(one.state) - worst.indexOf(other.state));
    this.place.replaceChildren(
      headline,
      ...ordered.filter((chapter) => chapter.diagnoses.length).map((chapter) => this.#chapter(chapter)),
    );
  }

  #chapter(chapter) {
    const lines = chapter.diagnoses.map((line) => {
      const [sign, tone] = SIGNS[line.state];
      const next = said(line, "next");
      return el(
        "li",
        { class: `remark tone-${tone}` },
        icon(sign),
        el(
          "div",
          {},
          el("p", {}, el("strong", {}, `${t(`doctor.word_${line.state}`)}: `), said(line)),
          next ? el("p", { class: "next" }, next) : null,
        ),
      );
    });
    return el(
      "section",
      { class: "group" },
      el("h2", {}, said({ message_vi: chapter.title_vi, message_en: chapter.title_en })),
      el("ul", {}, ...lines),
    );
  }
}
