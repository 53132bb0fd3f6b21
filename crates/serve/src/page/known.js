// Observed places: the fields are sampled to agree with their values.

/** Largest number of cells an axis of the grid on which a region is painted. */
const PAINTED = 32;

export class Known {
  constructor() {
    this.forget();
  }

  forget() {
    /** Single places. */
    this.points = [];
    /** Painted cells, by key. */
    this.cells = new Map();
  }

  get places() {
    return [...this.points, ...this.cells.values()];
  }

  get count() {
    return this.points.length + this.cells.size;
  }

  /** Sets a point and replaces an existing one at its place. */
  set(place) {
    const same = (other) => other.channel === place.channel && near(other.at, place.at);
    this.points = this.points.filter((other) => !same(other));
    for (const [key, other] of this.cells) if (same(other)) this.cells.delete(key);
    this.points.push(place);
  }

  /**
   * Marks the cells around a place as observed. The field has `cells` cells on a box of `lengths`, `axes` are those of
   * the visible plane, and `pick(at)` is the value at a place.
   */
  paint(at, radius, { lengths, cells, axes, channel, sd, pick }) {
    for (const cell of around(at, radius, lengths, cells, axes)) {
      const key = `${channel}:${cell.join(",")}`;
      if (this.cells.has(key)) continue;
      const place = { at: centre(cell, lengths, cells, at, axes), channel, sd };
      if (this.points.some((p) => p.channel === channel && near(p.at, place.at))) continue;
      place.value = pick(place.at);
      if (Number.isFinite(place.value)) this.cells.set(key, place);
    }
  }

  /** Removes points and cells around a place. */
  erase(at, radius, { lengths, axes, channel }) {
    const reach = (radius + 0.75) / PAINTED;
    const longest = Math.max(...lengths);
    const far = (place) =>
      place.channel !== channel ||
      axes.some((axis) => axis !== null && Math.abs(place.at[axis] - at[axis]) > reach * longest);
    this.points = this.points.filter(far);
    for (const [key, place] of this.cells) if (!far(place)) this.cells.delete(key);
  }
}

const near = (a, b) => a.every((x, i) => Math.abs(x - b[i]) < 1e-9);

/** Cells an axis of the painted grid: those of the field, with at most PAINTED along the longest axis. */
function painted(cells) {
  const part = Math.min(1, PAINTED / Math.max(...cells));
  return cells.map((n) => Math.max(1, Math.round(n * part)));
}

/** Cells to paint: a square around a place, in the visible plane. */
function around(at, radius, lengths, cells, axes) {
  const grid = painted(cells);
  const middle = grid.map((n, axis) => Math.min(n - 1, Math.floor((at[axis] / lengths[axis]) * n)));
  let found = [middle];
  for (const axis of axes) {
    if (axis === null) continue;
    const spread = [];
    for (let d = -radius; d <= radius; d++) {
      const j = middle[axis] + d;
      if (j >= 0 && j < grid[axis]) spread.push(j);
    }
    found = found.flatMap((cell) => spread.map((j) => cell.with(axis, j)));
  }
  return found;
}

/** Centre of a painted cell; along the axis of the slices, the position of the slice. */
function centre(cell, lengths, cells, at, axes) {
  const grid = painted(cells);
  return cell.map((j, axis) =>
    axes.includes(axis) ? ((j + 0.5) / grid[axis]) * lengths[axis] : at[axis],
  );
}
