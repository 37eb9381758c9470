// The receiving room: what an arrived letter's signatures are worth, and what was changed after them.

import { chooseFiles, dropZone, receiveDrops } from "./drop.js";
import { button, el, field, icon, tell, trouble } from "./elements.js";
import { Pages } from "./pages.js";
import { entryCard } from "./register.js";
import { call, openLetter, save, upload } from "./server.js";
import { count, currentLanguage, said, t } from "./words.js";

const SIGNS = { good: "check", bad: "cross", doubtful: "warning", neutral: "question" };
const MARK_TONES = { valid: "good", invalid: "bad", undetermined: "doubtful" };
const DECISION_TONES = { accept: "good", return: "bad", suspicious: "doubtful" };
const FACTS = ["author", "number_and_symbol", "dated", "kind", "subject", "sender", "recipient"];
const SHOWN_CHANGES = ["forbidden", "annotations", "form_filling"];

export class ReceiveRoom {
  constructor(desk) {
    this.desk = desk;
    this.root = el("div", { class: "room" });
    this.arrivals = [];
    this.chosen = null;
    this.pages = new Pages();
    this.panel = el("aside", { class: "panel" });
    this.working = 0;
    receiveDrops(this.root, (files) => this.#add(files));
  }

  busy() {
    return this.working > 0;
  }

  show() {
    if (!this.arrivals.length) {
      const zone = dropZone({
        title: t("receive.drop"),
        hint: t("receive.drop_hint"),
        accept: ".pdf,application/pdf",
        many: true,
        taken: (files) => this.#add(files),
      });
      this.progress = el("div", { class: "progress-place", role: "status" });
      this.root.replaceChildren(el("div", { class: "empty" }, zone, this.progress));
      return;
    }
    this.pages.speak();
    const seen = this.pages.root.scrollTop;
    this.panel.setAttribute("aria-label", t("receive.panel"));
    this.root.replaceChildren(
      el("h1", { class: "unseen" }, t("receive.head")),
      el("div", { class: "split" }, this.#stage(), this.panel),
    );
    this.pages.root.scrollTop = seen;
    this.#choose(this.chosen ?? this.arrivals[0]);
  }

  async #add(files) {
    for (const file of files) {
      this.working += 1;
      this.#progress(t("receive.judging", { name: file.name }));
      try {
        const letter = await upload("/api/arrivals", file);
        const judged = await call("POST", `/api/letters/${letter.id}/verify`, {});
        const arrival = { ...judged, id: letter.id };
        this.arrivals.push(arrival);
        this.chosen = arrival;
        this.#progress("");
        this.show();
      } catch (error) {
        const problem = error.problem ?? {};
        const words = `${file.name}: ${said(problem) || t("unreachable")}`;
        const shown = this.progress?.isConnected;
        tell(shown ? "" : words, "bad");
        if (shown) this.progress.replaceChildren(trouble(words, said(problem, "next")));
      } finally {
        this.working -= 1;
      }
    }
  }

  #progress(words) {
    tell(words);
    if (this.progress?.isConnected) this.progress.replaceChildren(words ? el("p", { class: "working" }, words) : "");
  }

  #choose(arrival) {
    const same = this.chosen === arrival && this.pages.letter?.id === arrival.letter.id;
    this.chosen = arrival;
    if (!arrival.letter.pages.length) this.pages.clear();
    else if (!same) this.pages.show(arrival.letter);
    this.empty.hidden = arrival.letter.pages.length > 0;
    this.#mark(arrival);
    this.#render();
    const changed = arrival.report.signatures.map((signature) => this.#changeOf(signature)).find(Boolean);
    if (!same && changed) this.pages.scrollTo(changed.page, changed.rect);
  }

  #remove(arrival) {
    call("DELETE", `/api/letters/${arrival.id}`).catch(() => {});
    this.arrivals = this.arrivals.filter((each) => each !== arrival);
    if (this.chosen === arrival) this.chosen = this.arrivals[0] ?? null;
    if (!this.chosen) this.pages.clear();
    this.show();
  }

  #stage() {
    const zoom = (by) => () => this.pages.setZoom(by === 0 ? 1 : this.pages.zoom * by);
    const tools = el(
      "div",
      { class: "tools", role: "toolbar", "aria-label": t("pages.tools") },
      button("−", zoom(0.8), { "aria-label": t("pages.smaller"), title: t("pages.smaller") }),
      button(t("pages.fit"), zoom(0)),
      button("+", zoom(1.25), { "aria-label": t("pages.larger"), title: t("pages.larger") }),
    );
    this.empty = el("p", { class: "no-pages", hidden: true }, t("receive.no_pages"));
    return el("section", { class: "stage" }, tools, this.empty, this.pages.root);
  }

  // Frames around signatures and around what was changed, each with a word of its own: colour alone says nothing.
  #mark(arrival) {
    this.pages.unmark("mark");
    arrival.report.signatures.forEach((signature, index) => {
      if (signature.page && signature.rect_mm) {
        const tone = MARK_TONES[signature.verdict] ?? "neutral";
        this.#frame(signature.page, signature.rect_mm, tone, t("receive.mark_signature", { number: index + 1 }));
      }
      for (const change of signature.change_list) {
        if (change.page && change.rect_mm && SHOWN_CHANGES.includes(change.severity))
          this.#frame(change.page, change.rect_mm, "bad changed", t("receive.mark_change"), said(change));
      }
    });
    // What looks different without the change telling its place.
    for (const [page, areas] of Object.entries(arrival.areas))
      for (const [left, top, width, height] of areas)
        this.#frame(
          Number(page),
          [left - 1, top - 1, width + 2, height + 2],
          "bad changed",
          t("receive.mark_change"),
          t("receive.mark_differs"),
        );
  }

  #frame(page, rect, tone, word, title = word) {
    this.pages.put(page, rect, el("div", { class: `mark ${tone}`, title }, el("span", {}, word)));
  }

  #render() {
    const arrival = this.chosen;
    const words = arrival.words[currentLanguage()];
    const report = arrival.report;
    const reportFile = (format) => () =>
      save(
        `/api/letters/${arrival.id}/report?format=${format}&language=${currentLanguage()}`,
        `${arrival.letter.name.replace(/\.pdf$/i, "")}.report.${format}`,
      ).catch((error) => tell(said(error.problem ?? {}) || t("unreachable"), "bad"));
    this.panel.replaceChildren(
      el(
        "div",
        { class: "panel-body" },
        this.#list(),
        el(
          "section",
          { class: `verdict tone-${words.tone}`, role: "status" },
          icon(SIGNS[words.tone]),
          el(
            "div",
            {},
            el("h2", {}, words.verdict),
            el("p", {}, words.why),
            words.next_step ? el("p", { class: "next" }, words.next_step) : null,
          ),
        ),
        this.#register(arrival),
        el("section", { class: "group" }, table(words.facts)),
        words.warnings.length
          ? el("section", { class: "group" }, el("h2", {}, t("receive.warnings")), ...words.warnings.map(remark))
          : null,
        ...words.signatures.map((signature, index) => this.#signature(signature, report.signatures[index])),
        words.conformity.length
          ? el(
              "section",
              { class: "group" },
              el("h2", {}, t("receive.conformity")),
              el("p", { class: "hint" }, t("receive.conformity_hint")),
              ...words.conformity.map(remark),
            )
          : null,
        el("details", { class: "group" }, el("summary", {}, t("receive.details")), table(words.details)),
      ),
      el(
        "div",
        { class: "foot" },
        button(t("receive.report_pdf"), reportFile("pdf"), { class: "main" }),
        button(t("open"), () => openLetter(arrival.letter)),
      ),
    );
  }

  // The first place that a reader must look at, told by the change itself or by how the page looks.
  #changeOf(signature) {
    const shown = signature.change_list.filter((change) => change.page && SHOWN_CHANGES.includes(change.severity));
    for (const change of shown) {
      const rect = change.rect_mm ?? this.chosen.areas[change.page]?.[0];
      if (rect) return { page: change.page, rect };
    }
    return null;
  }

  #firstArea(signature) {
    const found = this.#changeOf(signature);
    return found
      ? button(t("receive.show_change"), () => this.pages.scrollTo(found.page, found.rect), { class: "link" })
      : null;
  }

  // What the policy of the incoming desk says, and the row that it becomes once the person agrees.
  #register(arrival) {
    const seen = arrival.foresight;
    if (arrival.entry)
      return el(
        "section",
        { class: "group" },
        el("h2", {}, t("intake.entered")),
        ...(arrival.warnings ?? []).map(notice),
        el(
          "ul",
          { class: "rows" },
          entryCard(arrival.entry, () => this.#reread(arrival)),
        ),
      );
    if (seen.refused)
      return el(
        "details",
        { class: "group" },
        el("summary", {}, t("intake.head")),
        trouble(said(seen.refused), said(seen.refused, "next")),
      );
    const kind = seen.decision.kind;
    const earlier = seen.earlier.length
      ? el(
          "p",
          { class: "doubt" },
          t("intake.earlier", { reference: seen.earlier[0].reference, date: seen.earlier[0].arrived_on }),
        )
      : null;
    const inputs = Object.fromEntries(FACTS.map((name) => [name, this.#input(arrival, name)]));
    const misdirected = el("input", { type: "checkbox", id: "misdirected" });
    misdirected.checked = arrival.given?.misdirected ?? false;
    misdirected.addEventListener("change", () => ((arrival.given ??= {}).misdirected = misdirected.checked));
    const go = button(t(`intake.go_${kind}`), () => this.#enter(arrival, go), { class: "main" });
    return el(
      "section",
      { class: "group intake" },
      el(
        "div",
        { class: "head" },
        el("h2", {}, t("intake.head")),
        el("span", { class: `badge ${DECISION_TONES[kind]}` }, t(`intake.kind_${kind}`)),
      ),
      el("ul", { class: "reasons" }, ...seen.decision.reasons.map((reason) => el("li", {}, said(reason)))),
      earlier,
      ...seen.warnings.map(notice),
      el(
        "details",
        { open: arrival.factsOpen ?? false },
        el("summary", { on: { click: () => (arrival.factsOpen = !arrival.factsOpen) } }, t("intake.facts")),
        ...FACTS.map((name) => field(t(`register.${name}`), inputs[name])),
        el("div", { class: "field check" }, misdirected, el("label", { for: "misdirected" }, t("intake.misdirected"))),
      ),
      el("div", { class: "row" }, go),
      el("p", { class: "hint" }, t(`intake.hint_${kind}`)),
    );
  }

  #input(arrival, name) {
    const input = el("input", {
      type: "text",
      autocomplete: "off",
      value: arrival.given?.[name] ?? arrival.foresight.facts[name] ?? "",
      placeholder: name === "dated" ? t("date_example") : null,
    });
    input.addEventListener("input", () => ((arrival.given ??= {})[name] = input.value));
    return input;
  }

  async #enter(arrival, go) {
    go.disabled = true;
    this.working += 1;
    try {
      const facts = Object.fromEntries(
        FACTS.map((name) => [name, arrival.given?.[name] ?? arrival.foresight.facts[name] ?? ""]),
      );
      const received = await call("POST", `/api/letters/${arrival.id}/receive`, {
        ...facts,
        misdirected: arrival.given?.misdirected ?? false,
      });
      arrival.entry = received.entry;
      arrival.warnings = received.warnings;
      this.#render();
      tell(t("intake.done", { reference: received.entry.reference }), "good");
    } catch (error) {
      const problem = error.problem ?? {};
      go.disabled = false;
      tell(said(problem) || t("unreachable"), "bad");
      go.parentElement.after(trouble(said(problem) || t("unreachable"), said(problem, "next")));
    } finally {
      this.working -= 1;
    }
  }

  async #reread(arrival) {
    const found = await call("GET", `/api/register?words=${encodeURIComponent(arrival.entry.file_name)}`).catch(() => ({
      rows: [],
    }));
    arrival.entry =
      found.rows.find(
        (row) => row.file_name === arrival.entry.file_name && row.arrived_on === arrival.entry.arrived_on,
      ) ?? arrival.entry;
    this.#render();
  }

  #list() {
    const lines = this.arrivals.map((arrival) => {
      const words = arrival.words[currentLanguage()];
      return el(
        "li",
        { class: arrival === this.chosen ? "chosen" : "" },
        button(
          [
            icon("document"),
            el("span", { class: "name" }, arrival.letter.name),
            el("span", { class: `badge ${words.tone}` }, words.verdict),
          ],
          () => this.#choose(arrival),
          { class: "letter", "aria-current": arrival === this.chosen ? "true" : null },
        ),
        button(icon("cross"), () => this.#remove(arrival), {
          class: "bare",
          "aria-label": t("sign.remove", { name: arrival.letter.name }),
          title: t("sign.remove", { name: arrival.letter.name }),
        }),
      );
    });
    const more = button(t("sign.add"), () => chooseFiles(".pdf,application/pdf", true, (files) => this.#add(files)), {
      class: "link",
    });
    return el(
      "section",
      { class: "group" },
      el("div", { class: "head" }, el("h2", {}, count("receive.letters", this.arrivals.length)), more),
      el("ul", { class: "letters" }, ...lines),
    );
  }

  #signature(words, signature) {
    const where =
      signature.page && signature.rect_mm
        ? button(t("receive.show"), () => this.pages.scrollTo(signature.page, signature.rect_mm), { class: "link" })
        : null;
    return el(
      "section",
      { class: "group signature" },
      el(
        "div",
        { class: "head" },
        el("h2", {}, words.title),
        el("span", { class: `badge ${words.tone}` }, words.verdict),
        where,
      ),
      table(words.seven_items),
      el("h3", {}, t("receive.chain")),
      el(
        "ol",
        { class: "chain" },
        ...words.chain.map((link) =>
          el(
            "li",
            { class: `link ${link.state}` },
            el("span", { class: "role" }, link.role),
            el("span", { class: "name" }, link.name),
            el("span", { class: "state" }, link.state_words),
          ),
        ),
      ),
      words.chain_failure ? remark(words.chain_failure) : null,
      el("h3", {}, t("receive.changes")),
      el("p", { class: `tone-${words.changes_tone}` }, words.changes),
      this.#firstArea(signature),
      ...words.change_list.map(remark),
      ...words.reasons.map(remark),
      el("details", {}, el("summary", {}, t("receive.details")), table(words.details)),
    );
  }
}

function table(items) {
  return el("dl", { class: "items" }, ...items.flatMap((item) => [el("dt", {}, item.name), el("dd", {}, item.value)]));
}

function notice(told) {
  return el(
    "div",
    { class: "notice" },
    icon("warning"),
    el("div", {}, el("p", {}, said(told)), said(told, "next") ? el("p", { class: "next" }, said(told, "next")) : null),
  );
}

function remark(one) {
  return el(
    "div",
    { class: `remark tone-${one.tone}` },
    icon(SIGNS[one.tone]),
    el("div", {}, el("p", {}, one.words), one.step ? el("p", { class: "next" }, one.step) : null),
  );
}
