// Small comforts of our pages: text that is copied by a button, and sections that stay closed once a person closed them.
document.querySelectorAll("button[data-copy]").forEach((button) => {
  const text = document.getElementById(button.dataset.copy);
  if (!text || !navigator.clipboard) {
    return;
  }
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text.textContent);
    button.textContent = button.dataset.copied;
  });
});

document.querySelectorAll("details[data-remember]").forEach((section) => {
  const name = section.dataset.remember;
  try {
    section.open = window.localStorage.getItem(name) !== "closed";
    section.addEventListener("toggle", () => window.localStorage.setItem(name, section.open ? "open" : "closed"));
  } catch (error) {
    // A browser that keeps nothing shows them open each time.
  }
});

// A form that came back because something is missing leads to what is missing; after the browser went to the address's
// fragment, which takes the focus away.
function lead() {
  const problem = document.querySelector("form .d-field-problem");
  const fields = problem ? [...problem.closest("form").querySelectorAll("select, textarea, input[type=text]")] : [];
  const empty = fields.find((field) => !field.value && field.offsetParent);
  if (empty) {
    empty.focus();
  }
}

if (document.readyState === "complete") {
  lead();
} else {
  window.addEventListener("load", () => window.setTimeout(lead));
}
