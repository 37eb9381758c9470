// The register of incoming letters: search, what was decided, who a letter went to, and the notice to its sender.

import { button, el, field, icon, tell, trouble } from "./elements.js";
import { call, save } from "./server.js";
import { count, said, t } from "./words.js";

const TYPING_MS = 250;
const AMENDED = ["author", "number_and_symbol", "dated", "kind", "subject"];
const TONES = { entered: "good", held: "doubtful", returned: "bad", entering: "doubtful", destroyed: "neutral" };

export class RegisterRoom {
  constructor() {
    this.root = el("div", { class: "room reading" });
    this.words = "";
  }

  show() {
    const search = el("input", { type: "search", id: "register-words", value: this.words, autocomplete: "off" });
    let waiting = 0;
    search.addEventListener("input", () => {
      this.words = search.value;
      clearTimeout(waiting);
      waiting = setTimeout(() => this.#search(), TYPING_MS);
    });
    this.list = el("div", { class: "list", "aria-live": "polite" });
    this.root.replaceChildren(
      el(
        "div",
        { class: "page-body" },
        el("h1", {}, t("register.head")),
        el("div", { class: "search" }, field(t("register.search"), search, t("register.search_hint"))),
        this.list,
      ),
    );
    this.#search();
  }

  async #search() {
    try {
      const found = await call("GET", `/api/register?words=${encodeURIComponent(this.words)}`);
      this.#render(found.rows);
    } catch (error) {
      const problem = error.problem ?? {};
      this.list.replaceChildren(trouble(said(problem) || t("unreachable"), said(problem, "next")));
    }
  }

  #render(rows) {
    if (!rows.length) {
      this.list.replaceChildren(el("p", { class: "note" }, t(this.words ? "register.none_found" : "register.empty")));
      return;
    }
    this.list.replaceChildren(
      el("p", { class: "hint" }, count("register.rows", rows.length)),
      el("ul", { class: "rows" }, ...rows.map((row) => entryCard(row, () => this.#search()))),
    );
  }
}

// One row of the register, with what can be done about it. `changed` is told when something was.
export function entryCard(row, changed) {
  const number =
    row.number === null ? t("register.no_number") : t("register.number", { number: row.number, year: row.year });
  const items = [
    ["register.arrived_on", row.arrived_on],
    ["register.author", row.author],
    ["register.number_and_symbol", [row.number_and_symbol, row.dated].filter(Boolean).join(" · ")],
    ["register.subject", [row.kind, row.subject].filter(Boolean).join(": ")],
    ["register.recipient", [row.recipient, row.forwarded_on, row.received_by].filter(Boolean).join(" · ")],
    ["register.file", row.file_name],
  ].filter(([, value]) => value);
  const doing = el("div", { class: "doing" });
  const act = async (path, body) => {
    try {
      await call("POST", path, { reference: row.reference, ...body });
      changed();
    } catch (error) {
      const problem = error.problem ?? {};
      doing.append(trouble(said(problem) || t("unreachable"), said(problem, "next")));
    }
  };
  const ask = (entries, go, label) => {
    const inputs = entries.map(([name, words, required, value]) => [
      name,
      el("input", { type: "text", autocomplete: "off", required, value: value ?? "" }),
      words,
    ]);
    const form = el(
      "form",
      { class: "inline" },
      ...inputs.map(([, input, words]) => field(words, input)),
      el(
        "div",
        { class: "row" },
        el("button", { type: "submit", class: "main" }, label),
        button(t("cancel"), () => doing.replaceChildren()),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      go(Object.fromEntries(inputs.map(([name, input]) => [name, input.value])));
    });
    doing.replaceChildren(form);
    inputs[0][1].focus();
  };
  const decide = (kind) => () =>
    ask(
      [["reason", t("register.reason"), true]],
      ({ reason }) => act("/api/register/decide", { kind, reason }),
      t(`register.${kind}`),
    );
  const notice = (format) => () =>
    save(
      `/api/register/notice?reference=${encodeURIComponent(row.reference)}&format=${format}`,
      `${row.reference.replace("/", "-")}.${format}`,
    ).catch((error) => tell(said(error.problem ?? {}) || t("unreachable"), "bad"));
  const open = row.state === "held" || row.state === "returned";
  return el(
    "li",
    { class: "entry" },
    el(
      "div",
      { class: "head" },
      el("h2", {}, number),
      el("span", { class: `badge ${TONES[row.state] ?? ""}` }, t(`register.state_${row.state}`)),
    ),
    el("dl", { class: "items" }, ...items.flatMap(([name, value]) => [el("dt", {}, t(name)), el("dd", {}, value)])),
    row.decision.reasons.length
      ? el("ul", { class: "reasons" }, ...row.decision.reasons.map((reason) => el("li", {}, said(reason))))
      : null,
    row.recalled || row.state === "destroyed"
      ? null
      : el(
          "div",
          { class: "row" },
          open ? button(t("register.accept"), decide("accept"), { class: row.state === "held" ? "main" : "" }) : null,
          row.state === "held" ? button(t("register.return"), decide("return")) : null,
          row.state === "entered"
            ? button(t("register.forward"), () =>
                ask(
                  [
                    ["recipient", t("register.forward_to"), true],
                    ["received_by", t("register.received_by"), false],
                  ],
                  (given) => act("/api/register/forward", given),
                  t("register.forward"),
                ),
              )
            : null,
          button(t("register.amend"), () =>
            ask(
              AMENDED.map((name) => [name, t(`register.${name}`), false, row[name]]),
              (given) => act("/api/register/amend", given),
              t("register.amend"),
            ),
          ),
          row.state === "entering"
            ? null
            : button([icon("document"), t(`register.notice_${row.state}`)], notice("pdf"), { class: "with-icon" }),
          row.state === "entering" ? null : button("DOCX", notice("docx"), { "aria-label": t("register.notice_docx") }),
        ),
    doing,
  );
}
