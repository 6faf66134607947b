// While the queue is open: says politely what arrived, dims what somebody else decided, and shows who claims what.
// Nothing moves under the reader's hand; new rows come when they ask for them. Without this file, reloading shows all.
const all = document.querySelector("[data-all]");
if (all) {
  all.closest("label").hidden = false;
  all.addEventListener("change", () => {
    document.querySelectorAll(".q-pick input:not(:disabled)").forEach((one) => { one.checked = all.checked; });
  });
}

const line = document.querySelector("[data-news]");
const SOON = 5, LATE = 60;

if (line) {
  let wait = SOON;
  let told = "";

  const rows = () => [...document.querySelectorAll("[data-item]")];

  function say(news) {
    const words = news.new ? news.sentence : "";
    if (words === told) {
      return;
    }
    told = words;
    line.textContent = words;
    if (words) {
      const link = document.createElement("a");
      link.href = window.location.href.split("#")[0];
      link.textContent = line.dataset.show;
      line.append(" ", link);
    }
    line.classList.toggle("q-live-new", Boolean(words));
  }

  function dim(row, words) {
    row.dataset.done = "";
    row.setAttribute("aria-disabled", "true");
    const note = document.createElement("p");
    note.className = "q-said q-done";
    note.textContent = words;
    row.querySelector(".q-words").append(note);
    row.querySelectorAll(":is(.q-acts, .q-quick) :is(a, button), .q-pick input").forEach((one) => {
      one.setAttribute("tabindex", "-1");
      one.setAttribute("aria-disabled", "true");
      if (one.matches("button, input")) {
        one.disabled = true;
      }
      if (one.matches("input")) {
        one.checked = false;
      }
    });
  }

  function show(news) {
    let changed = news.new > 0 && news.sentence !== told;
    for (const row of rows()) {
      const done = news.done[row.dataset.item];
      if (done && !("done" in row.dataset)) {
        dim(row, done);
        changed = true;
      }
      const claim = row.querySelector("[data-claim]");
      const words = news.claims[row.dataset.item] || line.dataset.nobody;
      if (claim && claim.textContent.trim() !== words) {
        claim.textContent = words;
        changed = true;
      }
    }
    say(news);
    return changed;
  }

  async function look() {
    if (document.hidden) {
      document.addEventListener("visibilitychange", look, { once: true });
      return;
    }
    try {
      const shown = rows().map((row) => row.dataset.item).join(",");
      const address = `${line.dataset.news}&shown=${shown}`;
      const answer = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (answer.redirected || answer.status === 401 || answer.status === 403) {
        line.textContent = line.dataset.out;
        return;
      }
      wait = answer.ok && show(await answer.json()) ? SOON : Math.min(wait * 1.5, LATE);
    } catch (error) {
      // The network is away: the next look, a little later, may find it again.
      wait = Math.min(wait * 2, LATE);
    }
    window.setTimeout(look, wait * 1000);
  }

  window.setTimeout(look, wait * 1000);
}
