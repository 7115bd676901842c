// Before anything is drawn: the theme that was chosen, so that no page flashes in the other one.
(function () {
  "use strict";
  try {
    var chosen = localStorage.getItem("podyard-theme");
    if (chosen === "dark" || chosen === "light") {
      document.documentElement.dataset.theme = chosen;
    }
  } catch (error) {
    // Storage may be refused: then the system's choice stands.
  }
})();
