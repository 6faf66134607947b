// The keys that act on a picture: printed on their buttons (data-key), and nothing but those buttons pressed.
//
// On a list they act on the row that has the focus (data-item), on a page about one picture on that page. They are dead
// in fields, with modifiers, while a dialog is open, and where a person switched them off; one press is one item.
const panel = document.querySelector("[data-keys-panel]");
const items = () => [...document.querySelectorAll("[data-item]:not([data-done])")];
const FIELDS = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])";
let isBusy = false;

if (panel) {
  document.documentElement.dataset.keys = panel.dataset.keysPanel;
  document.addEventListener("keydown", down);
  // A page that comes back from the browser's memory is a new page.
  window.addEventListener("pageshow", () => { isBusy = false; });
  const asked = window.location.hash && document.getElementById(window.location.hash.slice(1));
  if (asked && asked.matches("[data-item]")) {
    move(asked);
  }
}

function down(event) {
  const isHelp = event.key === "?";
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || (event.shiftKey && !isHelp)) {
    return;
  }
  if (event.isComposing || event.repeat || event.target.closest(FIELDS) || document.querySelector("dialog[open]")) {
    return;
  }
  const isOff = document.documentElement.dataset.keys === "off";
  if (isHelp && !isOff) {
    event.preventDefault();
    help();
  } else if (!isOff && (event.key === "j" || event.key === "k") && step(event.key === "j" ? 1 : -1)) {
    event.preventDefault();
  } else if (!isOff && !isBusy && press(event.key, event.target)) {
    event.preventDefault();
  }
}

// To the next or the previous row; whether there are rows to move on.
function step(by) {
  const rows = items();
  if (!rows.length) {
    return false;
  }
  const at = rows.indexOf(current());
  move(rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + by, 0), rows.length - 1)]);
  return true;
}

function current() {
  return document.activeElement.closest("[data-item]");
}

function move(row) {
  row.focus();
  row.scrollIntoView({ block: "nearest" });
}

// Press the button that this key is printed on; whether there is one. Enter belongs to whatever has the focus already.
function press(key, target) {
  const scope = current() || (items().length ? null : document);
  if (key === "Enter" && (!scope || target !== current())) {
    return false;
  }
  const found = scope && [...scope.querySelectorAll("[data-key]")].filter((one) => one.dataset.key === key && !one.disabled);
  const everywhere = [...document.querySelectorAll("[data-key]")].filter(
    (one) => one.dataset.key === key && !one.closest("[data-item]") && !one.disabled,
  );
  const button = (found && found.length ? found : everywhere).find((one) => !one.checked);
  if (!button) {
    return false;
  }
  if (button.matches("input")) {
    button.focus();
    button.click();
  } else if (button.matches("summary")) {
    button.click();
    const field = button.parentElement.open && button.parentElement.querySelector("select, input:not([type=hidden]), textarea");
    (field || button).focus();
  } else {
    isBusy = true;
    button.click();
    // What asks back on this page, such as a field that is missing, leaves it: then keys go on.
    window.setTimeout(() => { isBusy = false; }, 1500);
  }
  return true;
}

// Every key of this page in words, read off its buttons.
function help() {
  const dialog = panel.querySelector("dialog");
  const list = dialog.querySelector("[data-keys-list]");
  const known = new Map(items().length ? [["j", panel.dataset.next], ["k", panel.dataset.previous]] : []);
  document.querySelectorAll("[data-key], [aria-keyshortcuts]").forEach((one) => {
    const key = one.dataset.key || one.getAttribute("aria-keyshortcuts");
    if (!known.has(key)) {
      known.set(key, name(one));
    }
  });
  known.set("?", panel.dataset.help);
  list.replaceChildren(...[...known].flatMap(([key, words]) => {
    const term = document.createElement("dt");
    const press = document.createElement("kbd");
    press.textContent = key;
    term.append(press);
    const told = document.createElement("dd");
    told.textContent = words;
    return [term, told];
  }));
  dialog.showModal();
}

function name(button) {
  const words = button.closest("label") || button;
  const copy = (words.querySelector(".d-choice-word") || words).cloneNode(true);
  copy.querySelectorAll("kbd, .d-visually-hidden").forEach((one) => one.remove());
  return (button.getAttribute("aria-label") || copy.textContent).trim().replace(/\s+/g, " ");
}
