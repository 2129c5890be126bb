// The map: units on a grid in metres, north at the top.

import { drawArrow, drawCross, drawDot, drawPanic, drawRing } from "./signs.js";
import { PANICKING, SET_ASIDE, STALE } from "./units.js";

const MARGIN = 48; // pixels around the units
const SMALLEST_SPAN = 400; // metres that are shown at least
const LARGEST_SPAN = 60000;
const GRID_PIXELS = 80; // between two lines at least
const FRAME_MILLISECONDS = 33;
const REST = 2; // times as long as it takes to draw, so that the page answers meanwhile
const LONGEST_REST = 250; // milliseconds
const REACH = 14; // pixels around a unit that count as it
const MOST_LABELS = 80; // units in view up to which others than panicking ones are labelled

export class UnitMap {
  #frame;
  #canvas;
  #units;
  #onPick;
  #centre = [0, 0];
  #scale = 0.1; // pixels a metre
  #own = false; // the operator has chosen what is shown
  #asked = false;
  #drawnAt = 0;
  #cost = 0; // milliseconds that the last drawing took
  #colours = {};
  #pointers = new Map();
  #dragged = 0;

  constructor(frame, canvas, units, onPick) {
    this.#frame = frame;
    this.#canvas = canvas;
    this.#units = units;
    this.#onPick = onPick;
    this.#readColours();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.#readColours();
      this.redraw();
    });
    new ResizeObserver(() => this.#resize()).observe(frame);
    frame.addEventListener("keydown", (event) => this.#key(event));
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("pointerdown", (event) => this.#down(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    frame.addEventListener("pointerup", (event) => this.#up(event));
    frame.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
  }

  /** Draws soon, and goes on while units glide. */
  redraw() {
    if (!this.#asked) {
      this.#asked = true;
      requestAnimationFrame((now) => this.#draw(now));
    }
  }

  zoom(factor, [x, y] = [this.#width / 2, this.#height / 2]) {
    const [east, north] = this.#metres(x, y);
    const smallest = Math.min(this.#width, this.#height) / LARGEST_SPAN;
    const largest = Math.min(this.#width, this.#height) / 40;
    this.#scale = Math.min(largest, Math.max(smallest, this.#scale * factor));
    this.#centre = [east - (x - this.#width / 2) / this.#scale, north + (y - this.#height / 2) / this.#scale];
    this.#own = true;
    this.redraw();
  }

  pan(x, y) {
    this.#centre = [this.#centre[0] + x / this.#scale, this.#centre[1] - y / this.#scale];
    this.#own = true;
    this.redraw();
  }

  /** Shows all units, and goes on doing so. */
  fit() {
    this.#own = false;
    this.#fitNow(true);
    this.redraw();
  }

  get #width() {
    return this.#frame.clientWidth;
  }

  get #height() {
    return this.#frame.clientHeight;
  }

  #readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["map", "grid", "quiet", "unit", "stale", "warning", "problem", "card", "ink"]) {
      this.#colours[name] = style.getPropertyValue(`--${name}`).trim();
    }
  }

  #resize() {
    const ratio = devicePixelRatio || 1;
    this.#canvas.width = Math.round(this.#width * ratio);
    this.#canvas.height = Math.round(this.#height * ratio);
    this.#fitNow(!this.#own);
    this.#paint(performance.now()); // at once: a canvas that changes its size is empty
  }

  #fitNow(force) {
    if (this.#own || this.#units.all.size === 0 || this.#width === 0) {
      return;
    }
    let [west, east, south, north] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const { x, y } of this.#units.all.values()) {
      west = Math.min(west, x);
      east = Math.max(east, x);
      south = Math.min(south, y);
      north = Math.max(north, y);
    }
    const across = Math.max(east - west, SMALLEST_SPAN);
    const along = Math.max(north - south, SMALLEST_SPAN);
    const scale = Math.min(
      Math.max(40, this.#width - 2 * MARGIN) / across,
      Math.max(40, this.#height - 2 * MARGIN) / along,
    );
    const outside = [[west, south], [east, north]].some(([x, y]) => {
      const [left, top] = this.#pixels(x, y);
      return left < 8 || top < 8 || left > this.#width - 8 || top > this.#height - 8;
    });
    if (force || outside || scale > this.#scale * 1.7) {
      this.#scale = scale;
      this.#centre = [(west + east) / 2, (south + north) / 2];
    }
  }

  #pixels(x, y) {
    return [
      this.#width / 2 + (x - this.#centre[0]) * this.#scale,
      this.#height / 2 - (y - this.#centre[1]) * this.#scale,
    ];
  }

  #metres(left, top) {
    return [
      this.#centre[0] + (left - this.#width / 2) / this.#scale,
      this.#centre[1] - (top - this.#height / 2) / this.#scale,
    ];
  }

  #draw(now) {
    this.#asked = false;
    if (now - this.#drawnAt < Math.max(FRAME_MILLISECONDS - 4, Math.min(this.#cost * REST, LONGEST_REST))) {
      this.redraw();
      return;
    }
    this.#fitNow(false);
    this.#paint(now);
    if (this.#units.gliding(now)) {
      this.redraw();
    }
  }

  #paint(now) {
    this.#drawnAt = now;
    const started = performance.now();
    const pen = this.#canvas.getContext("2d");
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = this.#colours.map;
    pen.fillRect(0, 0, this.#width, this.#height);
    this.#drawGrid(pen);
    this.#drawUnits(pen, now);
    this.#drawScale(pen);
    setTimeout(() => {
      this.#cost = performance.now() - started; // what was drawn is put on the screen first
    });
  }

  get #step() {
    const least = GRID_PIXELS / this.#scale;
    const power = 10 ** Math.floor(Math.log10(least));
    return power * [1, 2, 5, 10].find((factor) => factor * power >= least);
  }

  #drawGrid(pen) {
    const step = this.#step;
    const [west, north] = this.#metres(0, 0);
    const [east, south] = this.#metres(this.#width, this.#height);
    pen.strokeStyle = this.#colours.grid;
    pen.fillStyle = this.#colours.quiet;
    pen.font = "11px system-ui, sans-serif";
    pen.lineWidth = 1;
    pen.beginPath();
    for (let x = Math.ceil(west / step) * step; x <= east; x += step) {
      const [left] = this.#pixels(x, 0);
      pen.moveTo(Math.round(left) + 0.5, 0);
      pen.lineTo(Math.round(left) + 0.5, this.#height);
      pen.fillText(String(Math.round(x)), left + 3, 12);
    }
    for (let y = Math.ceil(south / step) * step; y <= north; y += step) {
      const [, top] = this.#pixels(0, y);
      pen.moveTo(0, Math.round(top) + 0.5);
      pen.lineTo(this.#width, Math.round(top) + 0.5);
      if (top > 24 && top < this.#height - 36) {
        pen.fillText(String(Math.round(y)), 3, top - 3);
      }
    }
    pen.stroke();
  }

  #drawScale(pen) {
    const step = this.#step;
    const long = step * this.#scale;
    const top = this.#height - 12;
    const said = step >= 1000 ? `${step / 1000} km` : `${step} m`;
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = this.#colours.map;
    pen.fillRect(6, top - 20, Math.max(long, pen.measureText(said).width) + 12, 28);
    pen.strokeStyle = this.#colours.ink;
    pen.fillStyle = this.#colours.ink;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.moveTo(12, top - 5);
    pen.lineTo(12, top);
    pen.lineTo(12 + long, top);
    pen.lineTo(12 + long, top - 5);
    pen.stroke();
    pen.fillText(said, 16, top - 6);
  }

  #drawUnits(pen, now) {
    const seen = [];
    for (const unit of this.#units.all.values()) {
      const [left, top] = this.#pixels(...this.#units.placeOf(unit, now));
      if (left > -20 && top > -20 && left < this.#width + 20 && top < this.#height + 20) {
        seen.push([unit, left, top]);
      }
    }
    seen.sort(([one], [other]) => (one.marks & PANICKING) - (other.marks & PANICKING));
    for (const [unit, left, top] of seen) {
      this.#drawUnit(pen, unit, left, top);
    }
    this.#drawLabels(pen, seen);
  }

  /** Labels units where there is room, panicking ones always. */
  #drawLabels(pen, seen) {
    pen.font = "12px system-ui, sans-serif";
    const signs = seen.map(([, left, top]) => [left - 6, top - 6, left + 6, top + 6]);
    const taken = [];
    for (const [unit, left, top] of seen.reverse()) {
      const urgent = unit.marks & PANICKING;
      if (seen.length > MOST_LABELS && !urgent) {
        return;
      }
      const said = labelOf(unit.name);
      const wide = pen.measureText(said).width;
      const start = left + 13 + wide > this.#width ? left - 12 - wide : left + 12;
      const box = [start, top - 7, start + wide, top + 6];
      if (urgent || ![...taken, ...signs].some((other) => overlap(box, other))) {
        taken.push(box);
        this.#drawLabel(pen, said, start, top);
      }
    }
  }

  #drawUnit(pen, { marks, heading }, left, top) {
    if (marks & PANICKING) {
      drawPanic(pen, left, top, this.#colours);
    } else if (marks & SET_ASIDE) {
      drawCross(pen, left, top, this.#colours.warning);
    } else if (marks & STALE) {
      drawRing(pen, left, top, this.#colours.stale);
    } else if (heading === null) {
      drawDot(pen, left, top, this.#colours.unit);
    } else {
      drawArrow(pen, left, top, heading, this.#colours);
    }
  }

  #drawLabel(pen, said, left, top) {
    pen.lineWidth = 3;
    pen.strokeStyle = this.#colours.map;
    pen.strokeText(said, left, top + 4);
    pen.fillStyle = this.#colours.ink;
    pen.fillText(said, left, top + 4);
  }

  #key(event) {
    const step = 60;
    const actions = {
      ArrowLeft: () => this.pan(-step, 0),
      ArrowRight: () => this.pan(step, 0),
      ArrowUp: () => this.pan(0, -step),
      ArrowDown: () => this.pan(0, step),
      "+": () => this.zoom(1.5),
      "=": () => this.zoom(1.5),
      "-": () => this.zoom(1 / 1.5),
      0: () => this.fit(),
      Escape: () => this.#frame.blur(),
    };
    const action = actions[event.key];
    if (action !== undefined && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      action();
    }
  }

  #wheel(event) {
    if (document.activeElement === this.#frame && !event.ctrlKey) {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 400), this.#at(event));
    }
  }

  #at(event) {
    const box = this.#frame.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  #down(event) {
    this.#pointers.set(event.pointerId, this.#at(event));
    this.#dragged = 0;
    if (event.pointerType === "mouse" || document.activeElement === this.#frame) {
      this.#frame.setPointerCapture(event.pointerId);
    }
  }

  #move(event) {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined || !this.#frame.hasPointerCapture(event.pointerId)) {
      return;
    }
    const now = this.#at(event);
    const others = Array.from(this.#pointers).filter(([id]) => id !== event.pointerId);
    if (others.length === 1) {
      const [, other] = others[0];
      this.zoom(span(now, other) / Math.max(1, span(before, other)), other);
    } else {
      this.pan(before[0] - now[0], before[1] - now[1]);
    }
    this.#dragged += span(now, before);
    this.#pointers.set(event.pointerId, now);
  }

  #up(event) {
    if (this.#pointers.delete(event.pointerId) && this.#dragged < 6) {
      this.#pick(this.#at(event));
    }
  }

  #pick([x, y]) {
    const now = performance.now();
    let [nearest, best] = [null, REACH];
    for (const unit of this.#units.all.values()) {
      const away = span(this.#pixels(...this.#units.placeOf(unit, now)), [x, y]);
      if (away < best) {
        [nearest, best] = [unit, away];
      }
    }
    if (nearest !== null) {
      this.#onPick(nearest);
    }
  }
}

const overlap = ([left, top, right, bottom], other) =>
  left < other[2] && other[0] < right && top < other[3] && other[1] < bottom;

/** Returns the end of an identifier, which tells units apart. */
function labelOf(name) {
  const end = name.slice(name.indexOf(":") + 1);
  return end.length > 12 ? `…${end.slice(-8)}` : end;
}

const span = ([x, y], [otherX, otherY]) => Math.hypot(x - otherX, y - otherY);
