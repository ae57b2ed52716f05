// Message texts with the formatting of each platform. Only DOM nodes are made, never HTML.
import { element } from "./api.js";

const TELEGRAM_TAGS = {
  bold: "b", italic: "i", underline: "u", strikethrough: "s", code: "code", pre: "code",
  blockquote: "q", bot_command: "b",
};
const LINK = /https?:\/\/[^\s<>"]+/g;
const WHATSAPP = /\*(\S(?:[^*\n]*\S)?)\*|_(\S(?:[^_\n]*\S)?)_|~(\S(?:[^~\n]*\S)?)~|```([\s\S]+?)```/;
const WHATSAPP_TAGS = ["b", "i", "s", "code"];

export function formatted(platform, text, spans) {
  return platform === "telegram" ? telegram(text, spans) : whatsapp(text);
}

function telegram(text, spans) {
  // JavaScript counts strings in UTF-16 units, as Telegram's entities do.
  const inside = (from, to, candidates) => {
    const nodes = [];
    let at = from;
    for (let index = 0; index < candidates.length; index += 1) {
      const span = candidates[index];
      if (span.offset < at) continue;
      const end = Math.min(span.offset + span.length, to);
      nodes.push(...links(text.slice(at, span.offset)));
      const nested = candidates.slice(index + 1).filter((other) => other.offset < end);
      const holder = span.type === "text_link"
        ? anchor(span.url)
        : element(TELEGRAM_TAGS[span.type] ?? "span");
      holder.append(...inside(span.offset, end, nested));
      nodes.push(holder);
      at = end;
    }
    nodes.push(...links(text.slice(at, to)));
    return nodes;
  };
  return inside(0, text.length, spans ?? []);
}

function whatsapp(text) {
  const found = WHATSAPP.exec(text);
  if (!found) return links(text);
  const which = [1, 2, 3, 4].find((group) => found[group] !== undefined);
  const holder = element(WHATSAPP_TAGS[which - 1]);
  holder.append(...(which === 4 ? [found[4]] : whatsapp(found[which])));
  return [
    ...links(text.slice(0, found.index)),
    holder,
    ...whatsapp(text.slice(found.index + found[0].length)),
  ];
}

function links(text) {
  const nodes = [];
  let at = 0;
  for (const found of text.matchAll(LINK)) {
    nodes.push(text.slice(at, found.index), Object.assign(anchor(found[0]), { textContent: found[0] }));
    at = found.index + found[0].length;
  }
  nodes.push(text.slice(at));
  return nodes.filter((node) => node !== "");
}

function anchor(url) {
  const made = element("a");
  if (/^(https?|tg|mailto):/i.test(url)) made.href = url;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}
