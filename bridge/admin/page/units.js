// The units, as the stream tells of them.

export const PANICKING = 1;
export const STALE = 2;
export const SET_ASIDE = 4;

const GLIDE_MILLISECONDS = 1000;
const LONGEST_GLIDE = 400; // metres; farther is a jump

export class Units {
  constructor() {
    this.all = new Map();
    this.glides = !matchMedia("(prefers-reduced-motion: reduce)").matches;
  }

  clear() {
    this.all.clear();
  }

  /** Takes what is new: rows as `bridge/admin/live.py` writes them. */
  take({ add = [], move = [], text = [], gone = [] }) {
    for (const [number, name, server, words, x, y, heading, marks] of add) {
      this.all.set(number, { number, name, server, words, x, y, heading, marks, fromX: x, fromY: y, since: 0 });
    }
    const now = performance.now();
    for (const [number, x, y, heading, marks] of move) {
      const unit = this.all.get(number);
      if (unit !== undefined) {
        const near = this.glides && Math.hypot(x - unit.x, y - unit.y) <= LONGEST_GLIDE;
        const [fromX, fromY] = near ? this.placeOf(unit, now) : [x, y];
        Object.assign(unit, { x, y, heading, marks, fromX, fromY, since: near ? now : 0 });
      }
    }
    for (const [number, words] of text) {
      const unit = this.all.get(number);
      if (unit !== undefined) {
        unit.words = words;
      }
    }
    gone.forEach((number) => this.all.delete(number));
  }

  /** Returns where a unit is drawn: it glides from where it was to where it is. */
  placeOf(unit, now) {
    const share = Math.min(1, (now - unit.since) / GLIDE_MILLISECONDS);
    return [unit.fromX + (unit.x - unit.fromX) * share, unit.fromY + (unit.y - unit.fromY) * share];
  }

  gliding(now) {
    for (const unit of this.all.values()) {
      if (now - unit.since < GLIDE_MILLISECONDS && (unit.x !== unit.fromX || unit.y !== unit.fromY)) {
        return true;
      }
    }
    return false;
  }

  /** Returns the units, panicking ones first, then those something is wrong with. */
  inOrder() {
    const rank = ({ marks }) => (marks & PANICKING ? 0 : marks ? 1 : 2);
    return Array.from(this.all.values()).sort((one, other) => rank(one) - rank(other) || one.number - other.number);
  }
}

/** Says the marks of a unit in words. */
export function stateOf({ marks }) {
  const words = [];
  if (marks & PANICKING) {
    words.push("panic");
  }
  if (marks & SET_ASIDE) {
    words.push("refused by the CAD");
  }
  if (marks & STALE) {
    words.push("stale");
  }
  return words.join(", ") || "as usual";
}
