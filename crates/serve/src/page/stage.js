// The picture: fields with names and colours, and places that are set with pointer and keys.
import { curve, plane, slice, tile } from "/picture.js";
import { by, channel, element, known, number, page } from "/state.js";

const cursor = [0.5, 0.5];

const cut = () => ({ axis: number("axis"), part: number("slice") / 1000 });
const ofChannel = () => page.fields.filter((f) => f.channel === channel() || page.model.phases.length > 0);
const current = () => ofChannel()[page.shown] ?? ofChannel()[0];

function rangeOf(field) {
  const data = page.model.phases.length ? null : page.model.ranges[field.channel];
  return by("range").value === "data" && data && field.name !== "standard deviation" ? data : [field.low, field.high];
}

function style() {
  const of = getComputedStyle(document.documentElement);
  return Object.fromEntries(["ink", "line", "mark"].map((name) => [name, of.getPropertyValue(`--${name}`)]));
}

function drawOne(canvas, field, big) {
  if (field.cells.length === 1) {
    curve(canvas, field.values, rangeOf(field), style(), big ? [1000, 500] : [160, 80]);
  } else {
    tile(canvas, plane(field, cut()), rangeOf(field), by("palette").value);
  }
}

/** Lengths of the visible plane, down and right; a curve is twice as wide as high. */
function shape(field) {
  const { axes } = plane(field, cut());
  return axes[0] === null ? [1, 2] : axes.map((axis) => page.model.lengths[axis]);
}

function nameOf(field) {
  const ofClass = page.done?.classes?.[field.index];
  const kind = ofClass === undefined || field.name ? "" : `, class ${ofClass}`;
  return field.name ?? `field ${field.index}${kind}`;
}

/** Draws everything; `state` tells that the fields are unfinished. */
export function drawAll(state) {
  const field = current();
  if (!field) return;
  const [down, right] = shape(field);
  by("stage").style.aspectRatio = `${right} / ${down}`;
  by("picture").classList.toggle("curve", field.cells.length === 1);
  drawOne(by("picture"), field, true);
  const words = `${nameOf(field)} of seed ${number("seed")} on ${field.cells.join("×")} cells${state ? `, ${state}` : ""}`;
  by("picture").setAttribute("aria-label", words);
  const [low, high] = rangeOf(field);
  const unit = page.model.unit ? ` ${page.model.unit}` : "";
  const box = page.model.measured.map(short).join(" × ");
  by("legend").textContent = `${words}. Black ${short(low)}, white ${short(high)}; box ${box}${unit}.`;
  if (by("palette").value !== "grey") by("legend").textContent = by("legend").textContent.replace("Black", "Violet").replace("white", "yellow");
  if (field.cells.length === 1) by("legend").textContent = `${words}. From ${short(low)} to ${short(high)}; box ${box}${unit}.`;
  if (field.cells.length === 3) by("slice-text").textContent = `${slice(field.cells, cut()) + 1} of ${field.cells[cut().axis]}`;
  drawOthers();
  drawOverlay();
}

function drawOthers() {
  const all = ofChannel();
  const group = by("others");
  group.hidden = all.length < 2;
  while (group.children.length > all.length) group.lastChild.remove();
  all.forEach((field, i) => {
    let button = group.children[i];
    if (!button) {
      button = element("button", "", { type: "button" });
      button.append(document.createElement("canvas"), document.createElement("span"));
      button.addEventListener("click", () => {
        page.shown = i;
        drawAll();
      });
      group.append(button);
    }
    button.setAttribute("aria-pressed", String(field === current()));
    button.lastChild.textContent = nameOf(field);
    drawOne(button.firstChild, field, false);
    const [down, right] = shape(field);
    button.firstChild.style.aspectRatio = `${right} / ${down}`;
  });
}

const short = (value) => String(Number(value.toPrecision(4)));

// ---- places on the picture

/** The chosen tool. */
export const tool = () => document.querySelector("input[name=tool]:checked").value;

/** The place at a fraction of the picture, down and right, moved to the centre of its cell. */
function placeAt([down, right]) {
  const field = current();
  const { axes, rows, columns } = plane(field, cut());
  const at = page.model.lengths.map((length) => length / 2);
  if (field.cells.length === 3) {
    const { axis } = cut();
    at[axis] = ((slice(field.cells, cut()) + 0.5) / field.cells[axis]) * page.model.lengths[axis];
  }
  const snapped = (part, n) => (Math.min(n - 1, Math.max(0, Math.floor(part * n))) + 0.5) / n;
  if (axes[0] !== null) at[axes[0]] = snapped(down, rows) * page.model.lengths[axes[0]];
  at[axes[1]] = snapped(right, columns) * page.model.lengths[axes[1]];
  return at;
}

function valueAt(at) {
  const { cells, values } = current();
  const flat = cells.reduce((sum, n, axis) => sum * n + Math.min(n - 1, Math.floor((at[axis] / page.model.lengths[axis]) * n)), 0);
  return values[flat];
}

/** The value of the picture at a place; 0 before the first picture. */
export const valueShown = (at) => (current() ? valueAt(at) : 0);

function use(part, begins) {
  if (!current() || page.model.phases.length) return;
  const at = placeAt(part);
  const about = {
    lengths: page.model.lengths,
    cells: current().cells,
    axes: plane(current(), cut()).axes,
    channel: channel(),
    sd: number("sd") ?? 0,
    pick: (place) => number("value") ?? valueAt(place),
  };
  if (tool() === "point" && begins) known.set({ at, value: about.pick(at), sd: about.sd, channel: about.channel });
  if (tool() === "paint") known.paint(at, number("brush"), about);
  if (tool() === "erase") known.erase(at, number("brush"), about);
  if (tool() !== "look") drawOverlay();
}

/** Draws observed places and the cursor. */
export function drawOverlay() {
  const field = current();
  const canvas = by("overlay");
  const ratio = window.devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  if (!field) return;
  const context = canvas.getContext("2d");
  const { axes } = plane(field, cut());
  const colours = style();
  const onSlice = (place) => {
    if (field.cells.length < 3) return true;
    const { axis } = cut();
    const j = Math.floor((place.at[axis] / page.model.lengths[axis]) * field.cells[axis]);
    return j === slice(field.cells, cut());
  };
  const [low, high] = rangeOf(field);
  const spot = (place) => {
    const x = (place.at[axes[1]] / page.model.lengths[axes[1]]) * canvas.width;
    const part = axes[0] === null ? 0.95 - (0.9 * (place.value - low)) / (high - low || 1) : place.at[axes[0]] / page.model.lengths[axes[0]];
    return [x, part * canvas.height];
  };
  // a light edge makes marks visible on every grey
  const mark = (draw) => {
    for (const [colour, width] of [["#ffffff", 3.5], [colours.mark, 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * ratio;
      draw();
    }
  };
  const mine = (place) => place.channel === channel() && onSlice(place);
  for (const place of known.cells.values()) {
    if (!mine(place)) continue;
    const [x, y] = spot(place);
    mark(() => context.strokeRect(x - 2 * ratio, y - 2 * ratio, 4 * ratio, 4 * ratio));
  }
  for (const place of known.points.filter(mine)) {
    const [x, y] = spot(place);
    mark(() => {
      context.beginPath();
      context.arc(x, y, 6 * ratio, 0, 7);
      context.stroke();
    });
  }
  if (document.activeElement === canvas) {
    const [x, y] = [cursor[1] * canvas.width, cursor[0] * canvas.height];
    mark(() => {
      context.beginPath();
      context.moveTo(x - 9 * ratio, y);
      context.lineTo(x + 9 * ratio, y);
      context.moveTo(x, y - 9 * ratio);
      context.lineTo(x, y + 9 * ratio);
      context.stroke();
    });
  }
}

const NAMES = ["x", "y", "z"];

/** The last place of the pointer. */
let pointed = null;

/** Shows the directions of the axes, or the value at the last place of the pointer. */
export function directions() {
  if (!current()) return;
  if (pointed) {
    readout(pointed);
    return;
  }
  const { axes } = plane(current(), cut());
  const down = axes[0] === null ? "" : `, ${NAMES[axes[0]]} runs down`;
  by("readout").textContent = `Point at the picture to read its values. ${NAMES[axes[1]]} runs right${down}.`;
}

function readout(part) {
  if (!current()) return;
  pointed = part;
  const at = placeAt(part);
  const names = NAMES.slice(0, page.model.dim);
  const place = names.map((name, axis) => `${name} ${short(at[axis])}`).join(", ");
  by("readout").textContent = `${place}: value ${short(valueAt(at))}`;
}

function pointerPart(event) {
  const box = by("overlay").getBoundingClientRect();
  return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
}

/** Handles pointer and keys; `changed` is called when a place was set or removed. */
export function listenToPicture(changed) {
  const canvas = by("overlay");
  let drawing = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (tool() === "look") return;
    drawing = true;
    canvas.setPointerCapture(event.pointerId);
    use(pointerPart(event), true);
  });
  canvas.addEventListener("pointermove", (event) => {
    readout(pointerPart(event));
    if (drawing) use(pointerPart(event), false);
  });
  const end = () => {
    if (drawing) changed();
    drawing = false;
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("keydown", (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (move && current()) {
      const { rows, columns } = plane(current(), cut());
      cursor[0] = Math.min(1, Math.max(0, cursor[0] + move[0] / rows));
      cursor[1] = Math.min(1, Math.max(0, cursor[1] + move[1] / columns));
      readout(cursor);
      drawOverlay();
      event.preventDefault();
    }
    if ((event.key === "Enter" || event.key === " ") && tool() !== "look") {
      use(cursor, true);
      changed();
      event.preventDefault();
    }
  });
  for (const name of ["focus", "blur"]) canvas.addEventListener(name, drawOverlay);
  canvas.addEventListener("pointerleave", () => {
    if (drawing) return;
    pointed = null;
    directions();
  });
  window.addEventListener("resize", drawOverlay);
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
}

