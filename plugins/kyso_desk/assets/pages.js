// The pages of a letter as pictures, drawn by the server as they are seen, sharp on every screen.

import { el } from "./elements.js";
import { blob } from "./server.js";
import { t } from "./words.js";

const AHEAD = "600px";
const FAR = "4000px";
const GROWN = 1.25;
const AT_ONCE = 2;
const FAR_AWAY = 1e6; // a page that is drawn roughly waits for those that are not drawn at all

export class Pages {
  constructor() {
    this.root = el("div", { class: "pages", tabindex: "0", role: "region" });
    this.letter = null;
    this.zoom = 1;
    this.sheets = [];
    this.near = new IntersectionObserver((seen) => seen.forEach((each) => this.#came(each)), {
      root: this.root,
      rootMargin: AHEAD,
    });
    this.far = new IntersectionObserver((seen) => seen.forEach((each) => this.#left(each)), {
      root: this.root,
      rootMargin: FAR,
    });
    let waiting = 0;
    this.sizes = new ResizeObserver(() => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.#sharpen(), 150);
    });
    this.sizes.observe(this.root);
  }

  show(letter) {
    this.#forget();
    this.letter = letter;
    this.root.setAttribute("aria-label", t("pages.label", { name: letter.name }));
    this.sheets = letter.pages.map(([width, height], index) => this.#sheet(index + 1, width, height));
    this.root.replaceChildren(...this.sheets.map((sheet) => sheet.frame));
    this.root.scrollTop = 0;
    for (const sheet of this.sheets) {
      this.near.observe(sheet.frame);
      this.far.observe(sheet.frame);
    }
  }

  // Names everything anew after the language was changed.
  speak() {
    if (!this.letter) return;
    this.root.setAttribute("aria-label", t("pages.label", { name: this.letter.name }));
    for (const sheet of this.sheets)
      sheet.picture.alt = t("pages.page", { number: sheet.number, count: this.sheets.length });
  }

  clear() {
    this.#forget();
    this.letter = null;
    this.root.replaceChildren();
  }

  setZoom(zoom) {
    this.zoom = Math.min(3, Math.max(0.5, zoom));
    for (const sheet of this.sheets) sheet.frame.style.width = `${this.zoom * 100}%`;
    this.root.classList.toggle("zoomed", this.zoom > 1);
    this.#sharpen();
  }

  sheet(number) {
    return this.sheets[number - 1] ?? null;
  }

  // Puts an element over a page at a place in millimetres.
  put(number, rect, element) {
    const sheet = this.sheet(number);
    if (!sheet) return;
    const [left, top, width, height] = rect;
    element.style.left = `${(left / sheet.width) * 100}%`;
    element.style.top = `${(top / sheet.height) * 100}%`;
    element.style.width = `${(width / sheet.width) * 100}%`;
    element.style.height = `${(height / sheet.height) * 100}%`;
    if (element.parentElement !== sheet.over) sheet.over.append(element);
  }

  unmark(kind) {
    for (const mark of this.root.querySelectorAll(`.${kind}`)) mark.remove();
  }

  scrollTo(number, rect) {
    const sheet = this.sheet(number);
    if (!sheet) return;
    const scale = sheet.frame.clientHeight / sheet.height;
    const middle = rect ? (rect[1] + rect[3] / 2) * scale : 0;
    const wanted = sheet.frame.offsetTop + middle - (rect ? this.root.clientHeight / 2 : 12);
    const smooth = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.root.scrollTo({ top: Math.max(0, wanted), behavior: smooth ? "smooth" : "auto" });
  }

  // The page in the middle of what is seen.
  current() {
    const middle = this.root.scrollTop + this.root.clientHeight / 2;
    const found = this.sheets.find((sheet) => sheet.frame.offsetTop + sheet.frame.clientHeight >= middle);
    return found?.number ?? 1;
  }

  #sheet(number, width, height) {
    const picture = el("img", {
      alt: t("pages.page", { number, count: this.letter.pages.length }),
      draggable: "false",
    });
    const over = el("div", { class: "over" });
    const paper = el("div", { class: "paper" }, picture, over);
    const shown = el("p", { class: "number", "aria-hidden": "true" }, `${number} / ${this.letter.pages.length}`);
    const frame = el("div", { class: "sheet", "data-page": number }, paper, shown);
    paper.style.aspectRatio = `${width} / ${height}`;
    frame.style.width = `${this.zoom * 100}%`;
    return { number, width, height, frame, paper, picture, over, drawn: 0, address: null, asking: null };
  }

  #of(entry) {
    return this.sheet(Number(entry.target.dataset.page));
  }

  #came(entry) {
    const sheet = this.#of(entry);
    if (sheet?.frame !== entry.target) return;
    sheet.near = entry.isIntersecting;
    this.#pump();
  }

  #left(entry) {
    const sheet = this.#of(entry);
    if (!sheet || sheet.frame !== entry.target || entry.isIntersecting) return;
    this.#release(sheet);
  }

  #sharpen() {
    this.#pump();
  }

  // The width a sheet still wants: roughly first, then as sharp as the screen shows; 0 where it has enough.
  #wanted(sheet) {
    const shown = sheet.paper.clientWidth;
    const sharp = Math.ceil(shown * Math.min(3, devicePixelRatio || 1));
    const wanted = sheet.drawn ? sharp : Math.ceil(shown);
    return wanted && wanted > sheet.drawn * GROWN ? Math.min(4000, Math.max(64, wanted)) : 0;
  }

  // Draws what is near, the nearest first, and the very first page alone: it is the one a person waits for.
  #pump() {
    const middle = this.root.scrollTop + this.root.clientHeight / 2;
    const away = (sheet) =>
      Math.abs(sheet.frame.offsetTop + sheet.frame.clientHeight / 2 - middle) + (sheet.drawn ? FAR_AWAY : 0);
    const waiting = this.sheets
      .filter((sheet) => sheet.near && !sheet.asking && !sheet.failed && this.#wanted(sheet))
      .sort((one, other) => away(one) - away(other));
    const busy = this.sheets.filter((sheet) => sheet.asking).length;
    const free = (this.sheets.some((sheet) => sheet.drawn) ? AT_ONCE : 1) - busy;
    for (const sheet of waiting.slice(0, Math.max(0, free))) this.#draw(sheet);
  }

  async #draw(sheet) {
    const letter = this.letter;
    const wanted = this.#wanted(sheet);
    sheet.asking = new AbortController();
    try {
      const content = await blob(
        `/api/letters/${letter.id}/pages/${sheet.number}?width=${wanted}`,
        sheet.asking.signal,
      );
      if (this.letter !== letter) return;
      const old = sheet.address;
      sheet.address = URL.createObjectURL(content);
      sheet.picture.src = sheet.address;
      sheet.drawn = wanted;
      sheet.paper.classList.add("drawn");
      if (old) URL.revokeObjectURL(old);
      this.onDrawn?.();
    } catch (error) {
      if (error.name !== "AbortError") {
        sheet.failed = true;
        sheet.over.replaceChildren(el("p", { class: "undrawable" }, t("pages.undrawable")));
        this.onDrawn?.();
      }
    } finally {
      sheet.asking = null;
      this.#pump();
    }
  }

  #release(sheet) {
    sheet.asking?.abort();
    sheet.picture.removeAttribute("src");
    if (sheet.address) URL.revokeObjectURL(sheet.address);
    sheet.address = null;
    sheet.drawn = 0;
    sheet.paper.classList.remove("drawn");
  }

  #forget() {
    for (const sheet of this.sheets) {
      this.near.unobserve(sheet.frame);
      this.far.unobserve(sheet.frame);
      this.#release(sheet);
    }
    this.sheets = [];
  }
}
