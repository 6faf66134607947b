// Tells, politely, that evidence arrived while the page was open. Without this file the page says "reload".
(function () {
  "use strict";
  const line = document.querySelector("[data-state]");
  if (!line || !line.dataset.state || line.dataset.live !== "1" || !window.fetch) {
    return;
  }
  const seconds = 4;
  let tries = 0;

  function announce() {
    const link = document.createElement("a");
    link.href = window.location.href;
    link.textContent = line.dataset.reload;
    line.textContent = line.dataset.changed + " ";
    line.append(link);
    line.classList.add("d-live-new");
  }

  async function look() {
    tries += 1;
    if (!document.hidden) {
      try {
        const answer = await fetch(line.dataset.state, { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (!answer.ok) {
          return;
        }
        const state = await answer.json();
        if (state.evidence !== line.dataset.evidence || state.signal !== line.dataset.signal) {
          announce();
          return;
        }
      } catch (error) {
        // The network is away: the next look may find it again.
      }
    }
    if (tries < 300) {
      window.setTimeout(look, seconds * 1000);
    }
  }

  window.setTimeout(look, seconds * 1000);
})();

// A picture that can't be shown gives way to the sentence that says why; its own address answers with it.
(function () {
  "use strict";
  async function explain(image) {
    const stage = image.closest(".d-stage");
    if (!stage || !window.fetch) {
      return;
    }
    try {
      const answer = await fetch(image.src, { credentials: "same-origin" });
      const said = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main p");
      if (!answer.ok && said) {
        const note = document.createElement("p");
        note.className = "d-stage-note";
        note.textContent = said.textContent;
        stage.replaceChildren(note);
      }
    } catch (error) {
      // The network is away: the alternative text stays.
    }
  }

  document.querySelectorAll(".d-stage img").forEach(function (image) {
    if (image.complete && !image.naturalWidth) {
      explain(image);
    } else {
      image.addEventListener("error", function () { explain(image); }, { once: true });
    }
  });
})();
