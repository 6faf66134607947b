// One zoom and one place for every pane: both panes read the same three custom properties, so they cannot part.
const MOST = 8;
const STEP = 1.5;
const MOVE = 15; // per cent of a pane, for a key or a button

export class Glass {
  // `moved`: called after each change.
  constructor(viewer, variables, moved) {
    this.viewer = viewer;
    this.variables = variables;
    this.moved = moved;
    this.zoom = 1;
    this.x = 0; // per cent of the picture's shown width by which it is moved to the left: 0 or less
    this.y = 0;
    viewer.querySelectorAll("button[data-zoom]").forEach((button) => {
      button.addEventListener("click", () => this.act(button.dataset.zoom));
    });
    viewer.querySelectorAll("button[data-pan]").forEach((button) => {
      button.addEventListener("click", () => this.pan(...button.dataset.pan.split(" ").map(Number)));
    });
    viewer.querySelectorAll(".d-stage").forEach((stage) => this.watch(stage));
    this.write();
  }

  act(what) {
    if (what === "fit") {
      this.to(1);
    } else {
      this.to(this.zoom * (what === "in" ? STEP : 1 / STEP));
    }
    this.viewer.say(this.viewer.dataset.zoomed.replace("{n}", Math.round(this.zoom * 100)));
  }

  // `x` and `y`: the point that stays where it is, in per cent of the pane.
  to(zoom, x = 50, y = 50) {
    const next = Math.min(MOST, Math.max(1, zoom));
    this.x = x - ((x - this.x) / this.zoom) * next;
    this.y = y - ((y - this.y) / this.zoom) * next;
    this.zoom = next < 1.02 ? 1 : next;
    this.write();
  }

  pan(right, down) {
    this.move(-right * MOVE, -down * MOVE);
  }

  move(x, y) {
    this.x += x;
    this.y += y;
    this.write();
  }

  write() {
    const least = 100 - 100 * this.zoom;
    this.x = Math.min(0, Math.max(least, this.x));
    this.y = Math.min(0, Math.max(least, this.y));
    this.variables.setProperty("--d-zoom", this.zoom);
    this.variables.setProperty("--d-x", `${this.x}%`);
    this.variables.setProperty("--d-y", `${this.y}%`);
    this.viewer.toggleAttribute("data-zoomed-in", this.zoom > 1);
    this.viewer.querySelectorAll("[data-pans]").forEach((pans) => { pans.hidden = this.zoom === 1; });
    this.moved();
  }

  watch(stage) {
    stage.addEventListener("wheel", (event) => {
      const isMeant = event.ctrlKey || event.metaKey || this.viewer.compare.contains(document.activeElement);
      const sheet = stage.querySelector(".d-sheet");
      if (!isMeant || !sheet || event.deltaY === 0) {
        return;
      }
      event.preventDefault();
      const whole = frame(sheet, this);
      this.to(
        this.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2),
        ((event.clientX - whole.left) / whole.width) * 100,
        ((event.clientY - whole.top) / whole.height) * 100,
      );
    }, { passive: false });
    this.drag(stage);
  }

  drag(stage) {
    let held = null;
    stage.addEventListener("pointerdown", (event) => {
      const sheet = stage.querySelector(".d-sheet");
      if (this.zoom > 1 && sheet && event.button === 0) {
        event.preventDefault();
        this.viewer.compare.focus({ preventScroll: true });
        stage.setPointerCapture(event.pointerId);
        held = { id: event.pointerId, x: event.clientX, y: event.clientY, whole: frame(sheet, this) };
      }
    });
    stage.addEventListener("pointermove", (event) => {
      if (held && event.pointerId === held.id) {
        const { whole } = held;
        this.move(((event.clientX - held.x) / whole.width) * 100, ((event.clientY - held.y) / whole.height) * 100);
        Object.assign(held, { x: event.clientX, y: event.clientY });
      }
    });
    ["pointerup", "pointercancel", "lostpointercapture"].forEach((name) => {
      stage.addEventListener(name, () => { held = null; });
    });
  }
}

// Where the sheet would lie if it were not enlarged.
function frame(sheet, glass) {
  const shown = sheet.getBoundingClientRect();
  const width = shown.width / glass.zoom;
  const height = shown.height / glass.zoom;
  return { left: shown.left - (glass.x / 100) * width, top: shown.top - (glass.y / 100) * height, width, height };
}
