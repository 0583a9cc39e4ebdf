// What HTML alone cannot do: formulas, citations that lead to their passage, keys, and a reload that keeps its place.
// Loads nothing but the KaTeX that the installed Gradio serves from its own folder.

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
  }
  draw() {
    if (!katex) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [mathSheet];
    const place = document.createElement("span");
    const display = this.hasAttribute("display");
    katex.render(this.textContent, place, { displayMode: display, throwOnError: false, trust: false, strict: "ignore", maxExpand: 500 });
    root.replaceChildren(place);
  }
}

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
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

document.addEventListener("click", (event) => {
  const cite = event.target.closest("[data-action=show]");
  if (cite) {
    origin = cite;
    wanted = { exchange: cite.dataset.exchange, n: cite.dataset.n ?? "1" };
    showPassage();
    return;
  }
  const back = event.target.closest("button.back");
  if (back) {
    const place = origin?.isConnected ? origin : document.querySelector(`#exchange-${back.dataset.exchange} button`);
    place?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    place?.focus({ preventScroll: true });
    return;
  }
  const copy = event.target.closest("button.copy");
  if (copy) {
    const answer = document.querySelector(`#exchange-${copy.dataset.exchange} .answer`).cloneNode(true);
    answer.querySelectorAll(".verdict").forEach((verdict) => verdict.remove());
    navigator.clipboard.writeText(answer.textContent.trim()).then(() => (copy.textContent = "Copied"));
    return;
  }
  if (event.target.closest("button.theme")) {
    const dark = document.body.classList.toggle("dark");
    localStorage.setItem("lectern-theme", dark ? "dark" : "light");
  }
});

// ---- what drops down: it closes on Escape and when one goes on elsewhere, and keeps the keyboard ------------------------

const drops = ".adapters, .scope details";
function close(kept) {
  const open = [...document.querySelectorAll(drops)].filter((choice) => choice.open && !choice.contains(kept));
  for (const choice of open) choice.open = false;
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
document.addEventListener("input", (event) => event.target.closest(".scope input") && find());

// ---- the page as it changes -------------------------------------------------------------------------------------------

// Says to a screen reader what a sighted person sees happen: that passages were found, and the answer when it is whole.
let announced = "";
function announce() {
  const last = document.querySelector(".transcript .exchange:last-of-type");
  const announcer = document.querySelector("#announcer");
  if (!last || !announcer) return;
  const busy = last.querySelector("[aria-busy]");
  const state = busy ? (last.querySelector(".waiting")?.textContent ?? "Answering…") : "done";
  const key = `${last.id} ${state}`;
  if (key === announced) return;
  const fresh = busy || announced.startsWith(last.id); // an old conversation that is opened is not read out
  announced = key;
  if (fresh) announcer.textContent = busy ? state : last.querySelector(".answer").textContent;
}

let nearEnd = true;
let latest = "";
function follow() {
  const transcript = document.querySelector(".transcript");
  if (!transcript) return;
  if (transcript.dataset.conversation) sessionStorage.setItem("lectern-conversation", transcript.dataset.conversation);
  const place = document.querySelector("#chat-scroll");
  const last = transcript.querySelector(".exchange:last-of-type");
  const asked = last?.dataset.exchange ?? "";
  if (place && last && (nearEnd || asked !== latest)) place.scrollTop = place.scrollHeight;
  latest = asked;
}
document.addEventListener(
  "scroll",
  (event) => {
    const place = event.target;
    if (place.id === "chat-scroll") nearEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 80;
  },
  true,
);
// The parts that are chosen outlive a reload, and those not looked for stay hidden when they are drawn anew.
function keepScope() {
  const kept = document.querySelector(".scope")?.dataset.scope;
  if (kept) sessionStorage.setItem("lectern-scope", kept);
  find();
}
new MutationObserver(() => {
  showPassage();
  follow();
  keepScope();
  announce();
  keepKeyboard();
}).observe(document.documentElement, { childList: true, subtree: true, characterData: true });

const chosen = localStorage.getItem("lectern-theme");
if (chosen) addEventListener("load", () => setTimeout(() => document.body.classList.toggle("dark", chosen === "dark"), 0));
