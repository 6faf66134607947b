// The viewer's keys. Each is printed on its button; none acts in a field, with a modifier, or where a person has
// switched single keys off. Keys that decide something are not here: those are keys.js.
const STEP = 10;

// Returns what takes the listeners away again.
export function listen(viewer) {
  const { glass, highlights } = viewer;
  const keys = {
    "+": () => glass.act("in"),
    "=": () => glass.act("in"),
    "-": () => glass.act("out"),
    0: () => glass.act("fit"),
    ...(highlights && {
      1: () => viewer.show("side"),
      2: () => viewer.show("slider"),
      3: () => viewer.show("opacity"),
      o: () => highlights.flip(),
      b: () => highlights.blink(true),
      "[": () => highlights.step(-STEP),
      "]": () => highlights.step(STEP),
    }),
  };
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  function down(event) {
    if (event.key in moves && document.activeElement === viewer.compare && glass.zoom > 1 && isPlain(event)) {
      event.preventDefault();
      glass.pan(...moves[event.key]);
      return;
    }
    const act = Object.hasOwn(keys, event.key) && keys[event.key];
    if (!act || !isPlain(event) || isField(event.target) || document.documentElement.dataset.keys === "off") {
      return;
    }
    event.preventDefault();
    if (!event.repeat || act === keys["["] || act === keys["]"]) {
      act();
    }
  }

  function up(event) {
    if (highlights && event.key.toLowerCase() === "b") {
      highlights.blink(false);
    }
  }

  function away() {
    if (highlights) {
      highlights.blink(false);
    }
  }

  document.addEventListener("keydown", down);
  document.addEventListener("keyup", up);
  window.addEventListener("blur", away);
  return () => {
    document.removeEventListener("keydown", down);
    document.removeEventListener("keyup", up);
    window.removeEventListener("blur", away);
  };
}

// AltGraph is how many keyboards write [ and ], and Shift how some write + and =.
function isPlain(event) {
  return event.getModifierState("AltGraph") || !(event.ctrlKey || event.altKey || event.metaKey);
}

function isField(target) {
  return target.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox], [type=range])");
}
