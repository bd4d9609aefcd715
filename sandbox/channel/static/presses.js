// The interactive elements of messages: buttons, thumbs, overflow menus and selects.
// @ts-check

import { find, post } from "./talk.js";

/** Invitations that the reader dismissed. @type {Set<string>} */
export const dismissed = new Set();

/** Return the message of an element. @param {Element} element */
function keyOf(element) {
  return element.closest("article")?.dataset.key ?? "";
}

/** Press an element of a message. @param {HTMLElement} element */
export async function press(element) {
  const { action = "", block = "", invite = "", confirm = "" } = element.dataset;
  const value = element instanceof HTMLSelectElement ? element.value : element.dataset.value ?? "";
  const ts = keyOf(element);
  closeMenus();
  if (element.hasAttribute("data-dismiss")) {
    dismissed.add(ts);
    element.closest(".invitation")?.remove();
    return;
  }
  if (confirm && !(await isConfirmed(confirm))) return;
  element.setAttribute("aria-busy", "true");
  if (invite) await post("invite", { user: invite, ts });
  else await post("press", { ts, block_id: block, action_id: action, value });
  element.removeAttribute("aria-busy");
}

/** Ask for confirmation of a press. @param {string} words @returns {Promise<boolean>} */
export function isConfirmed(words) {
  const dialog = /** @type {HTMLDialogElement} */ (find("confirm"));
  find("confirm-words").textContent = words;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/**
 * Replace an element and keep the focus on the same part of it, if that is still there.
 * @param {Element} old
 * @param {Element} element
 * @param {() => void} replace
 */
export function withFocus(old, element, replace) {
  const held = document.activeElement instanceof HTMLElement && old.contains(document.activeElement) ? document.activeElement : null;
  replace();
  const action = held?.dataset.action;
  if (!held || !action) return;
  const same = `[data-action="${CSS.escape(action)}"][data-block="${CSS.escape(held.dataset.block ?? "")}"]`;
  /** @type {HTMLElement | null} */ (element.querySelector(same))?.focus();
}

/** Close the overflow menus; return whether one was open. */
export function closeMenus() {
  const open = /** @type {HTMLDetailsElement[]} */ ([...document.querySelectorAll("details.more[open]")]);
  for (const menu of open) {
    if (menu.contains(document.activeElement)) menu.querySelector("summary")?.focus();
    menu.open = false;
  }
  return open.length > 0;
}

/** Put a menu's options beside its dots, where there is room. @param {HTMLDetailsElement} menu */
function unfold(menu) {
  const dots = /** @type {HTMLElement} */ (menu.querySelector("summary")).getBoundingClientRect();
  const list = /** @type {HTMLElement} */ (menu.querySelector(".options"));
  const fitsBelow = dots.bottom + 4 + list.offsetHeight < innerHeight;
  list.style.left = `${Math.max(8, Math.min(dots.left, innerWidth - list.offsetWidth - 8))}px`;
  list.style.top = `${fitsBelow ? dots.bottom + 4 : dots.top - 4 - list.offsetHeight}px`;
}

// Neither of these events bubbles.
document.addEventListener("toggle", (event) => {
  const menu = /** @type {HTMLElement} */ (event.target);
  if (!(menu instanceof HTMLDetailsElement) || !menu.matches(".more") || !menu.open) return;
  for (const other of document.querySelectorAll("details.more[open]")) {
    if (other !== menu) /** @type {HTMLDetailsElement} */ (other).open = false;
  }
  unfold(menu);
}, true);
document.addEventListener("scroll", () => { closeMenus(); }, true);
