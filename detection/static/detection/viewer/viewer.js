// <detection-viewer>: the two plain pictures of the page, made comparable: side by side, slider, opacity, hold to blink,
// with one zoom for both panes. Without this file the pictures stand side by side and nothing is lost.
// Every word stands in the template, so that it is translated; nothing here writes a style attribute or a handler into
// the page, so that a strict content policy may stand.
import { Glass } from "./glass.js";
import { Highlights } from "./highlights.js";
import { listen } from "./strokes.js";

const MODES = ["side", "slider", "opacity"];
const KEPT = "detection-viewer";
let made = 0;

class DetectionViewer extends HTMLElement {
  connectedCallback() {
    if (this.dataset.ready) {
      return;
    }
    made += 1;
    this.id = this.id || `detection-viewer-${made}`;
    this.compare = this.querySelector(".d-compare");
    this.status = this.querySelector("[data-status]");
    this.querySelectorAll(".d-stage-link").forEach(unwrap);
    const variables = variablesOf(this.id);
    this.highlights = this.querySelector(".d-overlay") ? new Highlights(this, variables) : null;
    this.glass = new Glass(this, variables, () => this.highlights && this.highlights.place(this.glass));
    this.compare.tabIndex = 0;
    this.compare.setAttribute("role", "group");
    this.compare.setAttribute("aria-label", this.dataset.label);
    this.querySelectorAll("[data-tools]").forEach((tools) => { tools.hidden = false; });
    this.querySelectorAll("button[data-mode]").forEach((button) => {
      button.addEventListener("click", () => this.show(button.dataset.mode));
    });
    this.dataset.ready = "";
    const kept = remembered();
    if (this.highlights) {
      this.highlights.choose(kept.palette);
      this.show(MODES.includes(kept.mode) ? kept.mode : "side", { isQuiet: true });
    }
    this.stop = listen(this);
  }

  disconnectedCallback() {
    if (this.stop) {
      this.stop();
    }
  }

  // One of the three ways to compare; the pressed button says which.
  show(mode, { isQuiet = false } = {}) {
    if (!this.highlights) {
      return;
    }
    this.dataset.mode = mode;
    this.querySelectorAll("button[data-mode]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
    });
    this.highlights.enter(mode);
    this.highlights.place(this.glass);
    this.remember({ mode });
    if (!isQuiet) {
      this.say(this.querySelector(`button[data-mode="${mode}"]`).dataset.name);
    }
  }

  // What a key changed, for those who don't see the picture.
  say(words) {
    this.status.textContent = words;
  }

  remember(more) {
    try {
      window.localStorage.setItem(KEPT, JSON.stringify({ ...remembered(), ...more }));
    } catch (error) {
      // A browser that keeps nothing begins anew each time.
    }
  }
}

function remembered() {
  try {
    return JSON.parse(window.localStorage.getItem(KEPT)) || {};
  } catch (error) {
    return {};
  }
}

// A link around a picture would be followed by every click that means the picture.
function unwrap(link) {
  const sheet = document.createElement("div");
  sheet.className = link.className.replace("d-stage-link", "d-sheet");
  sheet.append(...link.childNodes);
  link.replaceWith(sheet);
}

// The viewer's custom properties, in a rule of its own.
function variablesOf(id) {
  const sheet = new CSSStyleSheet();
  sheet.insertRule(`#${CSS.escape(id)} {}`);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  return sheet.cssRules[0].style;
}

window.customElements.define("detection-viewer", DetectionViewer);
