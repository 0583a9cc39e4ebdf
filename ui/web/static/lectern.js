// What HTML alone cannot do: formulas, citations that lead to their passage, keys, and a reload that keeps its place.
// Loads nothing but the KaTeX that the installed Gradio serves from its own folder.

// The language of the page and the words of this script, from the catalogue of `ui/web/language.py`.
const meta = (name) => document.querySelector(`meta[name=lectern-${name}]`)?.content;
const language = meta("language") ?? "en";
const words = JSON.parse(meta("words") ?? "{}");
document.documentElement.lang = language;
document.documentElement.dir = meta("direction") ?? "ltr";

const katexAddress = document.querySelector("meta[name=lectern-katex]")?.content ?? "";
const katexStyle = document.querySelector("meta[name=lectern-katex-style]")?.content ?? "";
let katex = null;
const mathSheet = new CSSStyleSheet();

// A formula is drawn in a shadow root, so that the source stays in the page: it is what is copied, searched and compared
// when Gradio updates the page.
class LecternMath extends HTMLElement {
  connectedCallback() {
    this.observer ??= new MutationObserver(() => this.draw());
    this.observer.observe(this, { characterData: true, childList: true, subtree: true });
    this.draw();
  }
  disconnectedCallback() {
    this.observer.disconnect();
    widths.unobserve(this);
  }
  reachable() {
    const scrolls = this.scrollWidth > this.clientWidth;
    this.toggleAttribute("tabindex", false);
    if (scrolls) this.tabIndex = 0;
  }
  draw() {
    if (!katex) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [mathSheet];
    const place = document.createElement("span");
    const display = this.hasAttribute("display");
    katex.render(this.textContent, place, { displayMode: display, throwOnError: false, trust: false, strict: "ignore", maxExpand: 500 });
    root.replaceChildren(place);
    if (!display) return;
    this.setAttribute("role", "math");
    this.setAttribute("aria-label", this.textContent);
    // Told once the page is laid out: asking for the width here lays it out for every formula.
    widths.unobserve(this);
    widths.observe(this);
  }
}

// A formula wider than its column scrolls, so the keyboard has to reach it.
const widths = new ResizeObserver((entries) => entries.forEach((entry) => entry.target.reachable()));

async function loadKatex() {
  if (!katexAddress) return;
  const [library, style] = await Promise.all([import(katexAddress), fetch(katexStyle).then((answer) => answer.text())]);
  // The fonts come from the page's own copy of this sheet; Gradio's prefix does not reach into a shadow root.
  mathSheet.replaceSync(style.replace(/@font-face\s*{[^}]*}/g, "").replace(/\.gradio-container-[\w-]+ /g, ""));
  katex = library.default;
  document.querySelectorAll("lectern-math").forEach((formula) => formula.draw());
}
customElements.define("lectern-math", LecternMath);
loadKatex();

// ---- the order of views -------------------------------------------------------------------------------------------------

// A view that was overtaken on its way is not drawn. The server numbers them (`ui/web/tabs.py`), and begins again when it is
// started anew; Gradio asks here for what to draw in a part of the page.
const newest = new Map();
globalThis.lecternNewest = (part, given) => {
  const [mark, run, number] = /^<!--view (\w+) (\d+)-->/.exec(given ?? "") ?? [];
  if (!mark) return given ?? "";
  const shown = newest.get(part);
  if (shown?.run === run && Number(number) < shown.number) return shown.view;
  const view = given.slice(mark.length);
  newest.set(part, { run, number: Number(number), view });
  return view;
};

// ---- errors -----------------------------------------------------------------------------------------------------------

// Gradio shows the error of an event that waits in its queue, but not of one that does not wait: that is shown here.
const fetched = window.fetch;
window.fetch = (...given) => {
  const answer = fetched(...given);
  const address = String(given[0]?.url ?? given[0]);
  if (address.includes("/gradio_api/run/")) answer.then(look).catch(() => {});
  if (address.includes("/gradio_api/queue/join")) joined(answer);
  if (address.includes("/gradio_api/queue/data")) return answer.then((stream) => (stream.ok ? unbroken(stream, given) : stream));
  return answer;
};
async function look(answer) {
  if (answer.status !== 500) return;
  const { error } = await answer.clone().json();
  complain(error ?? "");
}
function complain(sentence) {
  document.querySelector("#complaint")?.remove();
  const box = Object.assign(document.createElement("div"), { id: "complaint" });
  const [title, text, close] = ["strong", "p", "button"].map((name) => document.createElement(name));
  title.textContent = words.failed;
  text.textContent = sentence;
  Object.assign(close, { type: "button", textContent: "×", ariaLabel: words.dismiss, onclick: () => box.remove() });
  box.setAttribute("role", "alert");
  box.append(title, text, close);
  (document.querySelector(".gradio-container") ?? document.body).append(box);
}

// ---- an event that is sent while the stream of events closes -----------------------------------------------------------

// The server closes a tab's stream when no event is under way. One that is sent at that moment is answered into the next
// stream, which Gradio's browser part opens only if it knew of the end; else the click is lost. The next stream is joined to
// this one here, until no event is under way on either side.
const awaited = new Set(); // events without their end
const early = new Set(); // events that ended before they were known
let joining = Promise.resolve();
function joined(answer) {
  const known = answer.then((sent) => sent.clone().json()).then(({ event_id: id }) => id && !early.delete(id) && awaited.add(id));
  joining = Promise.all([joining, known.catch(() => {})]);
}
async function underWay() {
  const late = new Promise((passed) => setTimeout(passed, 10_000)); // an event whose sending hangs holds nothing up
  for (let seen; !awaited.size && seen !== joining; ) await Promise.race([(seen = joining), late]);
  return awaited.size > 0;
}
async function* messages(stream, next) {
  for (let closing; ; closing = "") {
    const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (let read; !(read = await reader.read()).done; ) {
      const whole = (rest + read.value).split("\n\n");
      rest = whole.pop();
      const sent = [];
      for (const message of whole) {
        const { msg, event_id: id } = JSON.parse(message.slice("data: ".length));
        if (msg === "process_completed" && !awaited.delete(id)) early.add(id);
        if (msg === "close_stream") closing = message;
        else sent.push(`${message}\n\n`);
      }
      if (sent.length) yield sent.join(""); // together, as they came: a view and the end of its event are one moment
    }
    if (!closing) return;
    if (!(await underWay())) return yield `${closing}\n\n`;
    stream = await next();
    if (!stream.ok) return yield `${closing}\n\n`;
  }
}
function unbroken(stream, given) {
  const parts = messages(stream, () => fetched(...given));
  const encoder = new TextEncoder();
  const body = new ReadableStream({
    async pull(written) {
      const { value, done } = await parts.next();
      if (done) written.close();
      else written.enqueue(encoder.encode(value));
    },
    cancel: () => parts.return(),
  });
  return new Response(body, { headers: stream.headers });
}

// ---- citations --------------------------------------------------------------------------------------------------------

let wanted = null; // the citation whose passage should come into view as soon as it is on the page
let origin = null; // where the keyboard was, to go back to

function showPassage() {
  if (!wanted) return;
  const source = document.getElementById(`source-${wanted.exchange}-${wanted.n}`);
  if (!source) return;
  wanted = null;
  source.closest("details.rest")?.setAttribute("open", "");
  source.open = true;
  const passage = source.querySelector(".passage");
  const mark = passage.querySelector("mark");
  (mark ?? source).scrollIntoView({ block: mark ? "center" : "start", behavior: calm() ? "auto" : "smooth" });
  passage.focus({ preventScroll: true });
  document.querySelectorAll(".source.current").forEach((other) => other.classList.remove("current"));
  source.classList.add("current");
}
// A document that was opened is shown at its passage; the sources again at the passage that they were left at.
let reading = "";
let left = ""; // the view from which one goes on: the place is shown in the next one
function showPlace() {
  const reader = document.querySelector(".reader");
  if (!reader || !reading || reader.dataset.view === left) return;
  const place = reader.querySelector("rect, mark, .here") ?? reader;
  reading = "";
  place.scrollIntoView({ block: "center" });
  // On a picture of a page the passage's text is folded away: the picture has the keyboard then.
  const seats = [reader.querySelector(".here"), place.closest(".page"), reader.querySelector("button")];
  seats.find((seat) => seat?.checkVisibility()).focus({ preventScroll: true });
}
// Pictures that are still being made are looked for again, without a word and where a person is not.
let looking = 0;
function lookAgain() {
  if (looking || !document.querySelector(".reader .again")) return;
  looking = setTimeout(() => {
    looking = 0;
    document.querySelector(".reader .again")?.click();
  }, 2000);
}
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

document.addEventListener("click", (event) => {
  const cite = event.target.closest("[data-action=show]");
  if (cite) {
    if (!cite.dataset.back) origin = cite;
    wanted = { exchange: cite.dataset.exchange, n: cite.dataset.n ?? "1" };
    showPassage();
    return;
  }
  const read = event.target.closest("[data-action=read]");
  if (read && (!read.matches(".again") || document.activeElement.closest(".reader"))) [reading, left] = [read.dataset.n, document.querySelector(".reader")?.dataset.view ?? ""];
  const back = event.target.closest("button.back");
  if (back) {
    const place = origin?.isConnected ? origin : document.querySelector(`#exchange-${back.dataset.exchange} button`);
    place?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    place?.focus({ preventScroll: true });
    return;
  }
  const copy = event.target.closest("button.copy");
  if (copy) {
    const written = document.querySelector(`#exchange-${copy.dataset.exchange} template.${copy.dataset.copy}`);
    navigator.clipboard.writeText(written.content.textContent).then(() => say(copy, words.copied));
    return;
  }
  const code = event.target.closest("button.copy-code");
  if (code) {
    const text = code.previousElementSibling.textContent;
    navigator.clipboard.writeText(text).then(() => say(code, words.copied));
    return;
  }
  if (event.target.closest("button.theme")) {
    const dark = !document.body.classList.contains("dark");
    localStorage.setItem("lectern-theme", dark ? "dark" : "light");
    document.body.classList.toggle("dark", dark);
  }
});

// A word on the button for a moment, and for a screen reader.
function say(button, word) {
  const before = button.textContent;
  if (before === word) return;
  button.textContent = word;
  announcer(word);
  setTimeout(() => (button.textContent = before), 2000);
}
function announcer(words) {
  const place = document.querySelector("#announcer");
  if (place) place.textContent = words;
}

// ---- what was typed beside a button goes with it; Enter in a line presses it ------------------------------------------

document.addEventListener(
  "click",
  (event) => {
    const button = event.target.closest(".uses-typed");
    if (!button) return;
    button.dataset.typed = button.parentElement.querySelector(".typed").value;
    opened.delete(nameOf(button.closest("details")));
    setTimeout(() => delete button.dataset.typed);
  },
  true,
);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || !event.target.matches(".typed")) return;
  event.preventDefault();
  event.target.parentElement.querySelector(".uses-typed").click();
});

document.addEventListener("click", (event) => {
  const skip = event.target.closest("[data-focus]");
  if (skip) document.querySelector(skip.dataset.focus)?.focus();
  const leads = event.target.closest("[data-tab]");
  if (!leads) return;
  const tab = [...document.querySelectorAll("#rooms [role=tab]")].find((each) => each.textContent.trim() === leads.dataset.tab);
  tab?.click();
  tab?.focus();
});

// ---- what drops down: it closes on Escape and when one goes on elsewhere, and keeps the keyboard ------------------------

const drops = ".adapters, .scope details, .rename, .wish, .courses details";
function close(kept) {
  const open = [...document.querySelectorAll(drops)].filter((choice) => choice.open && !choice.contains(kept));
  for (const choice of open) put(choice, false);
  return open[0]?.querySelector("summary");
}
for (const elsewhere of ["click", "focusin"]) document.addEventListener(elsewhere, (event) => close(event.target));

// The adapters also close when one was chosen.
let choosing = false; // the choice is drawn anew when the adapter is in use; the keyboard is then put back on it
function keepKeyboard() {
  if (choosing && document.activeElement === document.body) document.querySelector(".adapters summary")?.focus();
}
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-action=adapt]")) {
    close().focus();
    choosing = true;
  }
  // A button that is about to go hands the keyboard to the choice that it belongs to.
  if (event.target.closest("[data-action=remove_course]")) document.querySelector(".courses summary").focus();
  if (event.target.closest(".widen")) document.querySelector(".scope summary").focus();
});
for (const left of ["focusin", "pointerdown"])
  document.addEventListener(left, (event) => (choosing &&= Boolean(event.target.closest(".adapters"))));

// ---- keys: Enter sends (Gradio's text box), Escape closes or stops, / goes to the question -------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    const opener = close();
    if (opener) return opener.focus();
    const stop = document.querySelector("#stop");
    if (stop && stop.offsetParent) stop.click();
  }
  if (event.key === "/" && !event.target.closest("input, textarea, [contenteditable]")) {
    const box = document.querySelector("#question textarea");
    if (box && box.offsetParent) {
      event.preventDefault();
      box.focus();
    }
  }
});

// ---- a part of the notes is found by its letters among many ------------------------------------------------------------

function find() {
  const letters = document.querySelector(".scope input")?.value.toLowerCase();
  if (letters === undefined) return;
  for (const part of document.querySelectorAll(".scope li")) part.hidden = !part.textContent.toLowerCase().includes(letters);
}
document.addEventListener("input", (event) => {
  if (!event.target.closest(".scope input")) return;
  find();
  announcer(words.found.replace("%(n)s", document.querySelectorAll(".scope li:not([hidden])").length));
});

// ---- arrow keys go from one to the next in a list of buttons --------------------------------------------------------------

const lists = ".conversations, .scope ul, .adapters ul, .courses ul, .wish ul, .follow-ups ul, .examples";
document.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const list = step && event.target.closest(lists);
  if (!list || !event.target.matches("button, li > a")) return;
  const buttons = [...list.querySelectorAll("li > :is(button, a):first-child")].filter((button) => button.offsetParent);
  const next = buttons[buttons.indexOf(event.target) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// ---- what a person opened or has the focus on stays so when it is drawn anew --------------------------------------------

// The names of a button that survive: what it does, and to what.
const nameOf = (element) => {
  const named = element.closest("[data-action], [data-keep]");
  return named ? JSON.stringify({ ...named.dataset }) : "";
};
const named = (name) => [...document.querySelectorAll("[data-action], [data-keep]")].find((other) => nameOf(other) === name);
let focused = "";
const opened = new Map();
// Kept at once: the browser tells later what was opened or closed, and the page can be drawn anew before it does.
function put(details, open) {
  details.open = open;
  if (details.dataset.keep) opened.set(nameOf(details), open);
}
document.addEventListener("click", (event) => {
  const details = event.target.closest("summary")?.parentElement;
  if (!details?.dataset.keep) return;
  event.preventDefault();
  put(details, !details.open);
});
document.addEventListener("focusin", (event) => (focused = nameOf(event.target)));
document.addEventListener("pointerdown", (event) => (focused = nameOf(event.target)));
// What opens at the end of the conversation is not left below its edge.
document.addEventListener(
  "toggle",
  (event) => event.target.open && event.target.matches("#chat-scroll details") && event.target.lastElementChild?.scrollIntoView({ block: "nearest" }),
  true,
);
document.addEventListener("toggle", (event) => event.target.dataset?.keep && opened.set(nameOf(event.target), event.target.open), true);
function keepPlace() {
  for (const [name, open] of opened) {
    const details = named(name);
    if (details && details.open !== open) details.open = open;
  }
  if (focused && document.activeElement === document.body) {
    const again = named(focused);
    (again?.matches("details") ? again.querySelector("summary") : again)?.focus({ preventScroll: true });
  }
}

// ---- the page as it changes -------------------------------------------------------------------------------------------

// Says to a screen reader what a sighted person sees happen: that passages were found, and the answer when it is whole.
let announced = "";
function announce() {
  const last = document.querySelector(".transcript .exchange:last-of-type");
  if (!last) return;
  const busy = last.querySelector("[aria-busy]");
  const state = busy ? (last.querySelector(".waiting")?.textContent ?? words.answering) : "done";
  const key = `${last.id} ${state}`;
  if (key === announced) return;
  const fresh = busy || announced.startsWith(last.id); // an old conversation that is opened is not read out
  announced = key;
  if (fresh) announcer(busy ? state : last.querySelector(".answer").textContent);
}

// The end of what is being written; of a long extract or refusal the question, so that the words above the quotes are seen.
function readingPlace(place, last) {
  const long = last.querySelector(".extract, .abstained") && last.offsetHeight > place.clientHeight;
  return long ? place.scrollTop + last.getBoundingClientRect().top - place.getBoundingClientRect().top : place.scrollHeight;
}

// Every conversation has an address, so that Back, bookmarks and two tabs work.
const addressed = () => new URLSearchParams(location.hash.slice(1)).get("conversation") ?? "";
let going = false; // the address was changed by Back, and the page follows it
function keepAddress(conversation, begun) {
  const wanted = begun ? conversation : "";
  if (wanted === addressed()) return (going = false);
  if (!going) history.pushState(null, "", wanted ? `#conversation=${wanted}` : location.pathname);
}
addEventListener("popstate", () => {
  const button = document.querySelector(".conversations .goto");
  if (!button) return;
  going = true;
  button.dataset.conversation = addressed();
  button.click();
});

// The name of the course is the page's title; a course that was made or removed leads to another page.
function keepCourse() {
  const courses = document.querySelector(".courses");
  if (!courses) return;
  const title = `${courses.dataset.course} · Lectern`;
  if (document.title !== title) document.title = title;
  const leadsTo = courses.dataset.leadsTo;
  delete courses.dataset.leadsTo;
  if (leadsTo) location.assign(leadsTo);
}

let nearEnd = true;
let followed = 0; // the height of the conversation when it was followed last
let latest = "";
function follow() {
  const transcript = document.querySelector(".transcript");
  if (!transcript) return;
  if (transcript.dataset.conversation) sessionStorage.setItem(`lectern-conversation:${location.pathname}`, transcript.dataset.conversation);
  keepAddress(transcript.dataset.conversation, Boolean(transcript.querySelector(".exchange")));
  const place = document.querySelector("#chat-scroll");
  const last = transcript.querySelector(".exchange:last-of-type");
  const asked = last?.dataset.exchange ?? "";
  if (place && last && (nearEnd || asked !== latest)) place.scrollTop = readingPlace(place, last);
  followed = place?.scrollHeight ?? 0;
  latest = asked;
}
document.addEventListener(
  "scroll",
  (event) => {
    const place = event.target;
    // What came since then is not below a person's place because they scrolled up.
    const height = following ? followed : place.scrollHeight;
    if (place.id === "chat-scroll") nearEnd = height - place.scrollTop - place.clientHeight < 80;
  },
  true,
);
let limited = ""; // the parts that were chosen, to say when they change
// The parts that are chosen outlive a reload, and those not looked for stay hidden when they are drawn anew.
function keepScope() {
  const kept = document.querySelector(".scope")?.dataset.scope;
  if (kept && limited && kept !== limited) announcer(document.querySelector(".scope summary").textContent);
  if (kept) sessionStorage.setItem(`lectern-scope:${location.pathname}`, (limited = kept));
  find();
}
// A view changes the page in many steps: what needs its layout comes once for all of them, before they are seen.
let following = false;
function followSoon() {
  if (following) return;
  following = true;
  requestAnimationFrame(() => {
    following = false;
    follow();
  });
}
new MutationObserver(() => {
  showPassage();
  showPlace();
  lookAgain();
  followSoon();
  keepCourse();
  keepScope();
  announce();
  keepKeyboard();
  keepPlace();
  keepLanguage();
}).observe(document.documentElement, { childList: true, subtree: true, characterData: true });

// ---- light and dark: the choice outlives a reload. Gradio sets the class too, at its own time --------------------------

const theme = () => localStorage.getItem("lectern-theme");
function keepTheme() {
  if (theme() && document.body.classList.contains("dark") !== (theme() === "dark")) document.body.classList.toggle("dark", theme() === "dark");
}
keepTheme();
new MutationObserver(keepTheme).observe(document.body, { attributes: true, attributeFilter: ["class"] });

// ---- the language: the choice is a cookie, because the server writes the words --------------------------------------------

function keepLanguage() {
  const choice = document.querySelector("select.language");
  if (choice && choice.value !== language) choice.value = language;
}
document.addEventListener("change", (event) => {
  if (!event.target.matches("select.language")) return;
  document.cookie = `lectern-language=${event.target.value}; path=/; max-age=31536000; samesite=strict`;
  location.reload();
});

// ---- uploads ----------------------------------------------------------------------------------------------------------

// A file of a chosen folder gets its path as its name, with another sign for the slashes: Gradio sends the name alone, and
// two files called slides.md would be one. Folders at the front are left out where the name is too long.
const nameOfFile = Object.getOwnPropertyDescriptor(File.prototype, "name");
Object.defineProperty(File.prototype, "name", {
  ...nameOfFile,
  get() {
    let parts = (this.webkitRelativePath || "").split("/");
    if (parts.length < 2) return nameOfFile.get.call(this);
    while (parts.length > 1 && new TextEncoder().encode(parts.join("⧸")).length > 180) parts = parts.slice(1);
    return parts.join("⧸");
  },
});
const appendPart = FormData.prototype.append;
FormData.prototype.append = function (name, value, ...rest) {
  return value instanceof File && !rest.length ? appendPart.call(this, name, value, value.name) : appendPart.call(this, name, value, ...rest);
};

// A folder that is dropped goes the way of one that is chosen: every file of it, with its path.
async function filesIn(entry, path) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    const file = await new Promise((found, failed) => entry.file(found, failed));
    return [new File([file], `${path}${entry.name}`, { type: file.type, lastModified: file.lastModified })];
  }
  const reader = entry.createReader();
  const found = [];
  for (let part; (part = await new Promise((read, failed) => reader.readEntries(read, failed))).length; )
    for (const each of part) found.push(...(await filesIn(each, `${path}${entry.name}⧸`)));
  return found;
}
document.addEventListener(
  "drop",
  async (event) => {
    const entries = [...(event.dataTransfer?.items ?? [])].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!event.target.closest?.("#upload") || !entries.some((entry) => entry.isDirectory)) return;
    event.preventDefault();
    event.stopPropagation();
    const chosen = new DataTransfer();
    for (const entry of entries) for (const file of await filesIn(entry, "")) chosen.items.add(file);
    const input = document.querySelector("#upload-folder input[type=file]") ?? document.querySelector("input[webkitdirectory]");
    input.files = chosen.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  },
  true,
);
