// Set-up: what is configured, and the first run that writes kyso.toml from a few answers.

import { button, el, field, icon, select, tell, trouble } from "./elements.js";
import { call, upload } from "./server.js";
import { said, t } from "./words.js";

const RULER_MM = 50;

export class SetupRoom {
  // reloaded: told when the desk has a configuration now.
  constructor(desk, reloaded) {
    this.reloaded = reloaded;
    this.root = el("div", { class: "room reading" });
    this.given = { organisation: "", leader_title: "", seal_diameter_mm: "36" };
    this.files = {};
    this.roots = [];
    this.keys = null;
  }

  async show() {
    this.body = el("div", { class: "page-body" });
    this.root.replaceChildren(this.body);
    try {
      this.state = await call("GET", "/api/setup");
    } catch (error) {
      this.#refuse(error, this.body);
      return;
    }
    if (this.state.config) this.#configured();
    else this.#first();
  }

  #refuse(error, place) {
    const problem = error.problem ?? {};
    place.replaceChildren(trouble(said(problem) || t("unreachable"), said(problem, "next")));
  }

  // --------------------------------------------------------------------------------------------- what there is

  #configured() {
    const state = this.state;
    const yes = (value) => t(value ? "setup.yes" : "setup.no");
    const items = [
      ["setup.file", state.config],
      ["setup.organisation", state.organisation || "-"],
      ["setup.leader_image", yes(state.leader_image)],
      ["setup.seal_image", yes(state.seal_image) + (state.seal_diameter_mm ? `, ${state.seal_diameter_mm} mm` : "")],
      ["setup.trust", state.trust.join(", ") || t("setup.no")],
      ["setup.results", state.results],
    ];
    const problems = state.problems.length
      ? state.problems.map((problem) => trouble(said(problem), said(problem, "next")))
      : [el("p", { class: "all-well" }, icon("check"), t("setup.no_problems"))];
    this.keyPlace = el("div", { "aria-live": "polite" });
    this.body.replaceChildren(
      el("h1", {}, t("setup.head")),
      el(
        "section",
        { class: "group" },
        el("dl", { class: "items" }, ...items.flatMap(([name, value]) => [el("dt", {}, t(name)), el("dd", {}, value)])),
        el("p", { class: "hint" }, t("setup.edit_hint")),
      ),
      el("section", { class: "group" }, el("h2", {}, t("setup.problems")), ...problems),
      el("section", { class: "group" }, el("h2", {}, t("setup.keys")), this.keyPlace),
    );
    this.#listKeys(() => {});
  }

  async #listKeys(done) {
    this.keyPlace.replaceChildren(el("p", { class: "working" }, t("setup.looking")));
    try {
      const { keys, failures } = await call("GET", "/api/setup/keys");
      this.keys = keys;
      const rows = keys.map((key) =>
        el(
          "li",
          {},
          icon("key"),
          el("span", { class: "name" }, [key.name, key.subject].filter(Boolean).join(" · ")),
          el(
            "span",
            { class: "hint" },
            [t(`keykind.${key.kind}`), key.issuer, key.not_after ? t("setup.until", { date: key.not_after }) : ""]
              .filter(Boolean)
              .join(" · "),
          ),
        ),
      );
      this.keyPlace.replaceChildren(
        keys.length ? el("ul", { class: "keys" }, ...rows) : el("p", { class: "note" }, t("setup.no_keys")),
        ...failures.map((failure) => el("p", { class: "doubt" }, `${failure.source}: ${said(failure)}`)),
      );
      done();
    } catch (error) {
      this.#refuse(error, this.keyPlace);
    }
  }

  // --------------------------------------------------------------------------------------------- the first run

  #first() {
    const organisation = el("input", {
      type: "text",
      value: this.given.organisation,
      maxlength: "200",
      required: true,
      autocomplete: "organization",
    });
    organisation.addEventListener("input", () => (this.given.organisation = organisation.value));
    this.keyPlace = el("div", { "aria-live": "polite" });
    this.leaderPlace = el("div");
    this.sealPlace = el("div");
    this.rootPlace = el("div");
    this.wrong = el("div", { "aria-live": "assertive" });
    const form = el(
      "form",
      { class: "first-run", novalidate: true },
      el("h1", {}, t("setup.first_head")),
      el("p", {}, t("setup.first_hint", { file: this.state.target })),
      this.#step(
        1,
        t("setup.organisation"),
        field(t("setup.organisation_label"), organisation, t("setup.organisation_hint")),
      ),
      this.#step(2, t("setup.leader"), this.leaderPlace),
      this.#step(3, t("setup.seal"), this.sealPlace),
      this.#step(4, t("setup.roots"), this.rootPlace),
      this.wrong,
      el("div", { class: "row end" }, el("button", { type: "submit", class: "main" }, t("setup.write"))),
    );
    form.addEventListener("input", () => this.wrong.replaceChildren());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#write();
    });
    this.body.replaceChildren(form);
    this.#parts();
    this.#listKeys(() => this.#parts());
  }

  #step(number, head, ...children) {
    return el(
      "section",
      { class: "step", "aria-labelledby": `step-${number}` },
      el(
        "h2",
        { id: `step-${number}` },
        el("span", { class: "step-number", "aria-hidden": "true" }, String(number)),
        head,
      ),
      ...children,
    );
  }

  #parts() {
    const title = el("input", {
      type: "text",
      value: this.given.leader_title,
      maxlength: "100",
      placeholder: t("setup.title_example"),
      autocomplete: "off",
    });
    title.addEventListener("input", () => (this.given.leader_title = title.value));
    this.leaderPlace.replaceChildren(
      this.#keyChoice("leader_key"),
      field(t("setup.leader_title"), title),
      this.#picture("leader_image", t("setup.leader_image"), t("setup.leader_image_hint")),
    );
    const diameter = el("input", {
      type: "number",
      value: this.given.seal_diameter_mm,
      min: "5",
      max: "100",
      step: "0.5",
      inputmode: "decimal",
    });
    diameter.addEventListener("input", () => {
      this.given.seal_diameter_mm = diameter.value;
      this.#trueSize();
    });
    this.sample = el("div", { class: "true-size" });
    this.sealPlace.replaceChildren(
      this.#keyChoice("seal_key"),
      this.#picture("seal_image", t("setup.seal_image"), t("setup.seal_image_hint")),
      field(t("setup.seal_diameter"), diameter, t("setup.seal_diameter_hint")),
      this.sample,
    );
    this.#trueSize();
    this.#rootList();
  }

  #keyChoice(name) {
    const options = [
      ["", t("setup.later")],
      ...(this.keys ?? []).map((key) => [key.id, `${key.subject} · ${t(`keykind.${key.kind}`)}`]),
    ];
    const file = this.files[name];
    if (file) options.push([file.id, file.name]);
    const chosen = this.given[name] ?? file?.id ?? "";
    const choice = select(options, chosen, (value) => (this.given[name] = value));
    const label = t(`setup.${name}`);
    return el(
      "div",
      { class: "with-button" },
      field(label, choice, this.keys ? null : t("setup.looking")),
      this.#chooser("key", ".p12,.pfx", t("setup.key_file"), (taken) => {
        this.files[name] = taken;
        this.given[name] = taken.id;
        this.#parts();
      }),
    );
  }

  #chooser(kind, accept, label, taken) {
    const input = el("input", { type: "file", accept, class: "hidden-input", tabindex: "-1", "aria-hidden": "true" });
    input.addEventListener("change", async () => {
      const file = input.files[0];
      input.value = "";
      if (!file) return;
      try {
        taken({
          ...(await upload(`/api/setup/files?kind=${kind}`, file)),
          picture: kind.endsWith("image") ? URL.createObjectURL(file) : null,
        });
      } catch (error) {
        const problem = error.problem ?? {};
        tell(`${file.name}: ${said(problem) || t("unreachable")} ${said(problem, "next")}`, "bad");
      }
    });
    return el(
      "div",
      { class: "chooser" },
      button(label, () => input.click()),
      input,
    );
  }

  #picture(name, label, hint) {
    const file = this.files[name];
    const choose = this.#chooser(
      name,
      "image/png",
      file ? t("setup.other_picture") : t("setup.choose_picture"),
      (taken) => {
        this.files[name] = taken;
        this.#parts();
      },
    );
    return el(
      "div",
      { class: "field picture" },
      el("p", { class: "label" }, label),
      el("div", { class: "row" }, file ? el("img", { src: file.picture, alt: label }) : null, choose),
      el("p", { class: "hint" }, hint),
    );
  }

  // The seal beside a ruler of 50 mm: held against the screen, both show whether the size is right.
  #trueSize() {
    const diameter = Number(this.given.seal_diameter_mm);
    const file = this.files.seal_image;
    if (!file || !(diameter >= 5 && diameter <= 100)) {
      this.sample.replaceChildren();
      return;
    }
    const seal = el("img", { src: file.picture, alt: t("setup.seal_sample", { diameter }) });
    seal.style.width = `${diameter}mm`;
    const ruler = el("div", { class: "ruler", "aria-hidden": "true" }, `${RULER_MM} mm`);
    ruler.style.width = `${RULER_MM}mm`;
    this.sample.replaceChildren(seal, ruler, el("p", { class: "hint" }, t("setup.ruler_hint")));
  }

  #rootList() {
    const boxes = this.roots.flatMap((file) =>
      file.roots.map((root) => {
        const box = el("input", { type: "checkbox", id: `root-${root.sha256}`, checked: file.agreed.has(root.sha256) });
        box.addEventListener("change", () =>
          box.checked ? file.agreed.add(root.sha256) : file.agreed.delete(root.sha256),
        );
        const fingerprint = root.sha256.toUpperCase().match(/.{4}/g).join(" ");
        return el(
          "div",
          { class: "field check" },
          box,
          el("label", { for: box.id }, el("strong", {}, root.name), el("code", {}, fingerprint)),
        );
      }),
    );
    this.rootPlace.replaceChildren(
      el("p", { class: "hint" }, t("setup.roots_hint")),
      ...boxes,
      this.#chooser("root", ".pem,.cer,.crt,.der,.p7b", t("setup.add_root"), (taken) => {
        this.roots.push({ ...taken, agreed: new Set() });
        this.#rootList();
      }),
    );
  }

  async #write() {
    const given = this.given;
    const asked = {
      organisation: given.organisation.trim(),
      leader_key: given.leader_key || null,
      leader_title: given.leader_title.trim(),
      leader_image: this.files.leader_image?.id ?? null,
      seal_key: given.seal_key || null,
      seal_image: this.files.seal_image?.id ?? null,
      seal_diameter_mm: given.seal_diameter_mm ? Number(given.seal_diameter_mm) : null,
      roots: Object.fromEntries(this.roots.map((file) => [file.id, [...file.agreed]])),
    };
    try {
      const { config } = await call("POST", "/api/setup", asked);
      tell(t("setup.written", { file: config }), "good");
      await this.reloaded();
      await this.show();
    } catch (error) {
      const problem = error.problem ?? {};
      this.wrong.replaceChildren(trouble(said(problem) || t("unreachable"), said(problem, "next")));
    }
  }
}
