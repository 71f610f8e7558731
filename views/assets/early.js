/* Before the first paint: the theme that the address asks for, as Gradio's do, or the reader chose. */
(function () {
  try {
    var theme = new URLSearchParams(location.search).get("__theme") || localStorage.getItem("jinbang-theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch (e) { /* no storage: the system's theme */ }
})();
