// Offers the names of apps and people while the user types an @.
// @ts-check

/**
 * Offer names in a composer, by mouse and by keyboard.
 * @param {HTMLFormElement} form
 * @param {HTMLTextAreaElement} box
 */
export function watchMentions(form, box) {
  const list = /** @type {HTMLElement} */ (form.querySelector(".offers"));
  let chosen = 0;

  /** Return the text between the last @ and the caret, or null if there is no mention. */
  function begun() {
    return /(?:^|\s)@([\p{L}\p{N} ]{0,35})$/u.exec(box.value.slice(0, box.selectionStart))?.[1] ?? null;
  }

  function offer() {
    const start = begun();
    const members = /** @type {string[]} */ (JSON.parse(form.dataset.members ?? "[]"));
    const names = start === null ? [] : members.filter((name) => name.toLowerCase().startsWith(start.toLowerCase()));
    // A name that is complete is not offered: Enter sends.
    if (names.length === 1 && names[0].toLowerCase() === start?.toLowerCase()) names.length = 0;
    list.replaceChildren(...names.map(option));
    list.hidden = names.length === 0;
    choose(0);
  }

  /** @param {string} name @param {number} index */
  function option(name, index) {
    const item = document.createElement("li");
    item.id = `${list.id}-${index}`;
    item.setAttribute("role", "option");
    item.textContent = name;
    // On mousedown, before the box loses its focus.
    item.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
    return item;
  }

  /** @param {number} index */
  function choose(index) {
    const items = [...list.children];
    chosen = items.length ? (index + items.length) % items.length : 0;
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === chosen)));
    items[chosen]?.scrollIntoView({ block: "nearest" });
    if (items[chosen]) box.setAttribute("aria-activedescendant", items[chosen].id);
    else box.removeAttribute("aria-activedescendant");
  }

  /** @param {string} name */
  function take(name) {
    const caret = box.selectionStart;
    const from = caret - (begun() ?? "").length;
    box.setRangeText(`${name} `, from, caret, "end");
    close();
    box.dispatchEvent(new Event("input"));
  }

  function close() {
    list.hidden = true;
    box.removeAttribute("aria-activedescendant");
  }

  box.addEventListener("input", offer);
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const name = list.children[chosen]?.textContent ?? "";
    /** @type {Record<string, () => void>} */
    const keys = {
      ArrowDown: () => choose(chosen + 1),
      ArrowUp: () => choose(chosen - 1),
      Enter: () => take(name),
      Tab: () => take(name),
      Escape: close,
    };
    if (!(event.key in keys) || event.shiftKey) return;
    event.preventDefault();
    keys[event.key]();
  });
}
