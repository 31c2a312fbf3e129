/* The page of a run: which lines of its log are seen, and that nothing was heard for a while. */
"use strict";
(() => {
  const MINUTE = 60_000;

  /* Every line arrives, seen or not: another choice shows it at once. */
  const narrow = () => {
    const form = document.querySelector("[data-log-filter]");
    const { lines, step } = form.elements;
    let before = "";
    for (const it of document.querySelectorAll("#log-lines .log-line")) {
      const { place } = it.dataset;
      const isMild = lines.value !== "" && !it.classList.contains("trouble");
      it.hidden = isMild || (step.value !== "" && step.value !== place);
      if (it.hidden) continue;
      it.classList.toggle("again", place === before);
      before = place;
    }
  };
  const remember = () => {
    const chosen = new URLSearchParams(new FormData(document.querySelector("[data-log-filter]")));
    for (const [name, value] of [...chosen]) if (!value) chosen.delete(name);
    history.replaceState(null, "", `${location.pathname}${chosen.size ? `?${chosen}` : ""}`);
  };

  /* Silence is normal for some steps: after a while the page says so. */
  let heard = Date.now();
  const tell = () => {
    const notice = document.querySelector("[data-quiet]");
    if (!notice) return;
    const minutes = Math.floor((Date.now() - heard) / MINUTE);
    const isLost = document.querySelector("[data-connection]:not([hidden])") !== null;
    notice.hidden = minutes < 1 || isLost;
    const title = notice.dataset.quiet.replace("{minutes}", minutes);
    if (!notice.hidden) notice.querySelector("h2").textContent = title;
  };
  const hear = () => { heard = Date.now(); tell(); };

  document.addEventListener("htmx:sse:after:message", () => { narrow(); hear(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) hear(); });
  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("[data-log-filter]");
    form.querySelector(".log-filter-send").hidden = true;
    for (const it of form.querySelectorAll("select")) {
      it.addEventListener("change", () => { narrow(); remember(); });
    }
    narrow();
    const notice = document.querySelector("[data-quiet]");
    if (!notice) return;
    heard = Date.now() - Number(notice.dataset.quietFor) * 1000;
    setInterval(tell, 5000);
  });
})();
