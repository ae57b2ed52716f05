// One message as it looks on the phone.
import { element } from "./api.js";
import { formatted } from "./text.js";

const KIND_SIGNS = {
  contact: "👤 Contact", sticker: "😀 Sticker", voice: "🎤 Voice message", photo: "🖼 Photo",
  location: "📍 Location", revoked: "🚫 This message was deleted",
};
const TICKS = { accepted: "🕓", sent: "✓", delivered: "✓✓", read: "✓✓", failed: "⚠" };
const REASONS = {
  131026: "this person has blocked the business or is not on WhatsApp",
  131047: "more than 24 hours after the person's last message only templates arrive",
  131053: "the file behind the link could not be fetched",
};

export function messageView(platform, entry, act) {
  const view = element("article", `message ${entry.from} ${entry.status}`);
  view.setAttribute("aria-label", entry.from === "bot" ? "From the bot" : "From the person");
  const bubble = element("div", "bubble");
  if (entry.header) bubble.append(element("div", "title", entry.header));
  // What a person sends besides text has a sign; there is no picture or sound behind it.
  if (entry.document && entry.from === "bot") bubble.append(documentView(entry.document));
  if (KIND_SIGNS[entry.kind] && !(entry.kind === "photo" && entry.text)) {
    bubble.append(element("div", "quiet", KIND_SIGNS[entry.kind]));
  }
  if (entry.text) {
    const text = element("div");
    text.append(...formatted(platform, entry.text, entry.spans));
    bubble.append(text);
  }
  if (entry.footer) bubble.append(element("div", "footer", entry.footer));
  if (entry.template) bubble.append(element("div", "template", `Template: ${entry.template}`));
  if (entry.from === "bot" && entry.status === "failed") {
    const reason = REASONS[entry.error_code] ?? "the platform could not deliver it";
    bubble.append(element("div", "why", `Not delivered (${entry.error_code}): ${reason}.`));
  }
  bubble.append(metaView(platform, entry));
  view.append(bubble);
  const choices = choicesView(platform, entry, act);
  if (choices) view.append(choices);
  return view;
}

function metaView(platform, entry) {
  const meta = element("span", "meta");
  if (entry.edited_at) meta.append("edited ");
  meta.append(new Date(entry.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
  // Bots on Telegram never learn what was delivered, so only the person's own ticks are shown.
  if (platform === "whatsapp" || entry.from === "person") {
    const tick = element("span", `tick ${entry.status}`, ` ${TICKS[entry.status]}`);
    tick.title = entry.status;
    tick.setAttribute("role", "img");
    tick.setAttribute("aria-label", entry.status);
    meta.append(" ", tick);
  }
  return meta;
}

function documentView(file) {
  if (file.mime.startsWith("image/")) {
    const link = element("a");
    link.href = file.url;
    link.download = file.name;
    link.title = `Download ${file.name}`;
    const picture = element("img", "picture");
    picture.addEventListener("load", () => picture.dispatchEvent(new Event("grown", { bubbles: true })));
    picture.src = file.url;
    picture.alt = `Picture ${file.name}`;
    link.append(picture);
    return link;
  }
  const link = element("a", "file");
  link.href = file.url;
  link.download = file.name;
  link.append(element("b", "", "⬇"), element("span", "", `${file.name} (${sizeText(file.size)})`));
  return link;
}

function sizeText(bytes) {
  return bytes < 1024 ? `${bytes} B` : `${Math.round(bytes / 1024)} kB`;
}

function choicesView(platform, entry, act) {
  if (entry.from !== "bot" || entry.choices.length === 0 || entry.status === "failed") return null;
  const isKeyboard = platform === "telegram" && entry.choices.every(isReplyKey);
  if (isKeyboard) return null;
  const view = element("div", "choices");
  view.setAttribute("role", "group");
  view.setAttribute("aria-label", "Choices");
  if (entry.list_label) {
    view.append(button(`☰ ${entry.list_label}`, () => openSheet(entry, act)));
    return view;
  }
  const rows = new Map();
  for (const [number, choice] of entry.choices.entries()) {
    // WhatsApp puts each button under the other; Telegram leaves the rows to the bot.
    const key = choice.row ?? number;
    if (!rows.has(key)) rows.set(key, element("div", "row"));
    const sign = choice.url ? " ↗" : choice.copies ? " ⧉" : "";
    const tapped = () => (choice.copies ? navigator.clipboard.writeText(choice.copies) : act.tap(entry, choice));
    rows.get(key).append(button(`${choice.label}${sign}`, tapped));
  }
  view.append(...rows.values());
  return view;
}

// A reply keyboard's keys carry neither data nor a link, nor anything to copy.
export const isReplyKey = (choice) => choice.data === null && !choice.url && !choice.copies;

function button(label, onClick) {
  const made = element("button", "", label);
  made.type = "button";
  made.addEventListener("click", onClick);
  return made;
}

function openSheet(entry, act) {
  const sheet = document.getElementById("sheet");
  sheet.querySelector("h3").textContent = entry.list_label;
  const rows = sheet.querySelector(".rows");
  rows.replaceChildren();
  let section = null;
  for (const choice of entry.choices) {
    if (choice.section && choice.section !== section) {
      section = choice.section;
      rows.append(element("h4", "", section));
    }
    const row = button(choice.label, () => {
      sheet.close();
      act.tap(entry, choice);
    });
    if (choice.description) row.append(element("small", "", choice.description));
    rows.append(row);
  }
  sheet.showModal();
}
