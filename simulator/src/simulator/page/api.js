// One way to talk to the simulator: JSON in, JSON out, and a sentence when it fails.

export class Trouble extends Error {
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

export async function ask(path, body, method = body === undefined ? "GET" : "POST") {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Trouble(0, "The simulator does not answer. Is it still running?");
  }
  const text = await answer.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    throw new Trouble(answer.status, "The simulator answered something unreadable.");
  }
  if (!answer.ok) {
    throw new Trouble(answer.status, content?.detail ?? `The simulator answered ${answer.status}.`);
  }
  return content;
}

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
