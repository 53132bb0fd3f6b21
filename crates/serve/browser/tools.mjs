// Tools of the tests: a server, a browser, and functions that inspect the page.
import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const HERE = dirname(fileURLToPath(import.meta.url));
export const PROGRAM = process.env.KARHUNEN ?? join(HERE, "../../../target/release/karhunen");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";

/** A folder that is removed when the process ends. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), "karhunen-browser-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs the program to its end. */
export const run = (args, cwd) => execFileSync(PROGRAM, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });

/** Starts a server; `address` is the address that it printed. */
export async function serve(args = [], options = {}) {
  const child = spawn(PROGRAM, ["serve", ...args], { stdio: ["ignore", "pipe", "pipe"], ...options });
  let told = "";
  child.stderr.on("data", (data) => (told += data));
  const address = await new Promise((resolve, reject) => {
    let printed = "";
    child.stdout.on("data", (data) => {
      printed += data;
      if (printed.includes("\n")) resolve(printed.split("\n")[0]);
    });
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}: ${told}`)));
  });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  return {
    address,
    port: new URL(address).port,
    pid: child.pid,
    told: () => told,
    /** Stops the server as Ctrl-C does; returns the exit code. */
    stop: async (signal = "SIGINT") => {
      child.kill(signal);
      return ended;
    },
  };
}

/** A browser without a window. */
export const browse = () =>
  chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });

/** A page that records errors and other events that must not occur. */
export async function open(context, address) {
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(new URL(address).origin) && !url.startsWith("blob:")) wrong.push(`asked ${url}`);
  });
  await page.goto(address);
  return Object.assign(page, { wrong });
}

/** Waits until the page shows the finished fields of its current settings. */
export async function done(page, text = "") {
  await page.waitForFunction(
    (part) => {
      const status = document.getElementById("status").textContent;
      return /evaluations, [\d.]+ s\.$/.test(status) && status.includes(part) && !document.getElementById("npy").disabled;
    },
    text,
    { timeout: 120000 },
  );
  return page.locator("#status").textContent();
}

/** Changes a control and waits for the new fields. */
export async function change(page, act, text = "") {
  await page.evaluate(() => (document.getElementById("npy").disabled = true));
  await act();
  return done(page, text);
}

/** Chooses a grid with the slider, by keys. */
export async function resolution(page, cells) {
  const now = () => page.locator("#size-text").textContent();
  const wanted = cells.join(" × ");
  await page.locator("#size").focus();
  await page.keyboard.press("Home");
  for (let i = 0; i < 40 && !(await now()).startsWith(wanted); i++) await page.keyboard.press("ArrowRight");
  return done(page, `at ${cells.join("×")}:`);
}

/** Grey values of the large picture, averaged over `n`×`n` blocks. */
export const blocks = (page, n) =>
  page.evaluate((n) => {
    const canvas = document.getElementById("picture");
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const sums = Array.from({ length: n * n }, () => [0, 0]);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const block = sums[Math.floor((y * n) / height) * n + Math.floor((x * n) / width)];
        block[0] += data[4 * (y * width + x)];
        block[1]++;
      }
    }
    return sums.map(([sum, count]) => sum / count);
  }, n);

/** Correlation of two lists of numbers: 1 if they agree up to scale and offset. */
export function correlation(a, b) {
  const mean = (v) => v.reduce((s, x) => s + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((x, i) => {
    ab += (x - ma) * (b[i] - mb);
    aa += (x - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  });
  return ab / Math.sqrt(aa * bb);
}

/** Clicks a button that saves a file; returns its path and name. */
export async function save(page, id) {
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator(id).click()]);
  return { path: await download.path(), name: download.suggestedFilename() };
}

/** Splits a command line like a shell. The words must be plain. */
export const words = (line) => line.split(" ").slice(1);
