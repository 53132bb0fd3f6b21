// Requests to the server, and the parsing of its answers.

/** A refusal: what is wrong and what to do. */
export class Refused extends Error {
  constructor({ error, help }) {
    super(help ? `${error}: ${help}` : error);
  }
}

/** The server cannot be reached. */
export class Away extends Error {}

async function ask(address, options = {}) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Away("The server does not answer.");
  }
  if (answer.status === 401) {
    location.replace("/login");
    throw new Refused({ error: "no token" });
  }
  if (!answer.ok) {
    const told = await answer.json().catch(() => ({ error: `answer ${answer.status}` }));
    throw new Refused(told);
  }
  return answer;
}

export const state = async () => (await ask("/api/state")).json();
export const model = async (number) => (await ask(`/api/models/${number}`)).json();

const sent = (body, signal) => ({
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(body),
  signal,
});

/** Requests fields; `hear(name, data)` is called for every event. Returns at the end of the stream. */
export async function sample(body, signal, hear) {
  const answer = await ask("/api/sample", sent(body, signal));
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let ended = false;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      rest += value;
      let end;
      while ((end = rest.indexOf("\n\n")) >= 0) {
        const event = parsed(rest.slice(0, end));
        rest = rest.slice(end + 2);
        if (!event) continue;
        if (event.name === "failed") throw new Refused(event.data);
        if (event.name === "ended") throw new Away("The server has stopped.");
        ended ||= event.name === "done";
        hear(event.name, event.data);
      }
    }
  } catch (error) {
    if (error instanceof Refused || error instanceof Away || error.name === "AbortError") throw error;
    throw new Away("The server went away.");
  }
  if (!ended) throw new Away("The server went away.");
}

function parsed(block) {
  let name = "message";
  const data = [];
  for (const line of block.split("\n")) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) data.push(line.slice(5));
  }
  return data.length ? { name, data: JSON.parse(data.join("\n")) } : null;
}

/** Saves a file of fields under the name that the server gives. */
export async function download(kind, body) {
  const answer = await ask(`/api/file/${kind}`, sent(body));
  const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name ? name[1] : `fields.${kind}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
