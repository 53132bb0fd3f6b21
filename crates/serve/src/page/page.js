// The page: requests, messages and controls. Its state is stored in the address behind #, so a reload restores
// it.
import * as server from "/server.js";
import { decode } from "/picture.js";
import { directions, drawAll, drawOverlay, listenToPicture, tool, valueShown } from "/stage.js";
import { by, channel, element, known, number, page } from "/state.js";

let running = null;
let waitingTimer = 0;

// ---- requests

const size = () => page.model.grids[Number(by("size").value)];

function wanted() {
  const body = { model: page.model.number, grid: size(), seed: number("seed") ?? 0, count: number("count") };
  if (by("sampler").value) body.sampler = by("sampler").value;
  if (number("evaluations")) body.evaluations = number("evaluations");
  if (by("class").value !== "" && !by("class-row").hidden) body.class = number("class");
  if (!by("guidance-row").hidden && number("guidance") !== 1) body.guidance = number("guidance");
  if (known.count) body.observed = known.places;
  return body;
}

/** Requests the fields of the current controls; a running request is dropped. */
function sampleSoon(wait = 120) {
  remember();
  clearTimeout(waitingTimer);
  running?.abort();
  page.done = null;
  enable();
  waitingTimer = setTimeout(sampleNow, wait);
}

async function sampleNow() {
  if (!page.model) return;
  const own = new AbortController();
  running = own;
  busy(0, "Asking.");
  const body = wanted();
  try {
    await server.sample(body, own.signal, (name, data) => running === own && hear(name, data, body));
    here();
  } catch (error) {
    if (error.name === "AbortError" || running !== own) return;
    if (error instanceof server.Away) away();
    say(error.message, true);
  }
}

function hear(name, data, body) {
  if (name === "waiting") busy(0, `Waiting: ${data.ahead} before this.`);
  if (name === "began") busy(0, "Sampling.");
  if (name === "step") busy(data.done / data.of, "Sampling.");
  if (name === "forming") {
    const frames = data.frames.map(decode);
    for (const frame of frames) {
      const at = page.fields.findIndex((f) => f.name === undefined && f.index === frame.index && f.channel === frame.channel);
      if (at >= 0) page.fields[at] = frame;
      else page.fields.push(frame);
    }
    page.fields = page.fields.filter((f) => f.name === undefined && f.index < body.count);
    drawAll(`forming, time ${data.time.toFixed(2)}`);
  }
  if (name === "done") {
    page.fields = [...data.frames, ...data.summary].map(decode);
    page.done = { ...data, body };
    drawAll();
    directions();
    tellDone();
    enable();
  }
}

function tellDone() {
  const cost = `${page.done.evaluations} evaluations, ${page.done.seconds.toFixed(2)} s`;
  say(`${page.done.body.count} field${page.done.body.count > 1 ? "s" : ""} at ${page.done.grid.join("×")}: ${cost}.`);
  by("progress").className = "idle";
  by("command").textContent = page.done.command;
  const notes = [...page.model.notes, ...page.done.notes];
  for (const r of page.done.residuals) {
    const parts = [];
    if (r.exact !== null) parts.push(`${r.exact.toExponential(1)} from exact values`);
    if (r.relative !== null) parts.push(`${r.relative.toFixed(2)} sd from the others`);
    notes.push(`${r.count} known value${r.count > 1 ? "s" : ""}: root mean square ${parts.join(", ")}`);
  }
  by("notes").replaceChildren(...notes.map((text) => element("li", text)));
}

// ---- messages and states

function say(text, wrong = false) {
  by("status").textContent = text;
  by("status").className = wrong ? "wrong" : "";
  if (wrong) by("progress").className = "idle";
}

function busy(part, text) {
  by("progress").className = "";
  by("progress").value = part;
  if (by("status").textContent !== text) say(text);
}

function enable() {
  for (const id of ["npy", "png", "vti", "copy"]) by(id).disabled = !page.done;
  by("csv").disabled = !known.count;
}

let asking = 0;
/** The server cannot be reached: asks again until it answers. */
function away() {
  by("away").hidden = false;
  clearTimeout(asking);
  asking = setTimeout(async () => {
    try {
      page.models = (await server.state()).models;
      here();
      await choose(by("model").value);
    } catch {
      away();
    }
  }, 1500);
}

function here() {
  by("away").hidden = true;
  clearTimeout(asking);
}

// ---- controls

function knownChanged() {
  const { count } = known;
  const limit = page.model.limits.observed;
  by("known-count").textContent = count ? `${count} of ${limit} values are known.` : "Nothing is known.";
  if (count && number("count") === 1 && page.model.limits.count >= 4) by("count").value = "4";
  drawOverlay();
  sampleSoon(count ? 500 : 120);
}

function options(id, pairs, value) {
  by(id).replaceChildren(...pairs.map(([key, text]) => element("option", text, { value: String(key) })));
  by(id).value = String(value);
}

function sizeText() {
  const cells = size();
  const trained = page.model.trained;
  const same = cells.every((n, i) => n === trained[i]);
  by("size-text").textContent = `${cells.join(" × ")}${same ? " (finest trained)" : ""}`;
  by("size").setAttribute("aria-valuetext", `${cells.join(" by ")} cells`);
}

/** Shows a model: its controls, then its field. */
async function choose(name, from = new Map()) {
  const found = page.models.findIndex((m) => m.name === name);
  page.model = await server.model(Math.max(0, found));
  const told = (key, otherwise) => from.get(key) ?? otherwise;
  by("model").value = page.model.name;
  by("about").textContent = page.model.about || `${page.model.dim}-dimensional functions, ${page.model.steps} training steps.`;
  const own = page.model.grids.findIndex((g) => String(g) === String(page.model.trained));
  const asked = page.model.grids.findIndex((g) => g.join("x") === told("grid", ""));
  by("size").max = page.model.grids.length - 1;
  by("size").value = asked >= 0 ? asked : Math.max(0, own);
  sizeText();
  const counts = [1, 2, 4, 8, 16].filter((n) => n <= page.model.limits.count);
  options("count", counts.map((n) => [n, n]), counts.includes(Number(told("count", 1))) ? told("count", 1) : 1);
  by("class-row").hidden = !page.model.classes.length;
  options("class", [["", "any, as the data have them"], ...page.model.classes.map(([c, n]) => [c, `${c} (${n} fields)`])], told("class", ""));
  by("guidance-row").hidden = !page.model.guided;
  by("guidance").value = told("guidance", 1);
  by("guidance-text").textContent = by("guidance").value;
  options("sampler", [["", `${page.model.sampler} (the model’s own)`], ...page.model.samplers.map((s) => [s, s])], told("sampler", ""));
  by("evaluations").placeholder = page.model.evaluations;
  by("evaluations").max = page.model.limits.evaluations;
  by("evaluations").value = told("evaluations", "");
  by("channel-row").hidden = page.model.channels < 2 || page.model.phases.length > 0;
  options("channel", Array.from({ length: page.model.channels }, (_, i) => [i, i]), 0);
  by("slice-row").hidden = page.model.dim < 3;
  by("known").hidden = page.model.phases.length > 0;
  const axes = ["x", "y", "z"].slice(0, page.model.dim);
  by("coordinates").replaceChildren(
    ...axes.map((axis, i) => {
      const label = element("label", axis);
      const more = { type: "number", step: "any", min: 0, max: page.model.lengths[i], value: page.model.lengths[i] / 2, id: `at-${axis}` };
      label.append(element("input", "", more));
      return label;
    }),
  );
  by("readout").textContent = "";
  known.forget();
  by("known-count").textContent = "Nothing is known.";
  page.fields = [];
  page.shown = 0;
  sampleSoon(0);
}

/** Writes the state into the address behind #. */
function remember() {
  if (!page.model) return;
  const state = new URLSearchParams({ model: page.model.name, seed: by("seed").value, grid: size().join("x"), count: by("count").value });
  for (const key of ["class", "sampler", "evaluations"]) if (by(key).value) state.set(key, by(key).value);
  if (!by("guidance-row").hidden && by("guidance").value !== "1") state.set("guidance", by("guidance").value);
  history.replaceState(null, "", `#${state}`);
}

function recalled() {
  const state = new Map(new URLSearchParams(location.hash.slice(1)));
  if (/^\d{1,16}$/.test(state.get("seed") ?? "")) by("seed").value = state.get("seed");
  return state;
}

function listenToControls() {
  for (const [id, by_] of [["before", -1], ["next", 1]]) {
    by(id).addEventListener("click", () => {
      by("seed").value = Math.max(0, (number("seed") ?? 0) + by_);
      sampleSoon();
    });
  }
  for (const id of ["seed", "count", "class", "sampler", "evaluations"]) by(id).addEventListener("input", () => sampleSoon());
  by("size").addEventListener("input", () => {
    sizeText();
    sampleSoon();
  });
  by("guidance").addEventListener("input", () => {
    by("guidance-text").textContent = by("guidance").value;
    sampleSoon();
  });
  for (const id of ["channel", "palette", "range", "axis", "slice"]) by(id).addEventListener("input", () => drawAll());
  by("axis").addEventListener("input", directions);
  by("model").addEventListener("change", () => attempt(() => choose(by("model").value)));
  for (const form of ["controls", "known"]) by(form).addEventListener("submit", (event) => event.preventDefault());
  for (const radio of document.querySelectorAll("input[name=tool]")) {
    radio.addEventListener("change", () => by("overlay").classList.toggle("drawing", tool() !== "look"));
  }
  by("add").addEventListener("click", () => {
    const at = page.model.lengths.map((_, i) => Number(by(`at-${["x", "y", "z"][i]}`).value));
    const value = number("value") ?? valueShown(at);
    known.set({ at, value, sd: number("sd") ?? 0, channel: channel() });
    knownChanged();
  });
  by("clear").addEventListener("click", () => {
    known.forget();
    knownChanged();
  });
  for (const kind of ["npy", "png", "vti"]) {
    by(kind).addEventListener("click", () => attempt(() => server.download(kind, page.done.body)));
  }
  by("csv").addEventListener("click", () => attempt(() => server.download("csv", wanted())));
  by("copy").addEventListener("click", () => attempt(copy));
}

async function copy() {
  try {
    await navigator.clipboard.writeText(page.done.command);
  } catch {
    // without https the clipboard is not available: the text is selected, so that Ctrl-C copies it
    getSelection().selectAllChildren(by("command"));
    say("Selected: copy it with Ctrl-C.");
    return;
  }
  say("Copied.");
}

/** Runs an action that asks the server, and reports its error. */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (error instanceof server.Away) away();
    say(error.message, true);
  }
}

listenToPicture(knownChanged);
listenToControls();
attempt(async () => {
  page.models = (await server.state()).models;
  options("model", page.models.map((m) => [m.name, m.name]), page.models[0].name);
  const state = recalled();
  const name = page.models.some((m) => m.name === state.get("model")) ? state.get("model") : page.models[0].name;
  await choose(name, state);
});
