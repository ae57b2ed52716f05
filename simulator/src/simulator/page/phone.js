// One phone: who holds it, the chat, and what can be done in it.
import { ask, element, pause } from "./api.js";
import { isReplyKey, messageView } from "./message.js";

const NAMES = ["Ann", "Boris", "Chen", "Dora", "Emil", "Fatima", "Grisha", "Hana"];
const EXTRAS = { contact: "Contact", photo: "Photo", sticker: "Sticker", voice: "Voice", location: "Location" };
const RETRY_MILLISECONDS = 2000;

export class Phone {
  constructor(platform, about) {
    this.platform = platform;
    this.about = about;
    this.person = null;
    this.turn = 0;
    this.root = document.getElementById(platform);
    this.root.append(document.getElementById("phone").content.cloneNode(true));
    this.find = (selector) => this.root.querySelector(selector);
    this.find(".phone").setAttribute("aria-label", platform === "telegram" ? "Telegram" : "WhatsApp");
    this.listen();
    const remembered = sessionStorage.getItem(this.key);
    if (remembered) this.hold(remembered);
    else this.showArrival();
  }

  get key() {
    return `person on ${this.platform}`;
  }

  path(what) {
    return `/sim/people/${this.platform}/${this.person}/${what}`;
  }

  listen() {
    this.find(".arrival").addEventListener("submit", (event) => {
      event.preventDefault();
      this.arrive(new FormData(event.target));
    });
    this.find(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.say(event.target.elements.text);
    });
    this.find(".link-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const url = event.target.elements.url;
      this.do("open", { url: url.value }).then((done) => {
        if (done) url.value = "";
        this.closeMenu();
      });
    });
    for (const [kind, label] of Object.entries(EXTRAS)) {
      const button = element("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => this.do("send", { kind }).then(() => this.closeMenu()));
      this.find(".extras").append(button);
    }
    this.find(".block").addEventListener("click", (event) => {
      this.do(event.target.dataset.act, {}).then(() => this.closeMenu());
    });
    this.find(".leave").addEventListener("click", () => {
      this.closeMenu();
      this.showArrival();
    });
    this.find(".menu").addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.closeMenu();
      this.find("summary").focus();
    });
    this.find(".log").addEventListener("grown", () => this.scroll());
    document.addEventListener("click", (event) => {
      if (!this.find(".menu").contains(event.target)) this.closeMenu();
    });
  }

  closeMenu() {
    this.find(".menu").open = false;
  }

  showArrival() {
    this.turn += 1;
    this.person = null;
    sessionStorage.removeItem(this.key);
    const form = this.find(".arrival");
    form.elements.name.value = NAMES[Math.floor(Math.random() * NAMES.length)];
    this.find(".identity").hidden = this.platform !== "whatsapp";
    this.find(".sub").textContent = this.platform === "telegram" ? "Telegram" : "WhatsApp";
    this.show({ arrival: true });
    this.tell(null);
  }

  show({ arrival }) {
    this.find(".arrival").hidden = !arrival;
    for (const part of [".log", ".composer", ".menu"]) this.find(part).hidden = arrival;
    if (arrival) this.find(".keyboard").hidden = true;
  }

  async arrive(form) {
    const body = { platform: this.platform, name: form.get("name"), language: form.get("language") };
    if (this.platform === "whatsapp") body.identity = form.get("identity");
    try {
      const person = await ask("/sim/people", body);
      sessionStorage.setItem(this.key, person.id);
      this.hold(person.id);
      this.find(".composer input").focus();
    } catch (error) {
      this.tell(error.message);
    }
  }

  hold(id) {
    this.person = id;
    this.turn += 1;
    this.drawn = new Map();
    this.find(".log").replaceChildren();
    this.show({ arrival: false });
    this.follow(this.turn);
  }

  async follow(turn) {
    let revision = -1;
    while (turn === this.turn) {
      try {
        const after = revision < 0 ? "timeout=0" : `after=${revision}`;
        const changes = await ask(this.path(`changes?${after}`));
        if (turn !== this.turn) return;
        this.tell(null);
        if (changes.revision !== revision) this.draw(changes);
        revision = changes.revision;
      } catch (error) {
        if (turn !== this.turn) return;
        if (error.status === 404) {
          this.showArrival();
          return;
        }
        this.tell(error.message);
        await pause(RETRY_MILLISECONDS);
      }
    }
  }

  draw({ person, chat }) {
    const place = this.platform === "telegram" ? `@${this.about.telegram_bot}` : `+${this.about.whatsapp_phone}`;
    this.find(".sub").textContent = `${place} · ${person.name}'s phone`;
    this.find(".person-facts").textContent = person.platform === "telegram"
      ? `${person.name}, Telegram id ${person.id}`
      : `${person.name}, +${person.phone}${person.user_id ? `, ${person.user_id}` : ""}`;
    const block = this.find(".block");
    block.textContent = person.blocked ? "Unblock the bot" : "Block the bot";
    block.dataset.act = person.blocked ? "unblock" : "block";
    const log = this.find(".log");
    this.staysAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60
      || chat.at(-1)?.from === "person";
    this.drawMessages(log, chat);
    this.drawKeyboard(chat);
    this.find(".composer input").disabled = person.blocked;
    this.find(".composer input").placeholder = person.blocked ? "You have blocked the bot" : "Message";
    this.scroll();
    if (document.visibilityState === "visible" && chat.some((e) => e.from === "bot" && e.status === "delivered")) {
      ask(this.path("read"), {}).catch(() => {}); // the next change tells whether it worked
    }
  }

  scroll() {
    const log = this.find(".log");
    if (this.staysAtEnd) log.scrollTop = log.scrollHeight;
  }

  drawMessages(log, chat) {
    // Only what changed is drawn again, so that focus and screen readers stay where they are.
    if (chat.length === 0) {
      log.replaceChildren(this.emptyView());
      this.drawn.clear();
      return;
    }
    if (this.drawn.size === 0) log.replaceChildren();
    let day = null;
    for (const entry of chat) {
      const now = new Date(entry.at).toLocaleDateString([], { day: "numeric", month: "long" });
      const isNewDay = now !== day;
      day = now;
      const looks = JSON.stringify(entry);
      const before = this.drawn.get(entry.n);
      if (before?.looks === looks) continue;
      const view = messageView(this.platform, entry, this);
      if (before) before.view.replaceWith(view);
      else {
        if (isNewDay) log.append(element("p", "day", now));
        log.append(view);
      }
      this.drawn.set(entry.n, { looks, view });
    }
  }

  emptyView() {
    const view = element("div", "empty");
    const isTelegram = this.platform === "telegram";
    view.append(element("p", "", isTelegram
      ? "Nobody has written yet. The bot may answer only after Start."
      : "Nobody has written yet. Say hello, or open a wa.me link."));
    const button = element("button", "", isTelegram ? "START" : "Say hello");
    button.type = "button";
    button.addEventListener("click", () => this.do("say", { text: isTelegram ? "/start" : "Hello" }));
    view.append(button);
    return view;
  }

  drawKeyboard(chat) {
    const keyboard = this.find(".keyboard");
    const newest = chat.findLast((entry) => entry.from === "bot" && entry.choices.length > 0);
    const isShown = this.platform === "telegram" && Boolean(newest?.choices.every(isReplyKey));
    keyboard.hidden = !isShown;
    keyboard.replaceChildren();
    if (!isShown) return;
    for (const choice of newest.choices) {
      const button = element("button", "", choice.label);
      button.type = "button";
      button.addEventListener("click", () => this.tap(newest, choice));
      keyboard.append(button);
    }
  }

  async say(input) {
    const text = input.value;
    if (!text.trim()) return;
    input.value = "";
    if (!(await this.do("say", { text }))) input.value = text;
  }

  async tap(entry, choice) {
    const target = choice.data === null ? { label: choice.label } : { data: choice.data };
    const done = await this.do("tap", { ...target, n: entry.n });
    if (done?.opened) window.open(done.opened, "_blank", "noopener");
  }

  async do(what, body) {
    try {
      const done = await ask(this.path(what), body);
      this.tell(null);
      return done;
    } catch (error) {
      this.tell(error.message);
      return null;
    }
  }

  tell(sentence) {
    const place = this.find(".phone-trouble");
    place.hidden = !sentence;
    place.textContent = sentence ?? "";
  }
}
