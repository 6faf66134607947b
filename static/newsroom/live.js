// Keeps the roll-ups of stories, and a story's notice, up to date while a page stays open. Without this file, reload.
//
// Asks seldom when nothing happens (3 s, then half as long again each time, up to a minute), not at all while the page
// is hidden, and never replaces a part in which somebody is typing. What changed is said once, politely.

const FIRST = 3000;
const LONGEST = 60000;

const place = document.querySelector("[data-live]");
const said = document.querySelector("[data-live-said]");
let pause = FIRST;
let timer = 0;

function rollups() {
  return Array.from(document.querySelectorAll(".n-rollup[data-story]"));
}

function address() {
  const url = new URL(place.dataset.live, window.location.href);
  const ids = new Set(rollups().map((one) => one.dataset.story));
  if (ids.size) {
    url.searchParams.set("ids", Array.from(ids).join(","));
  }
  return url;
}

function element(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content;
}

function showRollups(stories) {
  const changed = [];
  rollups().forEach((one) => {
    const fresh = stories[one.dataset.story];
    if (fresh && fresh.version !== one.dataset.version) {
      const hadFocus = one.contains(document.activeElement);
      const parts = element(fresh.html);
      const link = parts.querySelector("a");
      one.replaceWith(parts);
      changed.push(fresh.sentence);
      if (hadFocus && link) {
        link.focus();
      }
    }
  });
  return changed;
}

function showNotice(html) {
  const region = document.querySelector("[data-live-notice]");
  if (!region || html === undefined) {
    return true;
  }
  if (region.contains(document.activeElement) || region.querySelector("details[open]")) {
    return false;
  }
  region.replaceChildren(element(html));
  return true;
}

function tell(changed, isShown) {
  if (!said || !changed.length) {
    return;
  }
  said.textContent = Array.from(new Set(changed)).join(" ");
  if (!isShown) {
    const link = document.createElement("a");
    link.href = window.location.href;
    link.textContent = said.dataset.reload;
    said.append(" ", link);
  }
}

async function look() {
  timer = 0;
  if (document.hidden) {
    return;
  }
  try {
    const answer = await fetch(address(), { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (answer.status === 403 || answer.status === 404 || answer.redirected) {
      return; // Signed out, or no longer theirs: asking on would only fill a log.
    }
    if (answer.ok) {
      const body = await answer.json();
      const changed = showRollups(body.stories);
      if (changed.length) {
        tell(changed, showNotice(body.notice));
        pause = FIRST / 1.5;
      }
    }
  } catch {
    // The network is away: the next look may find it again.
  }
  pause = Math.min(LONGEST, pause * 1.5);
  timer = window.setTimeout(look, pause);
}

if (place) {
  timer = window.setTimeout(look, pause);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !timer) {
      pause = FIRST;
      look();
    }
  });
}
