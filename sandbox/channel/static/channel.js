// The channel page's script: sends what is typed, keeps the page up to date. The server renders every message.
// @ts-check

import { composers } from "./composer.js";
import { showGuide } from "./developer.js";
import { isModalOpen, showModal } from "./modal.js";
import { closeMenus, dismissed, press, withFocus } from "./presses.js";
import { announce, find, get, post, query } from "./talk.js";
import { useTool } from "./tools.js";

/** @typedef {{key: string, html: string}} Drawn */
/** @typedef {{version: number, sidebar: string, entries: Drawn[], replies: Drawn[], status: string, working: string, modal: string, guide: string, members: string[]}} News */

const body = document.body;
const entries = find("entries");
const replies = find("replies");
const thread = find("thread");
let version = Number(body.dataset.version);
let waiting = new AbortController();
/** The reader's last question, until its thread has an answer. */
let asked = "";

/**
 * Replace the children of a list by those rendered, and touch only the changed ones.
 * @param {HTMLElement} list
 * @param {Drawn[]} drawn
 */
function place(list, drawn) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80;
  const there = new Map([...list.querySelectorAll(":scope > [data-key]")].map((each) => [each.getAttribute("data-key"), each]));
  let next = list.querySelector(":scope > [data-key]");
  for (const { key, html } of drawn) {
    const old = there.get(key);
    const element = old && sources.get(old) === html ? old : made(html);
    there.delete(key);
    if (old && old !== element) withFocus(old, element, () => old.replaceWith(element));
    if (next === old) next = element;
    // An element that is already in its position isn't moved: it would lose the focus.
    if (next === element) next = element.nextElementSibling;
    else list.insertBefore(element, next);
  }
  for (const gone of there.values()) gone.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** The HTML of each element. @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/** Parse the HTML of an element. @param {string} html */
function made(html) {
  const frame = document.createElement("template");
  frame.innerHTML = html;
  const element = /** @type {HTMLElement} */ (frame.content.firstElementChild);
  sources.set(element, html);
  for (const invitation of element.querySelectorAll(".invitation")) {
    if (dismissed.has(element.dataset.key ?? "")) invitation.remove();
  }
  return element;
}

/** Show the news of the server. @param {News} news */
function show(news) {
  version = news.version;
  const sidebar = find("sidebar");
  if (sources.get(sidebar) !== news.sidebar) {
    sidebar.innerHTML = news.sidebar;
    sources.set(sidebar, news.sidebar);
  }
  place(entries, news.entries);
  place(replies, news.replies);
  find("status").textContent = news.status;
  const working = find("working");
  if (sources.get(working) !== news.working) {
    working.innerHTML = news.working;
    sources.set(working, news.working);
  }
  showModal(news.modal);
  showGuide(news.guide);
  openAnswer();
  for (const form of composers()) form.dataset.members = JSON.stringify(news.members);
}

/** Open the thread of the last question when something happens in it, unless the reader writes in another. */
function openAnswer() {
  const question = asked && entries.querySelector(`[data-key="${CSS.escape(asked)}"]`);
  if (!question || !question.querySelector(".replies, .status")) return;
  const draft = /** @type {HTMLTextAreaElement} */ (find("reply")).value;
  if (!draft && body.dataset.kind !== "im") goToThread(asked, false);
  asked = "";
}

/** Poll for news while the page is open. */
async function follow() {
  let since = -1;
  for (;;) {
    waiting = new AbortController();
    const open = thread.dataset.thread;
    try {
      const answer = await get({ since: String(since), thread: open ?? "" }, waiting.signal);
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      if (open === thread.dataset.thread) show(news);
      // What is shown may open a thread, of which nothing is known yet.
      since = open === thread.dataset.thread ? version : -1;
    } catch {
      // A change of thread asks anew at once; an unreachable server is retried later.
      if (!waiting.signal.aborted) await new Promise((done) => { setTimeout(done, 2000); });
      since = -1;
    }
  }
}

/**
 * Open a thread beside the channel, or close it when there is none.
 * @param {string} ts
 * @param {boolean} focuses
 */
function openThread(ts, focuses = true) {
  if (thread.dataset.thread !== ts) replies.replaceChildren();
  thread.dataset.thread = ts;
  thread.hidden = !ts;
  body.classList.toggle("threaded", Boolean(ts));
  find("status").textContent = "";
  waiting.abort();
  find("working").replaceChildren();
  sources.delete(find("working"));
  if (focuses) document.getElementById(ts ? "reply" : "say")?.focus();
}

/**
 * Move to a thread so that Back leads out of it again.
 * @param {string} ts
 * @param {boolean} focuses
 */
function goToThread(ts, focuses = true) {
  if (ts === thread.dataset.thread) return;
  history.pushState(null, "", `${location.pathname}${query(ts ? { thread: ts } : {})}`);
  openThread(ts, focuses);
}

/** Open or fold the list of channels of a narrow page. @param {boolean} open */
function openMenu(open) {
  body.classList.toggle("menu-open", open);
  find("menu").setAttribute("aria-expanded", String(open));
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const link = /** @type {HTMLElement | null} */ (target.closest("a[data-thread], #close"));
  const button = /** @type {HTMLElement | null} */ (target.closest("[data-action], [data-invite], [data-dismiss]"));
  const tool = /** @type {HTMLElement | null} */ (target.closest("[data-edit], [data-delete], [data-forward]"));
  const prompt = /** @type {HTMLElement | null} */ (target.closest("[data-say]"));
  const stop = /** @type {HTMLElement | null} */ (target.closest("[data-stop]"));
  if (!target.closest("details.more")) closeMenus();
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    goToThread(link.dataset.thread ?? "");
  } else if (prompt) {
    void post("say", { text: prompt.dataset.say ?? "" }).then(announce);
  } else if (stop) {
    void post("stop", { app: stop.dataset.stop ?? "", thread: stop.dataset.in ?? "" });
  } else if (tool) {
    void useTool(tool);
  } else if (button && button.tagName !== "SELECT") {
    void press(button);
  } else {
    openMenu(target.id === "menu" && !body.classList.contains("menu-open"));
  }
});

document.addEventListener("change", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.matches("select[data-action]")) void press(target);
  if (target instanceof HTMLSelectElement && target.hasAttribute("data-go")) location.assign(target.value);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || isModalOpen()) return;
  if (closeMenus()) return;
  if (body.classList.contains("menu-open")) openMenu(false);
  else if (thread.dataset.thread) goToThread("");
});

window.addEventListener("popstate", () => {
  openThread(new URLSearchParams(location.search).get("thread") ?? "");
});

document.addEventListener("asked", (event) => {
  asked = /** @type {CustomEvent<string>} */ (event).detail;
  entries.scrollTop = entries.scrollHeight;
});

// A list that shows its end goes on to show it when its size changes.
for (const list of [entries, replies]) {
  let atEnd = true;
  list.addEventListener("scroll", () => { atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80; });
  new ResizeObserver(() => { if (atEnd) list.scrollTop = list.scrollHeight; }).observe(list);
}
void follow();
