// The detector's highlights over the picture: on or off, how strong, up to which line, in which colours.
import { intensityOf, paint } from "./palette.js";

const PAUSE = 334; // milliseconds between two blinks: at most three a second (WCAG 2.3.1), and only while a hand holds

export class Highlights {
  constructor(viewer, variables) {
    this.viewer = viewer;
    this.variables = variables;
    this.image = viewer.querySelector(".d-overlay");
    this.range = viewer.querySelector("input[data-range]");
    this.toggle = viewer.querySelector("button[data-act=overlay]");
    this.select = viewer.querySelector("select[data-palette]");
    this.mode = "side";
    this.isOn = true;
    this.isHeld = false;
    this.blinkedAt = -PAUSE;
    this.values = { side: 80, opacity: 80, slider: 50 };
    this.glass = null;
    this.toggle.addEventListener("click", () => this.flip());
    this.range.addEventListener("input", () => this.set(Number(this.range.value)));
    viewer.querySelectorAll("button[data-value]").forEach((button) => {
      button.addEventListener("click", () => this.set(Number(button.dataset.value)));
    });
    this.select.addEventListener("change", () => this.choose(this.select.value, { keep: true }));
    this.hold(viewer.querySelector("button[data-act=blink]"));
  }

  enter(mode) {
    this.mode = mode;
    this.viewer.querySelectorAll("[data-range-name]").forEach((name) => {
      name.hidden = (name.dataset.rangeName === "slider") !== (mode === "slider");
      if (!name.hidden) {
        this.range.setAttribute("aria-label", name.textContent);
      }
    });
    this.set(this.values[mode]);
  }

  step(by) {
    this.set(Math.min(100, Math.max(0, this.values[this.mode] + by)));
    this.viewer.say(this.range.getAttribute("aria-valuetext"));
  }

  set(value) {
    this.values[this.mode] = value;
    const said = (this.mode === "slider" ? this.viewer.dataset.line : this.viewer.dataset.strength).replace("{n}", value);
    this.range.value = value;
    this.range.setAttribute("aria-valuetext", said);
    this.viewer.querySelector("[data-range-value]").textContent = `${value} %`;
    this.write();
  }

  flip() {
    this.isOn = !this.isOn;
    this.toggle.setAttribute("aria-pressed", String(this.isOn));
    this.viewer.say(this.isOn ? this.viewer.dataset.on : this.viewer.dataset.off);
    this.write();
  }

  // While held: the other of the two, whichever is not shown.
  blink(isHeld) {
    const now = performance.now();
    if (isHeld && (this.isHeld || now - this.blinkedAt < PAUSE)) {
      return;
    }
    this.blinkedAt = isHeld ? now : this.blinkedAt;
    this.isHeld = isHeld;
    this.write();
  }

  // The dividing line stays where the hand put it, however the picture lies under it.
  place(glass) {
    this.glass = glass;
    this.write();
  }

  write() {
    const { zoom, x } = this.glass || { zoom: 1, x: 0 };
    const isShown = this.isOn !== this.isHeld;
    const line = Math.min(100, Math.max(0, (this.values.slider - x) / zoom));
    this.viewer.toggleAttribute("data-covered", isShown);
    this.variables.setProperty("--d-strength", this.mode === "slider" ? 1 : this.values[this.mode] / 100);
    this.variables.setProperty("--d-line", this.mode === "slider" ? `${line}%` : "0%");
  }

  hold(button) {
    const isPress = (event) => event.key === " " || event.key === "Enter";
    button.addEventListener("pointerdown", (event) => event.button === 0 && this.blink(true));
    button.addEventListener("keydown", (event) => isPress(event) && !event.repeat && this.blink(true));
    ["pointerup", "pointercancel", "pointerleave", "keyup", "blur"].forEach((name) => {
      button.addEventListener(name, () => this.blink(false));
    });
  }

  // "safe" and "lines" need to know how strongly each place is marked; an overlay without transparency does not say.
  async choose(palette, { keep = false } = {}) {
    const wanted = ["safe", "lines", "own"].includes(palette) ? palette : "safe";
    if (this.intensity === undefined) {
      this.intensity = await intensityOf(this.image);
    }
    const chosen = this.intensity ? wanted : "own";
    if (this.canvas) {
      this.canvas.remove();
      this.canvas = null;
    }
    if (chosen !== "own") {
      this.canvas = paint(this.intensity, chosen);
      this.canvas.className = "d-overlay";
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", this.image.alt);
      this.image.after(this.canvas);
    }
    this.image.hidden = chosen !== "own";
    this.select.value = chosen;
    this.select.disabled = !this.intensity;
    this.viewer.dataset.palette = chosen;
    if (keep) {
      this.viewer.remember({ palette: chosen });
    }
  }
}
