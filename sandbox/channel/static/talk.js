// Requests to the server, and notices to the reader.
// @ts-check

const { channel, as, tab } = document.body.dataset;

/** Return the element with an id. @param {string} id */
export function find(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * Return the query of a request, with the reader and the tab.
 * @param {Record<string, string>} asked
 */
export function query(asked) {
  const all = { ...asked, ...(as ? { as } : {}), ...(tab === "home" ? { tab } : {}) };
  const text = new URLSearchParams(all).toString();
  return text ? `?${text}` : "";
}

/** Show a sentence for a while. @param {string} words */
export function tell(words) {
  const toast = find("toast");
  toast.textContent = words;
  toast.hidden = false;
  setTimeout(() => { toast.hidden = true; }, 4000);
}

/**
 * Request news.
 * @param {Record<string, string>} asked
 * @param {AbortSignal} signal
 */
export function get(asked, signal) {
  return fetch(`/channel/api/${channel}${query(asked)}`, { signal });
}

/**
 * Post JSON to a path; return the answer, or null after a notice to the reader if it failed.
 * @param {string} path
 * @param {Record<string, unknown>} content
 * @returns {Promise<Record<string, any> | null>}
 */
export async function send(path, content) {
  const headers = { "Content-Type": "application/json" };
  try {
    const answer = await fetch(`${path}${query({})}`, { method: "POST", headers, body: JSON.stringify(content) });
    if (answer.ok) return await answer.json();
    tell(answer.status === 502 ? "The app didn’t take that. Please try again." : "That didn’t work. Please try again.");
  } catch {
    tell("The sandbox doesn’t answer. Is it still running?");
  }
  return null;
}

/**
 * Act in the channel: "say", "press" and the like.
 * @param {string} action
 * @param {Record<string, unknown>} content
 */
export function post(action, content) {
  return send(`/channel/api/${channel}/${action}`, content);
}

/** Ask a suggestion in the channel. @param {Record<string, unknown>} content */
export function tryOut(content) {
  return send(`/developer/try/${channel}`, content);
}

/** Report a message that the reader posted in the channel. @param {Record<string, any> | null} said */
export function announce(said) {
  if (said?.ts) document.dispatchEvent(new CustomEvent("asked", { detail: said.ts }));
}
