// Enhances the pages: everything on them works without this script.
"use strict";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // the clipboard needs https
    }
    button.textContent = "Copied";
  });
}

for (const field of document.querySelectorAll("[data-preview]")) {
  const preview = document.getElementById(field.dataset.preview);
  field.addEventListener("input", () => {
    preview.textContent = field.value.trim() || "Your app";
  });
}

// A form that was sent once is not sent again by a second press.
for (const form of document.querySelectorAll("form[data-busy]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    const button = event.submitter;
    if (button && !button.hasAttribute("aria-label")) {
      button.textContent = button.dataset.busy || form.dataset.busy;
      button.setAttribute("aria-disabled", "true");
    }
  });
}

// The browser may show a page as it left it, when a user goes back.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) {
    location.reload();
  }
});

for (const time of document.querySelectorAll("time[data-left]")) {
  // Of this machine's clock, which may differ from the server's.
  const left = Number(time.dataset.left) * 1000;
  const end = new Date(Date.now() + left);
  time.textContent = end.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const ending = document.getElementById("ending");
  setTimeout(() => { ending.hidden = false; }, left - 5 * 60 * 1000);
}
