// Draws frames: grey or coloured cells for 2-D fields and for slices of 3-D fields, a curve for 1-D fields.

const VIRIDIS = [
  [68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141],
  [39, 173, 129], [92, 200, 99], [170, 220, 50], [253, 231, 37],
];

/** The numbers of a frame. */
export function decode(frame) {
  const bytes = Uint8Array.from(atob(frame.data), (c) => c.charCodeAt(0));
  const step = (frame.high - frame.low) / (frame.bits === 16 ? 65535 : 255);
  const values = new Float32Array(frame.bits === 16 ? bytes.length / 2 : bytes.length);
  for (let i = 0; i < values.length; i++) {
    const code = frame.bits === 16 ? bytes[2 * i] + 256 * bytes[2 * i + 1] : bytes[i];
    values[i] = frame.low + step * code;
  }
  return { ...frame, data: undefined, values };
}

/** Rows, columns and values of the visible plane: the whole of a 2-D field, one slice of a 3-D field. */
export function plane(field, cut) {
  const { cells, values } = field;
  if (cells.length < 3) {
    const [rows, columns] = cells.length === 2 ? cells : [1, cells[0]];
    return { rows, columns, values, axes: cells.length === 2 ? [0, 1] : [null, 0] };
  }
  const axes = [0, 1, 2].filter((axis) => axis !== cut.axis);
  const [rows, columns] = axes.map((axis) => cells[axis]);
  const stride = [cells[1] * cells[2], cells[2], 1];
  const first = slice(cells, cut) * stride[cut.axis];
  const shown = new Float32Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      shown[i * columns + j] = values[first + i * stride[axes[0]] + j * stride[axes[1]]];
    }
  }
  return { rows, columns, values: shown, axes };
}

/** Index of the slice at a cut. */
export function slice(cells, cut) {
  return Math.min(cells[cut.axis] - 1, Math.floor(cut.part * cells[cut.axis]));
}

function colour(palette, part) {
  if (palette === "grey") {
    const grey = Math.round(255 * part);
    return [grey, grey, grey];
  }
  const at = part * (VIRIDIS.length - 1);
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at));
  return VIRIDIS[low].map((c, i) => Math.round(c + (at - low) * (VIRIDIS[low + 1][i] - c)));
}

/** Draws a plane into a canvas with one pixel for each cell. */
export function tile(canvas, shown, [low, high], palette) {
  canvas.width = shown.columns;
  canvas.height = shown.rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(shown.columns, shown.rows);
  const table = Array.from({ length: 256 }, (_, i) => colour(palette, i / 255));
  const scale = high > low ? 255 / (high - low) : 0;
  for (let i = 0; i < shown.values.length; i++) {
    const code = Math.min(255, Math.max(0, Math.round((shown.values[i] - low) * scale)));
    image.data.set(table[code], 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/** Draws a curve; `style` has its colours. */
export function curve(canvas, values, [low, high], style, size) {
  canvas.width = size[0];
  canvas.height = size[1];
  const context = canvas.getContext("2d");
  const up = (value) => size[1] * (0.95 - (0.9 * (value - low)) / (high - low || 1));
  context.strokeStyle = style.line;
  context.lineWidth = 1;
  context.beginPath();
  for (const part of [0, 0.5, 1]) {
    const y = Math.round(up(low + part * (high - low))) + 0.5;
    context.moveTo(0, y);
    context.lineTo(size[0], y);
  }
  context.stroke();
  context.strokeStyle = style.ink;
  context.lineWidth = Math.max(1, size[0] / 500);
  context.beginPath();
  values.forEach((value, i) => context.lineTo(((i + 0.5) / values.length) * size[0], up(value)));
  context.stroke();
}

/** Smallest and largest value. */
export function extent(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}
