// State that the modules of the page share.
import { Known } from "/known.js";

export const by = (id) => document.getElementById(id);
export const number = (id) => (by(id).value === "" ? null : Number(by(id).value));

/** Observed places. */
export const known = new Known();

export const page = {
  /** The list of models, and the current one. */
  models: [],
  model: null,
  /** The visible fields, and which one is large. */
  fields: [],
  shown: 0,
  /** The server's result for these fields, and the request. */
  done: null,
};

/** The visible channel. */
export const channel = () => (by("channel-row").hidden ? 0 : number("channel"));

export function element(tag, text, more = {}) {
  const made = Object.assign(document.createElement(tag), more);
  made.textContent = text;
  return made;
}
