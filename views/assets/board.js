/* Small comforts; everything works without them. */
(function () {
  "use strict";
  var root = document.documentElement;

  function dark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  document.querySelectorAll(".jb-theme").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      root.dataset.theme = dark() ? "light" : "dark";
      try { localStorage.setItem("jinbang-theme", root.dataset.theme); } catch (e) { /* not remembered */ }
    });
  });

  /* The Gradio front end, which loads after this, takes the theme from its element. */
  var app = document.querySelector("gradio-app");
  if (app && root.dataset.theme) app.setAttribute("theme_mode", root.dataset.theme);

  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".jb-printed").forEach(function (p) {
      p.textContent = new Date().toISOString().slice(0, 10) + " · " + location.href;
    });
  });

  var form = document.querySelector("form.jb-filter");
  if (!form || !window.fetch || !window.AbortController) return;

  /* The other languages show the same view. */
  function carry() {
    document.querySelectorAll(".jb-top a[hreflang]").forEach(function (a) { a.search = location.search; });
  }
  carry();

  /* A short address: nothing that says what is the default anyway. */
  function address() {
    var data = new FormData(form);
    ["type", "precision", "size", "column", "hide"].forEach(function (name) {
      var boxes = Array.prototype.slice.call(form.querySelectorAll("input[type=checkbox][name=" + name + "]"));
      if (boxes.every(function (box) { return box.checked === (box.dataset.d === "1"); })) data.delete(name);
    });
    if (!data.get("query")) data.delete("query");
    var text = new URLSearchParams(data).toString();
    return form.getAttribute("action") + (text ? "?" + text : "");
  }

  /* Filters apply at once: the results are replaced, the panel stays as it is. Whatever fails
     falls back to an ordinary page load. */
  var running = null;
  function show(url, push) {
    var results = document.querySelector(".jb-results");
    if (running) running.abort();
    running = new AbortController();
    var mine = running;
    results.setAttribute("aria-busy", "true");
    fetch(url, { signal: mine.signal, headers: { Accept: "text/html" } })
      .then(function (r) { if (!r.ok) throw new Error(r.status); return r.text(); })
      .then(function (html) {
        var fresh = new DOMParser().parseFromString(html, "text/html").querySelector(".jb-results");
        if (!fresh) throw new Error("no results");
        results.replaceWith(document.adoptNode(fresh));
        if (push) history.pushState(null, "", fresh.dataset.here);
        carry();
      })
      .catch(function (e) { if (e.name !== "AbortError") location.assign(url); });
  }

  var waiting;
  function later(ms) {
    clearTimeout(waiting);
    waiting = setTimeout(function () { show(address(), true); }, ms);
  }
  form.addEventListener("change", function (event) { if (event.target.type === "checkbox") later(150); });
  form.addEventListener("input", function (event) { if (event.target.name === "query" && !event.isComposing) later(350); });
  form.addEventListener("compositionend", function () { later(350); });
  form.addEventListener("submit", function (event) { event.preventDefault(); later(0); });
  window.addEventListener("popstate", function () { location.reload(); });

  /* A header sorts without losing the place in the panel. */
  document.addEventListener("click", function (event) {
    var a = event.target.closest && event.target.closest(".jb-table thead a");
    if (!a || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    show(a.href, true);
  });
})();
