// Pages without Gradio: light or dark as chosen on the main page, else as the system has it.

const chosen = localStorage.getItem("lectern-theme");
const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.classList.toggle("dark", dark);

document.addEventListener("click", (event) => {
  if (!event.target.closest("button.theme")) return;
  const next = !document.documentElement.classList.contains("dark");
  document.documentElement.classList.toggle("dark", next);
  localStorage.setItem("lectern-theme", next ? "dark" : "light");
});

// Work under way is looked at again until it has ended; then the page shows its result.
function follow() {
  const part = document.querySelector("[data-poll]");
  if (!part) return;
  setTimeout(async () => {
    const response = await fetch(part.dataset.poll, { cache: "no-store" }).catch(() => null);
    if (response?.status >= 400 && response.status < 429) return;
    if (!response?.ok) return follow(); // a server that is busy or started anew is asked again
    const found = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-poll]");
    if (!found) return location.reload();
    part.replaceWith(found);
    follow();
  }, 700);
}
document.addEventListener("DOMContentLoaded", follow);
