/* Before the first paint: the theme that the reader chose. */
(function () {
  try {
    var theme = localStorage.getItem("jinbang-theme");
    if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
  } catch (e) { /* no storage: the system's theme */ }
})();
