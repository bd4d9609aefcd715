// The message boxes: what is typed, files and tables that go along, and sending.
// @ts-check

import { watchMentions } from "./mentions.js";
import { announce, find, post } from "./talk.js";

const SAMPLE = [["Item", "Budget", "Spent"], ["Catering", "€1,200", "€1,480"], ["Venue", "€3,000", "€2,900"], ["Travel", "€900", "€1,310"]];

/** Return the message boxes. */
export function composers() {
  return /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(".composer"));
}

/** Return the rows of a table in pasted text, or null if it is none. @param {string} text */
function rowsOf(text) {
  const rows = text.replace(/\n$/, "").split(/\r?\n/).map((line) => line.split("\t"));
  const isTable = rows.length > 1 && rows[0].length > 1 && rows.every((row) => row.length === rows[0].length);
  return isTable ? rows : null;
}

/** Let a message box send. @param {HTMLFormElement} form */
function watch(form) {
  const box = /** @type {HTMLTextAreaElement} */ (form.querySelector("textarea"));
  const button = /** @type {HTMLButtonElement} */ (form.querySelector(".send"));
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input[type=file]"));
  const list = /** @type {HTMLElement} */ (form.querySelector(".attached"));
  /** @type {string[]} */
  let files = [];
  /** @type {string[][] | null} */
  let table = null;

  function refresh() {
    button.disabled = !box.value.trim() && !files.length && !table;
    const rows = table ? [`Table, ${table.length} × ${table[0].length}`] : [];
    list.replaceChildren(...files.map((name) => chip(name, () => { files = files.filter((each) => each !== name); })), ...rows.map((words) => chip(words, () => { table = null; })));
    list.hidden = list.children.length === 0;
  }

  /** @param {string} words @param {() => void} remove */
  function chip(words, remove) {
    const item = document.createElement("li");
    const cross = document.createElement("button");
    item.textContent = words;
    cross.type = "button";
    cross.textContent = "✕";
    cross.setAttribute("aria-label", `Remove ${words}`);
    cross.addEventListener("click", () => { remove(); refresh(); box.focus(); });
    item.append(cross);
    return item;
  }

  async function submit() {
    button.disabled = true;
    const also = /** @type {HTMLInputElement | null} */ (form.querySelector("[name=broadcast]"));
    const thread = form.dataset.in ? find("thread").dataset.thread ?? "" : "";
    const content = { text: box.value, thread, files, broadcast: Boolean(also?.checked), ...(table ? { table } : {}) };
    const said = await post("say", content);
    if (said) {
      box.value = "";
      files = [];
      table = null;
      if (also) also.checked = false;
      if (!thread) announce(said);
    }
    refresh();
    const messages = find(thread ? "replies" : "entries");
    messages.scrollTop = messages.scrollHeight;
  }

  box.addEventListener("input", refresh);
  watchMentions(form, box);
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.defaultPrevented) return;
    event.preventDefault();
    if (!button.disabled) form.requestSubmit();
  });
  box.addEventListener("paste", (event) => {
    const rows = rowsOf(event.clipboardData?.getData("text/plain") ?? "");
    if (!rows) return;
    event.preventDefault();
    table = rows;
    refresh();
  });
  form.querySelector("[data-files]")?.addEventListener("click", () => { input.click(); });
  form.querySelector("[data-table]")?.addEventListener("click", () => { table = SAMPLE; refresh(); box.focus(); });
  input.addEventListener("change", () => {
    files = [...files, ...[...(input.files ?? [])].map((file) => file.name)];
    input.value = "";
    refresh();
    box.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
}

for (const form of composers()) watch(form);
