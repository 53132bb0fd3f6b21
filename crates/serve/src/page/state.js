// What the parts of the page share.
import { Known } from "/known.js";

export const by = (id) => document.getElementById(id);
export const number = (id) => (by(id).value === "" ? null : Number(by(id).value));

/** Places with values. */
export const known = new Known();

export const page = {
  /** The list of models, and the one that is shown. */
  models: [],
  model: null,
  /** Fields as they are shown, and which one is large. */
  fields: [],
  shown: 0,
  /** What the server told of them when they were done, and what it was asked for. */
  done: null,
};

/** The channel that is shown. */
export const channel = () => (by("channel-row").hidden ? 0 : number("channel"));

export function element(tag, text, more = {}) {
  const made = Object.assign(document.createElement(tag), more);
  made.textContent = text;
  return made;
}
