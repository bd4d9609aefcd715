// A modal that an app opened: shown until it is submitted or closed.
// @ts-check

import { find, post, tell } from "./talk.js";

const dialog = /** @type {HTMLDialogElement} */ (find("modal"));
let shown = "";

/** Whether a modal is open. */
export function isModalOpen() {
  return dialog.open || /** @type {HTMLDialogElement} */ (find("confirm")).open;
}

/** Show the rendered modal, or none if the HTML is empty. @param {string} html */
export function showModal(html) {
  if (html === shown) return;
  shown = html;
  if (dialog.open) dialog.close();
  dialog.innerHTML = html;
  if (!html) return;
  dialog.showModal();
  /** @type {HTMLElement | null} */ (dialog.querySelector("[data-field]"))?.focus();
}

function viewId() {
  return dialog.querySelector("form")?.dataset.view ?? "";
}

/** Show the errors below their inputs. @param {Record<string, string>} errors */
function showErrors(errors) {
  for (const line of dialog.querySelectorAll("[data-fault]")) {
    const words = errors[line.getAttribute("data-fault") ?? ""] ?? "";
    line.textContent = words;
    /** @type {HTMLElement} */ (line).hidden = !words;
  }
}

async function send() {
  const fields = /** @type {NodeListOf<HTMLInputElement>} */ (dialog.querySelectorAll("[data-field]"));
  /** @type {Record<string, string | string[]>} */
  const values = Object.fromEntries([...fields].map((field) => [field.dataset.field ?? "", field.value]));
  const boxes = /** @type {NodeListOf<HTMLInputElement>} */ (dialog.querySelectorAll("[data-boxes]"));
  for (const box of boxes) {
    const name = box.dataset.boxes ?? "";
    values[name] = [...(values[name] ?? []), ...(box.checked ? [box.value] : [])];
  }
  const button = dialog.querySelector("[data-send]");
  button?.setAttribute("aria-busy", "true");
  const done = await post("submit", { view: viewId(), values });
  button?.removeAttribute("aria-busy");
  if (!done) return;
  showErrors(done.errors);
  if (done.closed) showModal("");
  else if (Object.keys(done.errors).length === 0) tell("The app left this open.");
}

function close() {
  const view = viewId();
  showModal("");
  void post("close", { view });
}

dialog.addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});
dialog.addEventListener("cancel", (event) => {
  event.preventDefault();
  close();
});
dialog.addEventListener("click", (event) => {
  if (/** @type {HTMLElement} */ (event.target).closest("[data-close]")) close();
});
dialog.addEventListener("keydown", (event) => {
  // As in Slack: Enter makes a new line, Ctrl+Enter sends.
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void send();
});
