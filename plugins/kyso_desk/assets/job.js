// Signing under way, in one dialog: what is signed, the PIN, the phone, progress, and what came of it.

import { button, el, icon, trouble } from "./elements.js";
import { call, openLetter, save } from "./server.js";
import { count, said, t } from "./words.js";

const WATCH_MS = 300;

// Runs the job that the request describes; many letters are listed and confirmed first. Returns what was signed and
// whether the person goes on with the results, or null where nothing began.
export async function runJob(request, lines, keyWords) {
  const dialog = new JobDialog(keyWords);
  try {
    if (lines.length > 1 && !(await dialog.confirm(lines))) return null;
    return await dialog.run(request);
  } finally {
    dialog.close();
  }
}

// Watches a job that another tab, or this one before it was loaded anew, has begun.
export async function watchJob(identifier) {
  const dialog = new JobDialog("");
  try {
    return await dialog.watch(await call("GET", `/api/jobs/${identifier}`));
  } catch {
    return null; // it ended and was forgotten in the meantime
  } finally {
    dialog.close();
  }
}

class JobDialog {
  constructor(keyWords) {
    this.keyWords = keyWords;
    this.title = el("h2", { id: "job-title" });
    this.body = el("div", { class: "dialog-body", "aria-live": "polite" });
    this.actions = el("div", { class: "actions" });
    this.dialog = el("dialog", { class: "job", "aria-labelledby": "job-title" }, this.title, this.body, this.actions);
    // Leaving is a decision of its own, with a button of its own.
    this.dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(this.dialog);
    this.dialog.showModal();
  }

  close() {
    this.dialog.close();
    this.dialog.remove();
  }

  #show(title, body, actions, focus) {
    this.title.textContent = title;
    this.body.replaceChildren(...body.filter(Boolean));
    this.actions.replaceChildren(...actions.filter(Boolean));
    focus?.focus();
  }

  confirm(lines) {
    return new Promise((resolve) => {
      const agreed = el("input", { type: "checkbox", id: "job-agreed" });
      const go = button(t("job.sign_all", { number: lines.length }), () => resolve(true), {
        class: "main",
        disabled: true,
      });
      agreed.addEventListener("change", () => (go.disabled = !agreed.checked));
      const rows = lines.map(({ name, place, notices }) =>
        el(
          "li",
          {},
          el("span", { class: "name" }, name),
          el("span", { class: "where" }, place.rect_mm ? t("job.on_page", { page: place.page }) : ""),
          ...notices.map((notice) => el("p", { class: "doubt" }, said(notice))),
        ),
      );
      this.#show(
        t("job.confirm", { number: lines.length }),
        [
          el("p", {}, t("job.confirm_hint", { key: this.keyWords })),
          el("ol", { class: "job-list", tabindex: "0" }, ...rows),
          el("div", { class: "field check" }, agreed, el("label", { for: "job-agreed" }, t("job.agreed"))),
        ],
        [button(t("cancel"), () => resolve(false)), go],
        agreed,
      );
    });
  }

  async run(request) {
    let job;
    try {
      this.#working(null);
      job = await call("POST", "/api/jobs", request);
    } catch (error) {
      return this.#refused(error);
    }
    return this.watch(job);
  }

  async watch(job) {
    let shown = "";
    while (job.state !== "done" && job.state !== "cancelled") {
      const now = JSON.stringify([job.state, job.question, job.notice, job.items.map((item) => item.state)]);
      if (now !== shown) this.#render(job);
      shown = now;
      this.#countDown(job);
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      try {
        job = await call("GET", `/api/jobs/${job.id}`);
      } catch (error) {
        return this.#refused(error);
      }
    }
    return this.#ended(job);
  }

  #refused(error) {
    return new Promise((resolve) => {
      const problem = error.problem ?? {};
      const close = button(t("close"), () => resolve(null), { class: "main" });
      this.#show(
        t("job.not_signed"),
        [trouble(said(problem) || t("unreachable"), said(problem, "next"))],
        [close],
        close,
      );
    });
  }

  #render(job) {
    if (job.state === "asking") this.#ask(job);
    else if (job.state === "pending") this.#phone(job);
    else this.#working(job);
  }

  #stop(job) {
    return button(t("job.stop"), () => call("POST", `/api/jobs/${job.id}/stop`, {}).catch(() => {}));
  }

  #working(job) {
    const total = job?.items.length ?? 1;
    const done = job?.items.filter((item) => item.state === "signed" || item.state === "failed").length ?? 0;
    const bar = el("progress", {
      max: String(total),
      value: total > 1 ? String(done) : null,
      "aria-label": t("job.working"),
    });
    const words = total > 1 ? t("job.progress", { done, total }) : t("job.working");
    this.#show(
      t("job.signing"),
      [bar, el("p", {}, words), job?.notice ? el("p", { class: "notice-line" }, icon("key"), said(job.notice)) : null],
      [job ? this.#stop(job) : null],
    );
  }

  #ask(job) {
    const input = el("input", {
      type: "password",
      id: "job-secret",
      autocomplete: "off",
      autocapitalize: "off",
      spellcheck: "false",
      maxlength: "1024",
      required: true,
    });
    const hint = el("p", { class: "hint", id: "job-secret-hint" }, t("job.secret_hint"));
    input.setAttribute("aria-describedby", hint.id);
    const form = el("form", { class: "secret" }, el("label", { for: "job-secret" }, said(job.question)), input, hint);
    const hand = async (event) => {
      event.preventDefault();
      const secret = input.value;
      input.value = "";
      if (!secret) return input.focus();
      this.#working(null);
      await call("POST", `/api/jobs/${job.id}/secret`, { secret }).catch(() => {});
      return null;
    };
    form.addEventListener("submit", hand);
    const next = said(job.question, "next");
    this.#show(
      count("job.asking", job.items.length),
      [form, next ? el("p", { class: "next" }, next) : null],
      [this.#stop(job), button(t("job.hand_over"), hand, { class: "main" })],
      input,
    );
  }

  #phone(job) {
    this.left = el("p", { class: "countdown", role: "timer" });
    this.#show(
      t("job.phone"),
      [
        el("div", { class: "phone" }, icon("phone"), el("p", {}, said(job.instruction))),
        this.left,
        el("p", { class: "hint" }, t("job.phone_hint")),
        job.notice ? el("p", { class: "notice-line" }, said(job.notice)) : null,
      ],
      [this.#stop(job)],
    );
  }

  #countDown(job) {
    if (job.state !== "pending" || !this.left) return;
    const seconds = job.seconds_left ?? 0;
    this.left.textContent = t("job.left", {
      time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`,
    });
  }

  #ended(job) {
    return new Promise((resolve) => {
      const signed = job.items.filter((item) => item.state === "signed");
      const rows = job.items.map((item) => this.#row(item));
      const close = button(t("close"), () => resolve({ signed, goOn: false }), { class: signed.length ? "" : "main" });
      const goOn = signed.length
        ? button(t("job.go_on"), () => resolve({ signed, goOn: true }), { class: "main" })
        : null;
      const title = !signed.length
        ? t(job.state === "cancelled" ? "job.stopped" : "job.not_signed")
        : signed.length === job.items.length
          ? count("job.signed", signed.length)
          : t("job.some_signed", { done: signed.length, total: job.items.length });
      this.#show(title, [el("ul", { class: "results" }, ...rows)], [close, goOn], goOn ?? close);
    });
  }

  #row(item) {
    if (item.state !== "signed") {
      const words = item.error
        ? trouble(said(item.error), said(item.error, "next"))
        : el("p", { class: "hint" }, t("job.item_stopped"));
      return el("li", { class: "failed" }, el("p", { class: "name" }, item.name), words);
    }
    const letter = item.result;
    const notices = item.signed.notices.map((notice) => el("p", { class: "doubt" }, said(notice)));
    return el(
      "li",
      { class: "signed" },
      el("p", { class: "name" }, icon("check"), item.signed.name),
      el("p", { class: "hint" }, t("job.saved", { path: item.signed.out })),
      ...notices,
      letter
        ? el(
            "div",
            { class: "row" },
            button(t("open"), () => openLetter(letter)),
            button(t("download"), () => save(`/api/letters/${letter.id}/file`, item.signed.name)),
          )
        : null,
    );
  }
}
