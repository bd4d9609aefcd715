// The channel page's script: sends what is typed, keeps the page up to date. The server draws every message.
// @ts-check

import { watchMentions } from "./mentions.js";

/** @typedef {{key: string, html: string}} Drawn */
/** @typedef {{version: number, sidebar: string, entries: Drawn[], replies: Drawn[], status: string, members: string[]}} News */

const body = document.body;
const api = `/channel/api/${body.dataset.channel}`;
const entries = find("entries");
const replies = find("replies");
const thread = find("thread");
/** Invitations that the reader waved away. @type {Set<string>} */
const dismissed = new Set();
let version = Number(body.dataset.version);
let waiting = new AbortController();

/** Give the element of an id. @param {string} id */
function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/** Give the message an element stands in. @param {Element} element */
function keyOf(element) {
  return element.closest("article")?.dataset.key ?? "";
}

/** Show a sentence for a while. @param {string} words */
function tell(words) {
  const toast = find("toast");
  toast.textContent = words;
  toast.hidden = false;
  setTimeout(() => { toast.hidden = true; }, 4000);
}

/**
 * Post to the server; tell the reader when it doesn't work out.
 * @param {string} action
 * @param {Record<string, string>} content
 */
async function post(action, content) {
  const headers = { "Content-Type": "application/json" };
  try {
    const answer = await fetch(`${api}/${action}`, { method: "POST", headers, body: JSON.stringify(content) });
    if (answer.status === 501) tell("Nobody listens to this button here.");
    else if (!answer.ok) tell("That didn’t work. Please try again.");
    return answer.ok;
  } catch {
    tell("The sandbox doesn’t answer. Is it still running?");
    return false;
  }
}

/**
 * Make the children of a list those drawn, and touch only what changed.
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
    if (old && old !== element) old.replaceWith(element);
    if (next === old) next = element;
    // What stands in its place already isn't moved: it would lose the focus.
    if (next === element) next = element.nextElementSibling;
    else list.insertBefore(element, next);
  }
  for (const gone of there.values()) gone.remove();
  if (atEnd) list.scrollTop = list.scrollHeight;
}

/** What each element was made of. @type {WeakMap<Element, string>} */
const sources = new WeakMap();

/** Make the element that the server drew. @param {string} html */
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

/** Show what the server tells. @param {News} news */
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
  for (const form of document.querySelectorAll("form")) form.dataset.members = JSON.stringify(news.members);
}

/** Ask for news for as long as the page is open. */
async function follow() {
  let since = -1;
  for (;;) {
    waiting = new AbortController();
    const open = thread.dataset.thread;
    try {
      const query = `since=${since}&thread=${encodeURIComponent(open ?? "")}`;
      const answer = await fetch(`${api}?${query}`, { signal: waiting.signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      const isCurrent = open === thread.dataset.thread;
      if (isCurrent) show(news);
      since = isCurrent ? version : -1;
    } catch {
      // A change of thread asks anew at once; a server that is away is given time.
      if (!waiting.signal.aborted) await new Promise((done) => { setTimeout(done, 2000); });
      since = -1;
    }
  }
}

/** Open a thread beside the channel, or close it when there is none. @param {string} ts */
function openThread(ts) {
  if (thread.dataset.thread !== ts) replies.replaceChildren();
  thread.dataset.thread = ts;
  thread.hidden = !ts;
  body.classList.toggle("threaded", Boolean(ts));
  find("status").textContent = "";
  waiting.abort();
  find(ts ? "reply" : "say").focus();
}

/** Move to a thread so that Back leads out of it again. @param {string} ts */
function goToThread(ts) {
  history.pushState(null, "", ts ? `?thread=${ts}` : location.pathname);
  openThread(ts);
}

/** Open or fold the list of channels of a narrow page. @param {boolean} open */
function openMenu(open) {
  body.classList.toggle("menu-open", open);
  find("menu").setAttribute("aria-expanded", String(open));
}

/** Press a button of a message. @param {HTMLElement} button */
async function press(button) {
  const { action = "", block = "", invite = "" } = button.dataset;
  const ts = keyOf(button);
  if (button.hasAttribute("data-dismiss")) {
    dismissed.add(ts);
    button.closest(".invitation")?.remove();
    return;
  }
  button.setAttribute("aria-busy", "true");
  if (invite) await post("invite", { user: invite, ts });
  else await post("press", { ts, block_id: block, action_id: action });
  button.removeAttribute("aria-busy");
}

document.addEventListener("click", (event) => {
  const target = /** @type {HTMLElement} */ (event.target);
  const link = /** @type {HTMLElement | null} */ (target.closest("a[data-thread], #close"));
  const button = /** @type {HTMLElement | null} */ (target.closest(".press"));
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    goToThread(link.dataset.thread ?? "");
  } else if (button) {
    void press(button);
  } else {
    openMenu(target.id === "menu" && !body.classList.contains("menu-open"));
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented) return;
  if (body.classList.contains("menu-open")) openMenu(false);
  else if (thread.dataset.thread) goToThread("");
});

window.addEventListener("popstate", () => {
  openThread(new URLSearchParams(location.search).get("thread") ?? "");
});

for (const form of document.querySelectorAll("form")) {
  const box = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
  const send = /** @type {HTMLButtonElement} */ (form.querySelector(".send"));
  const list = form.dataset.in ? replies : entries;
  box.addEventListener("input", () => { send.disabled = !box.value.trim(); });
  watchMentions(form, box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    if (!send.disabled) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    const sent = await post("say", { text: box.value, thread: form.dataset.in ? thread.dataset.thread ?? "" : "" });
    if (sent) box.value = "";
    send.disabled = !box.value.trim();
    list.scrollTop = list.scrollHeight;
  });
}

entries.scrollTop = entries.scrollHeight;
replies.scrollTop = replies.scrollHeight;
void follow();
