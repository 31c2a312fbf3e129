/* Forms whose contents are kept: in a draft while somebody writes, and over a sign-in. */
"use strict";
(() => {
  const PAUSE = 800;
  const AGAIN = 5000;
  const HELD = "held-form";
  const VERSION = "version";

  /* What stands in a form, but no secrets: those are sent by their button only. */
  const contents = (form) => {
    const found = new FormData(form);
    for (const it of form.querySelectorAll("[type=password]")) {
      found.delete(it.name);
      found.delete(`${it.name}.replace`);
    }
    return new URLSearchParams(found);
  };
  const unversioned = (form) => {
    const found = contents(form);
    found.delete(VERSION);
    return String(found);
  };
  const hasSecrets = (form) => [...form.querySelectorAll("[type=password]")].some((it) => it.value);

  const status = document.getElementsByClassName("keep-status");
  const say = (what, by = "") => {
    const text = status[0].dataset[what].replace("{by}", by);
    if (status[0].textContent !== text) status[0].textContent = text;
  };

  /* A draft is kept a moment after each change; one request at a time, as each is of a version. */
  const keepWhileWriting = (form) => {
    let kept = unversioned(form);
    let timer = 0;
    let going = null;
    let isOver = false;
    const plan = (pause) => {
      clearTimeout(timer);
      if (!isOver) timer = setTimeout(save, pause);
    };
    const heed = async (answer, sent) => {
      if (answer.ok) {
        form.elements[VERSION].value = (await answer.json()).version;
        kept = sent;
        say(hasSecrets(form) ? "partly" : "saved");
        if (unversioned(form) !== sent) plan(PAUSE);
      } else if (answer.status === 409) {
        isOver = true;
        say("stale", (await answer.json()).by);
      } else {
        say(answer.type === "opaqueredirect" ? "signedOut" : "refused");
      }
    };
    const keep = async (isLeaving) => {
      const sent = unversioned(form);
      if (sent === kept || isOver) return;
      const body = contents(form);
      const how = { method: "POST", body, redirect: "manual", keepalive: isLeaving };
      try {
        await heed(await fetch(form.dataset.keep, how), sent);
      } catch {
        say("away");
        plan(AGAIN);
      }
    };
    const save = (isLeaving = false) => {
      going ??= keep(isLeaving === true).finally(() => { going = null; });
      return going;
    };
    form.addEventListener("input", () => plan(PAUSE));
    form.addEventListener("submit", async (event) => {
      clearTimeout(timer);
      if (!going) { isOver = true; return; }
      event.preventDefault();
      await going;
      form.requestSubmit(event.submitter);
    });
    window.addEventListener("pagehide", () => { clearTimeout(timer); save(true); });
    window.addEventListener("pageshow", (event) => { if (event.persisted) isOver = false; });
  };

  /* What was sent after the session had ended is entered again once somebody has signed in. */
  const hold = (form) => {
    const held = { action: form.getAttribute("action"), contents: String(contents(form)) };
    try { sessionStorage.setItem(HELD, JSON.stringify(held)); } catch { /* it is too much */ }
  };
  const take = () => {
    try {
      const held = sessionStorage.getItem(HELD);
      sessionStorage.removeItem(HELD);
      return JSON.parse(held);
    } catch { return null; }
  };
  const enter = (form, found) => {
    for (const it of form.elements) {
      if (!it.name || it.type === "password" || it.name === VERSION) continue;
      const values = found.getAll(it.name);
      if (it.type === "checkbox" || it.type === "radio") it.checked = values.includes(it.value);
      else if (values.length) it.value = values[0];
    }
    form.dispatchEvent(new Event("change", { bubbles: true }));
    form.dispatchEvent(new Event("input", { bubbles: true }));
  };
  const bringBack = (form) => {
    const held = take();
    const hasSignedIn = document.referrer.startsWith(`${location.origin}/sign-in`);
    if (!held || !hasSignedIn || held.action !== form.getAttribute("action")) return;
    const found = new URLSearchParams(held.contents);
    /* Another version: it was saved after all, or somebody else has saved. */
    if (found.get(VERSION) !== form.elements[VERSION].value) return;
    enter(form, found);
    say("again");
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector("[data-hold]");
    if (!form) return;
    if (form.dataset.keep) keepWhileWriting(form);
    bringBack(form);
    form.addEventListener("submit", (event) => { if (!event.defaultPrevented) hold(form); });
  });
})();
