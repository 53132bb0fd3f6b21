// The page with other models, other servers and other windows: node --test
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { browse, change, done, open, run, scratch, serve } from "./tools.mjs";

const folder = scratch();
const pictures = process.env.PICTURES;
let browser;

before(async () => {
  browser = await browse();
  if (pictures) mkdirSync(pictures, { recursive: true });
});
after(() => browser?.close());

/** A model trained for a few steps, on fields of one or three axes. */
function trained(name, cells, levels) {
  run(["prior", "matern", "--length", "0.15", "--smoothness", "2.5", "--grid", cells, "--count", "24", "--out", `${name}.npy`], folder);
  const dim = cells.split("x").length;
  const settings = [
    `data.source=${name}.npy`, `data.dim=${dim}`, "data.validation=0.25", "training.steps=8", "training.batch=4",
    "training.validations=1", "training.validation_fields=4", "network.width=[6]", "network.blocks=[1]",
    `levels=[${levels.map((grid) => `{grid="${grid}",share=1}`).join(",")}]`,
  ];
  run(["train", "--out", `models/${name}`, ...settings.flatMap((s) => ["--set", s])], folder);
}

test("curves and volumes of a folder of models", async (t) => {
  mkdirSync(join(folder, "models"));
  trained("line", "64", ["16", "32"]);
  trained("cube", "16x16x16", ["8x8x8", "12x12x12"]);
  const server = await serve(["--port", "0", "--model", "models", "--only"], { cwd: folder });
  t.after(() => server.stop());
  const page = await open(browser, server.address);
  const names = await page.locator("#model option").allTextContents().then(async (found) => {
    await done(page);
    return found.length ? found : page.locator("#model option").allTextContents();
  });
  assert.deepEqual(names, ["models/cube", "models/line"]);
  assert.ok(await page.locator("#slice-row").isVisible());
  assert.match(await page.locator("#slice-text").textContent(), /^7 of 12$/);
  const size = () => page.locator("#picture").evaluate((canvas) => [canvas.width, canvas.height]);
  assert.deepEqual(await size(), [12, 12]);
  const plane = () => page.locator("#picture").evaluate((canvas) => canvas.toDataURL());
  const first = await plane();
  await page.locator("#slice").fill("0");
  assert.match(await page.locator("#slice-text").textContent(), /^1 of 12$/);
  assert.notEqual(await plane(), first);
  // a point on this slice; below, a point of another model with a given value
  await page.locator("#known input[value=point]").check();
  await change(page, () => page.locator("#overlay").click({ position: { x: 50, y: 50 } }));
  assert.match(await page.locator("#notes").textContent(), /1 known value:/);
  if (pictures) await page.screenshot({ path: join(pictures, "volume.png"), fullPage: true });
  await change(page, () => page.locator("#model").selectOption("models/line"));
  assert.ok(await page.locator("#slice-row").isHidden());
  assert.match(await page.locator("#legend").textContent(), /on 32 cells/);
  await page.locator("#known input[value=point]").check();
  await page.locator("#value").fill("1.5");
  await change(page, () => page.locator("#overlay").click({ position: { x: 120, y: 60 } }));
  if (pictures) await page.screenshot({ path: join(pictures, "line.png"), fullPage: true });
  assert.deepEqual(page.wrong, []);
  await page.close();
});

/** A NumPy file of 24 striped fields; `code` is the number type. */
function stripes(name, shape, code, write) {
  const count = shape.reduce((a, b) => a * b, 1);
  const head = `{'descr': '${code}', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const text = head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from([0x93, 78, 85, 77, 80, 89, 1, 0, text.length & 255, text.length >> 8]);
  writeFileSync(join(folder, name), Buffer.concat([start, Buffer.from(text), write(count)]));
}

test("phases are drawn by their labels, channels one at a time", async (t) => {
  mkdirSync(join(folder, "more"));
  const wave = (i) => Math.sin((i % 16) / 2.5 + Math.floor(i / 256)) + Math.cos(((i >> 4) % 16) / 3);
  stripes("labels.npy", [24, 16, 16], "|u1", (n) => Buffer.from(Array.from({ length: n }, (_, i) => (wave(i) > 0 ? 1 : 0))));
  stripes("pairs.npy", [24, 2, 16, 16], "<f4", (n) => Buffer.from(Float32Array.from({ length: n }, (_, i) => wave(i)).buffer));
  const small = ["training.steps=8", "training.batch=4", "training.validations=1", "training.validation_fields=4",
    "network.width=[6]", "network.blocks=[1]", 'levels=[{grid="8x8",share=1},{grid="16x16",share=1}]'];
  const train = (name, more) => run(["train", "--out", `more/${name}`, ...[...more, ...small].flatMap((s) => ["--set", s])], folder);
  train("labels", ["data.source=labels.npy", "data.phases=2", "data.validation=0.25"]);
  train("pairs", ["data.source=pairs.npy", "data.channels=2", "data.validation=0.25"]);
  const server = await serve(["--port", "0", "--model", "more", "--only"], { cwd: folder });
  t.after(() => server.stop());
  const page = await open(browser, server.address);
  await done(page);
  assert.ok(await page.locator("#known").isHidden());
  const greys = () =>
    page.locator("#picture").evaluate((canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return new Set(data.filter((_, i) => i % 4 === 0)).size;
    });
  assert.ok((await greys()) <= 2);
  await change(page, () => page.locator("#model").selectOption("more/pairs"));
  assert.ok(await page.locator("#known").isVisible());
  assert.ok(await page.locator("#channel-row").evaluate((row) => !row.hidden));
  const first = await page.locator("#picture").evaluate((canvas) => canvas.toDataURL());
  await page.locator("summary", { hasText: "Picture" }).click();
  await page.locator("#channel").selectOption("1");
  assert.notEqual(await page.locator("#picture").evaluate((canvas) => canvas.toDataURL()), first);
  assert.deepEqual(page.wrong, []);
  await page.close();
});

test("a server that was stopped is told of, and found again", async (t) => {
  let server = await serve(["--port", "0"]);
  t.after(() => server.stop());
  const page = await open(browser, server.address);
  await done(page);
  assert.ok(await page.locator("#away").isHidden());
  assert.equal(await server.stop(), 130);
  await page.locator("#next").click();
  await page.locator("#away").waitFor({ state: "visible" });
  assert.match(await page.locator("#status").textContent(), /does not answer/);
  server = await serve(["--port", server.port]);
  await page.locator("#away").waitFor({ state: "hidden", timeout: 20000 });
  await done(page);
  assert.equal(await page.locator("#seed").inputValue(), "1");
  // a server that stops during a request
  await page.locator("details summary").first().click();
  await page.locator("#count").selectOption("16");
  await page.locator("#evaluations").fill("200");
  await page.waitForFunction(() => document.getElementById("progress").value > 0);
  assert.equal(await server.stop("SIGTERM"), 130);
  await page.locator("#away").waitFor({ state: "visible" });
  assert.match(await page.locator("#status").textContent(), /^The server /);
  await page.close();
});

test("a token is asked for once", async (t) => {
  const token = "a secret of sixteen";
  const server = await serve(["--port", "0"], { env: { ...process.env, KARHUNEN_TOKEN: token } });
  t.after(() => server.stop());
  const context = await browser.newContext();
  const page = await open(context, server.address);
  assert.equal(new URL(page.url()).pathname, "/login");
  await page.locator("#token").fill("not the one at all");
  await page.keyboard.press("Enter");
  await page.locator("#wrong", { hasText: "another token" }).waitFor();
  await page.locator("#token").fill(token);
  await page.keyboard.press("Enter");
  await page.waitForURL(`${server.address}`);
  await done(page);
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && !cookie.value.includes(token));
  assert.ok(!page.url().includes(token) && !server.told().includes(token));
  // a second tab has the cookie, another browser has not
  const second = await open(context, server.address);
  await done(second);
  const stranger = await open(await browser.newContext(), server.address);
  assert.equal(new URL(stranger.url()).pathname, "/login");
  assert.deepEqual(page.wrong.filter((line) => !line.includes("401")), []);
  await context.close();
});

test("another site cannot ask", async (t) => {
  const server = await serve(["--port", "0", "-v"]);
  const other = createServer((_, answer) => answer.end("<title>another site</title>"));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  t.after(() => Promise.all([server.stop(), other.close()]));
  const page = await (await browser.newContext()).newPage();
  await page.goto(`http://localhost:${other.address().port}/`);
  const told = await page.evaluate(async (address) => {
    const tried = [];
    for (const headers of [{ "Content-Type": "text/plain" }, { "Content-Type": "application/json" }]) {
      for (const mode of ["no-cors", "cors"]) {
        const asked = fetch(`${address}api/sample`, { method: "POST", mode, headers, body: '{"model":0}' });
        tried.push(await asked.then((answer) => `${mode} ${answer.status}`, (error) => error.name));
      }
    }
    return tried;
  }, server.address);
  assert.deepEqual(told, Array(4).fill("TypeError"));
  // the server itself refuses, not only the browser
  assert.match(server.told(), /POST \/api\/sample: 403/);
  assert.doesNotMatch(server.told(), /POST \/api\/sample: 200/);
  await page.context().close();
});

test("three widths, light and dark, nothing beside the page and a name for every control", async (t) => {
  const server = await serve(["--port", "0"]);
  t.after(() => server.stop());
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height] of [[390, 844], [900, 1000], [1440, 900]]) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height } });
      const page = await open(context, `${server.address}#seed=3`);
      await done(page);
      const beside = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(beside <= 0, `${width}: ${beside} pixels beside the page`);
      if (pictures) await page.screenshot({ path: join(pictures, `${colorScheme}-${width}.png`), fullPage: true });
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll("input, select, button, canvas, progress")]
          .filter((e) => !(e.labels?.length || e.ariaLabel || e.textContent.trim() || e.closest("button")))
          .map((e) => e.id || e.outerHTML),
      );
      assert.deepEqual(nameless, []);
      assert.deepEqual(await faint(page), [], `${colorScheme} ${width}`);
      assert.deepEqual(page.wrong, []);
      await context.close();
    }
  }
});

/** Texts whose contrast with their background is below 4.5 : 1. */
const faint = (page) =>
  page.evaluate(() => {
    const parts = (text) => text.match(/[\d.]+/g).map(Number);
    const light = (rgb) => {
      const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (e) => {
      for (; e; e = e.parentElement) {
        const [r, g, b, a = 1] = parts(getComputedStyle(e).backgroundColor);
        if (a > 0) return [r, g, b];
      }
      return matchMedia("(prefers-color-scheme: dark)").matches ? [22, 24, 27] : [255, 255, 255];
    };
    return [...document.querySelectorAll("p, h1, h2, label, legend, summary, code, li, output, button:enabled, option, select, input")]
      .filter((e) => e.checkVisibility?.() && (e.textContent.trim() || e.value))
      .filter((e) => {
        const [a, b] = [light(parts(getComputedStyle(e).color).slice(0, 3)), light(behind(e))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05) < 4.5;
      })
      .map((e) => e.id || e.textContent.slice(0, 30));
  });
