/* What pages do beyond what HTML does. Everything works without it. */
"use strict";
(() => {
  const root = document.documentElement;
  const stored = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const dress = (theme) => {
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    else delete root.dataset.theme;
  };
  dress(stored());

  const say = (text) => {
    const said = document.getElementById("said");
    if (said) said.textContent = text;
  };

  /* Colours: as the device has them, until somebody chooses. */
  const offerThemes = () => {
    const form = document.querySelector("[data-theme-choice]");
    if (!form) return;
    form.hidden = false;
    for (const it of form.elements.theme) it.checked = it.value === (stored() ?? "system");
    form.addEventListener("change", (event) => {
      try { localStorage.setItem("theme", event.target.value); } catch { /* it lasts for this page */ }
      dress(event.target.value);
    });
  };

  /* Copy buttons: shown only where they can work. */
  const offerCopies = () => {
    if (!navigator.clipboard) return;
    for (const it of document.querySelectorAll("[data-copy][hidden]")) it.hidden = false;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("copied");
    say(button.dataset.said);
    setTimeout(() => button.classList.remove("copied"), 2000);
  });

  /* A form that starts work is sent once, however often its button is pressed. */
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-once]");
    if (!form) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "true";
    for (const it of form.querySelectorAll("button")) it.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("[data-sent]")) {
      delete form.dataset.sent;
      for (const it of form.querySelectorAll("[aria-busy]")) it.removeAttribute("aria-busy");
    }
  });

  /* Menus close when something else is wanted. */
  const closeMenus = (except) => {
    for (const it of document.querySelectorAll("[data-menu][open]")) if (it !== except) it.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest("[data-menu]")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("[data-menu][open]");
    closeMenus();
    if (open?.contains(document.activeElement)) open.querySelector("summary").focus();
  });

  /* Fields that matter only with another one's value: data-show-if="name=value value". */
  const valueOf = (name) => {
    const fields = document.getElementsByName(name);
    const field = [...fields].find((it) => it.checked) ?? fields[0];
    return field?.type === "checkbox" ? String(field.checked) : field?.value;
  };
  const showFields = () => {
    for (const it of document.querySelectorAll("[data-show-if]")) {
      const [name, wanted] = it.dataset.showIf.split("=");
      it.hidden = !wanted.split(" ").includes(valueOf(name));
    }
  };
  document.addEventListener("change", showFields);

  /* A run: the tab, and those who listen, know how it stands; the log follows at its end. */
  const log = () => document.querySelector("[data-log]");
  const MOST_LINES = 2000;
  let following = true;
  const showRun = () => {
    const run = document.querySelector("#run-state [data-title]");
    if (!run) return;
    document.title = run.dataset.title;
    const icon = document.querySelector("[data-favicon]");
    if (icon.getAttribute("href") !== run.dataset.faviconNow) icon.href = run.dataset.faviconNow;
    if (run.dataset.says !== showRun.said) say(run.dataset.says);
    showRun.said = run.dataset.says;
    const lines = document.getElementById("log-lines");
    while (lines?.childElementCount > MOST_LINES) lines.firstElementChild.remove();
    if (following && log()) log().scrollTop = log().scrollHeight;
  };
  const lost = (is) => {
    const notice = document.querySelector("[data-connection]");
    if (notice) notice.hidden = !is;
  };
  document.addEventListener("htmx:sse:after:message", () => { lost(false); showRun(); });
  document.addEventListener("htmx:sse:after:connection", () => lost(false));
  document.addEventListener("htmx:sse:error", () => lost(true));
  document.addEventListener("away", () => location.reload());
  document.addEventListener("scroll", (event) => {
    const it = log();
    if (it && event.target === it) following = it.scrollHeight - it.scrollTop - it.clientHeight < 40;
  }, true);
  /* A stream that never began is begun again: htmx tries again only what it once had. */
  document.addEventListener("htmx:error", (event) => {
    const live = event.target.closest?.("[data-live]");
    if (!live) return;
    lost(true);
    setTimeout(() => location.reload(), 5000);
  });

  document.addEventListener("DOMContentLoaded", () => {
    if (log()) log().scrollTop = log().scrollHeight;
    offerThemes();
    offerCopies();
    showFields();
    document.querySelector("[data-focus]")?.focus();
  });
})();
