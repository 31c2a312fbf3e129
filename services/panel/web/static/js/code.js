/* Moves the code of a link from the address, which no server sees, into the form. */
"use strict";
(() => {
  const code = location.hash.slice(1);
  const field = document.getElementById("code");
  if (!field || !code) return;
  field.value = code;
  history.replaceState(null, "", location.pathname + location.search);
  document.querySelector("[data-code-typed]").hidden = true;
  document.querySelector("[data-code-form] button[type=submit]").focus();
})();
