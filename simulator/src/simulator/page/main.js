// The page: two phones, a clock, a mailbox.
import { ask, element, pause } from "./api.js";
import { Phone } from "./phone.js";

const LOOK_MILLISECONDS = 3000;
const trouble = document.getElementById("trouble");

function tell(sentence) {
  trouble.hidden = !sentence;
  trouble.textContent = sentence ?? "";
}

let clockOffsetSeconds = 0;
let complaint = null;
let newestMail = null;

function showClock() {
  const now = new Date(Date.now() + clockOffsetSeconds * 1000);
  document.getElementById("clock-now").textContent = now.toLocaleString([], {
    weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit",
  });
  const hours = clockOffsetSeconds / 3600;
  document.getElementById("clock-shift").textContent =
    hours === 0 ? "" : `${Math.round(hours * 10) / 10} h ahead`;
}

function takeClock(clock) {
  clockOffsetSeconds = clock.offset_seconds;
  showClock();
}

function startClock() {
  for (const button of document.querySelectorAll("[data-advance]")) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        takeClock(await ask("/sim/clock", { advance_seconds: Number(button.dataset.advance) }));
        complaint = null;
      } catch (error) {
        complaint = error.message;
      }
      tell(complaint);
      button.disabled = false;
    });
  }
  setInterval(showClock, 1000);
}

function mailView(mail) {
  const view = element("details");
  const when = new Date(mail.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const summary = element("summary");
  summary.append(element("b", "", mail.subject || "(no subject)"), ` to ${mail.to.join(", ")}, ${when}`);
  view.append(summary, element("pre", "", mail.text ?? mail.html ?? "This mail has no text."));
  for (const file of mail.attachments) view.append(element("p", "quiet", `Attached: ${file.name}`));
  return view;
}

function showMails(mails) {
  const newest = mails.at(-1)?.n ?? 0;
  if (newest === newestMail) return; // an open mail stays open
  newestMail = newest;
  document.getElementById("mail-count").textContent = mails.length ? `(${mails.length})` : "";
  document.getElementById("mails").replaceChildren(...(mails.length
    ? mails.toReversed().map(mailView)
    : [element("p", "quiet", "No mail yet. What the installation sends by e-mail lands here.")]));
}

function waiting(about) {
  const missing = [!about.telegram_webhook && "Telegram", !about.whatsapp_webhook && "WhatsApp"];
  const names = missing.filter(Boolean).join(" and ");
  return names && `No bot is listening on ${names} yet; messages wait until it does.`;
}

async function start() {
  let phones = null;
  startClock();
  for (;;) {
    try {
      const [about, clock, mails] = await Promise.all(["/sim/about", "/sim/clock", "/sim/mail"].map((path) => ask(path)));
      phones ??= [new Phone("telegram", about), new Phone("whatsapp", about)];
      takeClock(clock);
      showMails(mails);
      tell(complaint ?? waiting(about));
    } catch (error) {
      tell(error.message);
    }
    await pause(LOOK_MILLISECONDS);
  }
}

start();
