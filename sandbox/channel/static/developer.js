// For developers: suggestions to try, faults, the requests as they happen, and the theme.
// @ts-check

import { announce, find, send, tell, tryOut } from "./talk.js";

const panel = find("panel");
const traffic = find("traffic");
let last = 0;
let reading = new AbortController();
let guide = "";

/** Show the first steps or the suggestions. @param {string} html */
export function showGuide(html) {
  const place = document.getElementById("guide");
  if (!place || html === guide) return;
  if (guide) place.innerHTML = html;
  guide = html;
}

/** Add rendered requests at the end of the list, or replace those that it has. @param {string[]} requests */
function add(requests) {
  const atEnd = traffic.scrollHeight - traffic.scrollTop - traffic.clientHeight < 60;
  for (const html of requests) {
    const frame = document.createElement("template");
    frame.innerHTML = html.trim();
    const row = /** @type {HTMLElement} */ (frame.content.firstElementChild);
    const old = traffic.querySelector(`[data-number="${row.dataset.number}"]`);
    // The old summary stays, and with it the focus and whether it is open.
    for (const part of old ? ["summary", ".bodies"] : []) {
      old?.querySelector(part)?.replaceChildren(...(row.querySelector(part)?.childNodes ?? []));
    }
    if (!old) traffic.append(row);
  }
  find("no-traffic").hidden = traffic.children.length > 0;
  if (atEnd) traffic.scrollTop = traffic.scrollHeight;
}

/** Poll for requests while the panel is open. */
async function follow() {
  reading = new AbortController();
  const { signal } = reading;
  while (!signal.aborted) {
    try {
      const answer = await fetch(`/developer/traffic?since=${last}`, { signal });
      const news = await answer.json();
      last = news.last;
      add(news.requests);
    } catch {
      if (!signal.aborted) await new Promise((done) => { setTimeout(done, 2000); });
    }
  }
}

/** Open or close the panel. @param {boolean} open */
function openPanel(open) {
  panel.hidden = !open;
  document.querySelector(".developer")?.setAttribute("aria-expanded", String(open));
  sessionStorage.setItem("panel", open ? "open" : "");
  reading.abort();
  if (open) void follow();
}

/** @param {HTMLElement} button */
async function act(button) {
  const name = button.dataset.stage ?? "";
  button.setAttribute("aria-busy", "true");
  const done = await send("/developer/stage", { name });
  button.removeAttribute("aria-busy");
  if (done) tell(name === "install" ? "Installed." : "Done. Ask something and watch.");
}

function isDark() {
  const theme = document.documentElement.dataset.theme;
  return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function showTheme() {
  find("theme").setAttribute("aria-pressed", String(isDark()));
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-try], [data-panel], [data-stage], [data-copy], #theme"));
  if (!button) return;
  const { copy } = button.dataset;
  if (button.dataset.try) {
    const app = /** @type {HTMLInputElement | null} */ (document.getElementById("try-app"));
    void tryOut({ suggestion: button.dataset.try, app: app?.value ?? "" }).then(announce);
  } else if (button.hasAttribute("data-panel")) {
    openPanel(panel.hidden);
  } else if (button.dataset.stage) {
    void act(button);
  } else if (copy) {
    void navigator.clipboard.writeText(find(copy).textContent ?? "").then(() => { tell("Copied."); });
  } else {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `theme=${document.documentElement.dataset.theme}; path=/; max-age=31536000; SameSite=Strict`;
    showTheme();
  }
});

document.addEventListener("change", (event) => {
  const list = /** @type {HTMLSelectElement} */ (event.target);
  if (list.dataset.faultOf) void send("/developer/fault", { service: list.dataset.faultOf, name: list.value });
  if (list.hasAttribute("data-failing")) void send("/developer/model", { model_id: list.value });
});

panel.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  event.preventDefault();
  openPanel(false);
  /** @type {HTMLElement | null} */ (document.querySelector(".developer"))?.focus();
});

// The event does not bubble.
traffic.addEventListener("toggle", (event) => {
  /** @type {HTMLElement} */ (event.target).scrollIntoView({ block: "nearest" });
}, true);

showTheme();
openPanel(sessionStorage.getItem("panel") === "open");
