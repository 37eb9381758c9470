// The stamp over the page: moved and resized in millimetres with the mouse, a finger or the keyboard, and snapping.

import { el } from "./elements.js";
import { millimetres, t } from "./words.js";

const SNAP_MM = 1.6;
const LEAST_MM = 5;
const SMALL_PX = 40; // below it four corners would hide the stamp
// Margins of an official letter (Decree 30/2020, annex I, I.5): 20 top and bottom, 30 left, 20 right.
const MARGINS = { left: 30, right: 20, top: 20, bottom: 20 };
const CORNERS = ["nw", "ne", "sw", "se"];

export class Stamp {
  // changed(page, rect): told when the person let go of a new place.
  constructor(pages, changed) {
    this.pages = pages;
    this.changed = changed;
    this.resizable = true;
    this.picture = el("img", { alt: "", draggable: "false" });
    this.handles = CORNERS.map((corner) => el("span", { class: `corner ${corner}`, "data-corner": corner }));
    this.box = el("div", { class: "stamp", tabindex: "0", role: "group" }, this.picture, ...this.handles);
    this.box.addEventListener("pointerdown", (event) => this.#grab(event));
    this.box.addEventListener("keydown", (event) => this.#key(event));
    this.guides = [el("div", { class: "guide across" }), el("div", { class: "guide down" })];
    this.address = null;
    this.edges = { x: [], y: [] };
  }

  // boxes: rectangles in mm on the page that are worth aligning with.
  show(page, rect, png, { resizable, boxes }) {
    this.page = page;
    this.rect = [...rect];
    this.resizable = resizable;
    this.box.classList.toggle("fixed-size", !resizable);
    if (this.address) URL.revokeObjectURL(this.address);
    this.address = png ? URL.createObjectURL(png) : null;
    if (this.address) this.picture.src = this.address;
    else this.picture.removeAttribute("src");
    this.picture.hidden = !this.address;
    this.boxes = boxes;
    this.#place();
  }

  hide() {
    this.box.remove();
    for (const guide of this.guides) guide.remove();
  }

  #sheet() {
    return this.pages.sheet(this.page);
  }

  #place() {
    this.pages.put(this.page, this.rect, this.box);
    const sheet = this.#sheet();
    const shown = Math.min(this.rect[2], this.rect[3]) * (sheet.paper.clientWidth / sheet.width);
    this.box.classList.toggle("small", shown < SMALL_PX);
    const [left, top, width, height] = this.rect.map((value) => millimetres(value));
    this.box.setAttribute("aria-roledescription", t("stamp.role"));
    this.box.setAttribute("aria-label", t("stamp.place", { page: this.page, left, top, width, height }));
  }

  #edges() {
    const sheet = this.#sheet();
    const x = [MARGINS.left, sheet.width / 2, sheet.width - MARGINS.right];
    const y = [MARGINS.top, sheet.height - MARGINS.bottom];
    for (const [left, top, width, height] of this.boxes) {
      x.push(left, left + width / 2, left + width);
      y.push(top, top + height);
    }
    return { x, y };
  }

  #snap(rect, free, moving) {
    if (free) return { rect, x: null, y: null };
    const [left, top, width, height] = rect;
    const wanted = this.#edges();
    const nearest = (positions, targets) => {
      let best = null;
      for (const position of positions)
        for (const target of targets) {
          const off = target - position;
          if (Math.abs(off) <= SNAP_MM && (best === null || Math.abs(off) < Math.abs(best.off))) best = { off, target };
        }
      return best;
    };
    const x = nearest(moving ? [left, left + width / 2, left + width] : [left + width], wanted.x);
    const y = nearest(moving ? [top, top + height] : [top + height], wanted.y);
    const dx = x?.off ?? 0;
    const dy = y?.off ?? 0;
    const snapped = moving ? [left + dx, top + dy, width, height] : [left, top, width + dx, height + dy];
    return { rect: snapped, x: x?.target ?? null, y: y?.target ?? null };
  }

  #guide(x, y) {
    const sheet = this.#sheet();
    const [across, down] = this.guides;
    if (y === null) across.remove();
    else this.pages.put(this.page, [0, y, sheet.width, 0], across);
    if (x === null) down.remove();
    else this.pages.put(this.page, [x, 0, 0, sheet.height], down);
  }

  #within(rect) {
    const sheet = this.#sheet();
    const [left, top, width, height] = rect;
    const w = Math.min(Math.max(LEAST_MM, width), sheet.width);
    const h = Math.min(Math.max(LEAST_MM, height), sheet.height);
    return [Math.min(Math.max(0, left), sheet.width - w), Math.min(Math.max(0, top), sheet.height - h), w, h];
  }

  #grab(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    this.box.focus({ preventScroll: true });
    const corner = this.resizable ? event.target.dataset.corner : undefined;
    const start = [...this.rect];
    const from = [event.clientX, event.clientY];
    const frame = this.#sheet().paper.getBoundingClientRect();
    const scale = this.#sheet().width / frame.width;
    const grip = (event.clientY - frame.top) * scale - start[1];
    let moved = false;
    this.box.setPointerCapture(event.pointerId);
    this.box.classList.add("held");
    const move = (now) => {
      const dx = (now.clientX - from[0]) * scale;
      const dy = (now.clientY - from[1]) * scale;
      moved ||= Math.abs(dx) + Math.abs(dy) > 0.3;
      if (corner) {
        this.rect = this.#within(this.#resized(start, corner, dx, dy));
        this.#guide(null, null);
      } else {
        this.#overPage(now);
        const free = this.#snap([start[0] + dx, this.#topAt(now, grip), start[2], start[3]], now.altKey, true);
        this.rect = this.#within(free.rect);
        this.#guide(free.x, free.y);
      }
      this.#place();
    };
    const drop = () => {
      this.box.removeEventListener("pointermove", move);
      this.box.classList.remove("held");
      this.#guide(null, null);
      if (moved) this.changed(this.page, this.rect);
    };
    this.box.addEventListener("pointermove", move);
    this.box.addEventListener("lostpointercapture", drop, { once: true });
  }

  // A stamp that is dragged onto another page moves there.
  #overPage(now) {
    for (const sheet of this.pages.sheets) {
      const frame = sheet.paper.getBoundingClientRect();
      if (now.clientY >= frame.top && now.clientY <= frame.bottom && sheet.number !== this.page) {
        this.page = sheet.number;
        return;
      }
    }
  }

  #topAt(now, grip) {
    const sheet = this.#sheet();
    const frame = sheet.paper.getBoundingClientRect();
    return ((now.clientY - frame.top) * sheet.height) / frame.height - grip;
  }

  #resized([left, top, width, height], corner, dx, dy) {
    const west = corner.includes("w");
    const north = corner.includes("n");
    const w = Math.max(LEAST_MM, width + (west ? -dx : dx));
    const h = Math.max(LEAST_MM, height + (north ? -dy : dy));
    return [west ? left + width - w : left, north ? top + height - h : top, w, h];
  }

  #key(event) {
    const step = event.ctrlKey ? 0.1 : event.shiftKey ? 10 : 1;
    const [left, top, width, height] = this.rect;
    const moves = {
      ArrowLeft: [left - step, top, width, height],
      ArrowRight: [left + step, top, width, height],
      ArrowUp: [left, top - step, width, height],
      ArrowDown: [left, top + step, width, height],
    };
    if (this.resizable) {
      const ratio = height / width;
      moves["+"] = moves["="] = [left, top, width + step, height + step * ratio];
      moves["-"] = [left, top, width - step, height - step * ratio];
    }
    let wanted = moves[event.key];
    if (event.key === "PageDown" || event.key === "PageUp") {
      const page = this.page + (event.key === "PageDown" ? 1 : -1);
      if (!this.pages.sheet(page)) return;
      this.page = page;
      wanted = this.rect;
    }
    if (!wanted) return;
    event.preventDefault();
    this.rect = this.#within(wanted);
    this.#place();
    this.box.focus({ preventScroll: true });
    this.pages.scrollTo(this.page, this.rect);
    clearTimeout(this.settling);
    this.settling = setTimeout(() => this.changed(this.page, this.rect), 500);
  }
}
