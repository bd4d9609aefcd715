// What a user does with a message: edit, delete, forward.
// @ts-check

import { isConfirmed } from "./presses.js";
import { announce, find, post, tell } from "./talk.js";

/** Ask with a dialog; return whether it was confirmed. @param {string} id @returns {Promise<boolean>} */
function asksWith(id) {
  const dialog = /** @type {HTMLDialogElement} */ (find(id));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((done) => {
    dialog.addEventListener("close", () => done(dialog.returnValue === "yes"), { once: true });
  });
}

/** Return the value of a field. @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (find(id));
}

/** Use a tool of a message. @param {HTMLElement} tool */
export async function useTool(tool) {
  const { edit, typed = "", forward } = tool.dataset;
  if (edit) {
    field("edit-text").value = typed;
    const isSaved = await asksWith("edit") && await post("edit", { ts: edit, text: field("edit-text").value });
    if (isSaved && tool.closest("#entries")) announce({ ts: edit });
  } else if (forward) {
    field("forward-text").value = "";
    if (!(await asksWith("forward"))) return;
    const to = field("forward-to").value;
    const done = await post("forward", { ts: forward, to, text: field("forward-text").value });
    if (to === document.body.dataset.channel) announce(done);
    else if (done) tell("Forwarded.");
  } else if (await isConfirmed(tool.dataset.confirm ?? "")) {
    await post("delete", { ts: tool.dataset.delete ?? "" });
  }
}
