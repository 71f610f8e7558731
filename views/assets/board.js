/* Small comforts; everything works without them. */
(function () {
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

  /* Filters apply at once. */
  document.querySelectorAll("form.jb-filter").forEach(function (form) {
    var waiting;
    form.addEventListener("change", function (event) {
      if (event.target.type !== "checkbox") return;
      clearTimeout(waiting);
      waiting = setTimeout(function () { form.requestSubmit(); }, 400);
    });
    /* A short address: nothing that says what is the default anyway. */
    form.addEventListener("formdata", function (event) {
      ["type", "precision", "size", "column", "hide"].forEach(function (name) {
        var boxes = Array.prototype.slice.call(form.querySelectorAll("input[type=checkbox][name=" + name + "]"));
        var asDefault = boxes.every(function (box) { return box.checked === (box.dataset.d === "1"); });
        if (asDefault) event.formData.delete(name);
      });
      if (!event.formData.get("query")) event.formData.delete("query");
    });
  });
})();
