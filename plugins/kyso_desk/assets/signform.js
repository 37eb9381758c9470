// As whom and with which key: the role, the key, and the settings that the role's policy declares.

import { el, field, select } from "./elements.js";
import { said, t } from "./words.js";

const NEXT_ROLE = { initial: "leader", leader: "seal" };
const TYPING_MS = 400;

// The text of a code that may have none.
function named(code) {
  const words = t(code);
  return words === code ? null : words;
}

export class SignForm {
  constructor(desk, changed) {
    this.changed = changed;
    this.root = el("div");
    this.values = {};
    this.take(desk);
  }

  take(desk) {
    this.desk = desk;
    const configured = desk.roles.find((role) => role.policy === desk.policy);
    this.chosenRole ??= (configured ?? desk.roles[0])?.name;
    this.#suitKey();
    this.speak();
  }

  role() {
    return this.desk.roles.find((role) => role.name === this.chosenRole);
  }

  request() {
    const declared = new Set((this.role()?.settings ?? []).map((setting) => setting.name));
    const settings = Object.fromEntries(
      Object.entries(this.values).filter(([name, value]) => declared.has(name) && value !== ""),
    );
    return { role: this.chosenRole, key: this.key, settings };
  }

  keyWords() {
    const key = this.desk.keys.find((each) => each.name === this.key);
    return key ? `${key.name} (${t(`key.${key.kind}`)})` : "";
  }

  // After one role has signed, the next one on the letter's way comes.
  advance() {
    const next = NEXT_ROLE[this.chosenRole];
    if (!next || !this.desk.roles.some((role) => role.name === next)) return;
    this.chosenRole = next;
    this.#suitKey();
    this.speak();
  }

  #suits(key) {
    const wanted = this.role()?.key_roles ?? [];
    return key.role === null || wanted.includes(key.role);
  }

  #suitKey() {
    const wanted = this.role()?.key_roles ?? [];
    const ranked = [
      ...wanted.map((name) => this.desk.keys.find((key) => key.role === name)),
      this.desk.keys.find((key) => key.name === this.desk.default_key),
      this.desk.keys[0],
    ];
    this.key = ranked.find((key) => key)?.name ?? "";
  }

  speak() {
    const role = this.role();
    if (!role) return;
    const roles = select(
      this.desk.roles.map((each) => [each.name, t(`role.${each.name}`)]),
      this.chosenRole,
      (value) => {
        this.chosenRole = value;
        this.#suitKey();
        this.speak();
        this.changed(true);
      },
    );
    const keys = select(
      this.desk.keys.map((key) => [
        key.name,
        `${key.title || t(`keyrole.${key.role ?? "none"}`)} · ${key.name} · ${t(`key.${key.kind}`)}`,
      ]),
      this.key,
      (value) => {
        this.key = value;
        this.speak();
        this.changed();
      },
      { disabled: !this.desk.keys.length },
    );
    const chosen = this.desk.keys.find((key) => key.name === this.key);
    const unsuited =
      chosen && !this.#suits(chosen) ? t("sign.key_unsuited") : this.desk.keys.length ? null : t("sign.no_keys");
    const asked = role.settings.filter((setting) => setting.asked || setting.required);
    const further = role.settings.filter((setting) => !asked.includes(setting));
    this.root.replaceChildren(
      el(
        "section",
        { class: "group" },
        field(t("sign.role"), roles, said(role.summary)),
        field(t("sign.key"), keys, unsuited),
        ...asked.map((setting) => this.#setting(setting)),
        further.length
          ? el(
              "details",
              { open: this.furtherOpen },
              el("summary", { on: { click: () => (this.furtherOpen = !this.furtherOpen) } }, t("sign.further")),
              ...further.map((setting) => this.#setting(setting)),
            )
          : null,
      ),
    );
  }

  #set(name, value) {
    this.values[name] = value;
    clearTimeout(this.typing);
    this.typing = setTimeout(() => this.changed(), TYPING_MS);
  }

  #setting(setting) {
    const value = this.values[setting.name] ?? "";
    const label = named(`setting.${setting.name}`) ?? said(setting.summary);
    const hint = label === said(setting.summary) ? null : said(setting.summary);
    const words = label + (setting.required ? ` (${t("required")})` : "");
    if (setting.kind === "choice") {
      const options = setting.choices.map((choice) => [choice, named(`choice.${setting.name}.${choice}`) ?? choice]);
      if (setting.default === null) options.unshift(["", t("choose")]);
      return field(
        words,
        select(options, value || (setting.default ?? ""), (chosen) => this.#set(setting.name, chosen)),
        hint,
      );
    }
    if (setting.kind === "flag") {
      const identifier = `set-${setting.name}`;
      const box = el("input", { type: "checkbox", id: identifier, checked: value === "yes" });
      box.addEventListener("change", () => this.#set(setting.name, box.checked ? "yes" : ""));
      return el("div", { class: "field check" }, box, el("label", { for: identifier }, said(setting.summary)));
    }
    const input = el("input", {
      type: "text",
      value,
      placeholder: setting.kind === "date" ? t("date_example") : (setting.default ?? ""),
      autocomplete: "off",
      inputmode: setting.kind === "mm" ? "decimal" : null,
    });
    input.addEventListener("input", () => this.#set(setting.name, input.value.trim()));
    return field(words, input, hint);
  }
}
