// Fetches the page anew every half minute, while it is looked at and nobody types in it; a button stops that.
(() => {
  const button = document.querySelector("button[data-refresh]");
  const said = document.querySelector("[data-refreshed]");
  if (!button || !said) {
    return;
  }
  let goes = true;
  const isBusy = () => {
    const shown = document.getElementById("pipeline");
    const typed = [...shown.querySelectorAll("input[type=text]")].some((field) => field.value);
    return document.hidden || typed || shown.contains(document.activeElement);
  };
  const refresh = async () => {
    if (!goes || isBusy()) {
      return;
    }
    try {
      const answer = await fetch(window.location.href, { credentials: "same-origin" });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("pipeline");
      if (!answer.ok || !fresh) {
        throw new Error(String(answer.status));
      }
      if (!isBusy()) {
        document.getElementById("pipeline").replaceWith(document.adoptNode(fresh));
      }
      said.textContent = "";
    } catch (error) {
      said.textContent = button.dataset.failed;
    }
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    goes = !goes;
    button.textContent = goes ? button.dataset.stop : button.dataset.go;
    refresh();
  });
  window.setInterval(refresh, Number(button.dataset.refresh) * 1000);
})();
