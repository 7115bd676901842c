// Pages that keep themselves current. The server renders; this fetches the same page again when an
// event says that something changed, and swaps the parts marked `data-live` that differ. Without
// scripts every page still works: it is as old as its last load.
(function () {
  "use strict";

  var SETTLE_MS = 250; // one act writes several events: wait for the last of them
  var AT_LEAST_MS = 1000; // between two loads, however busy the hall is
  var OTHERWISE_MS = 20000; // what changes without an event (a reading, an age) shows by then
  var root = document.documentElement;
  var shown = document.querySelector("[data-live-status]");
  var wanted = document.body.dataset.follow;
  var source = null;
  var timer = null;
  var lastLoad = Date.now();
  var loading = false;
  var again = false;
  var cursor = "";

  function say(state, text) {
    if (!shown) return;
    shown.dataset.state = state;
    shown.textContent = text;
  }

  function busy() {
    // Somebody writes or decides: do not pull the form away under their hands.
    var active = document.activeElement;
    var region = active && active.closest && active.closest("[data-live]");
    return Boolean(region && active.matches("input, textarea, select"));
  }

  function swap(fresh) {
    document.querySelectorAll("[data-live]").forEach(function (old) {
      var next = fresh.getElementById(old.id);
      if (!next || next.isEqualNode(old)) return;
      var opened = new Set();
      old.querySelectorAll("details[open][id]").forEach(function (one) { opened.add(one.id); });
      var focused = old.contains(document.activeElement) ? document.activeElement : null;
      var focusId = focused && focused.id;
      var focusHref = focused && focused.getAttribute("href");
      var scrolled = old.querySelector(".scroll");
      var left = scrolled ? scrolled.scrollLeft : 0;
      var kept = document.importNode(next, true);
      kept.querySelectorAll("details[id]").forEach(function (one) {
        if (opened.has(one.id)) one.open = true;
      });
      old.replaceWith(kept);
      if (left && kept.querySelector(".scroll")) kept.querySelector(".scroll").scrollLeft = left;
      var back = focusId ? document.getElementById(focusId) : null;
      if (!back && focusHref) {
        back = Array.from(kept.querySelectorAll("a[href]")).find(function (one) {
          return one.getAttribute("href") === focusHref;
        });
      }
      if (back) back.focus({ preventScroll: true });
    });
  }

  function load() {
    timer = null;
    if (loading) { again = true; return; }
    if (busy()) { soon(2000); return; }
    loading = true;
    lastLoad = Date.now();
    fetch(location.href, { headers: { Accept: "text/html" }, credentials: "same-origin" })
      .then(function (reply) {
        if (reply.redirected && new URL(reply.url).pathname === "/sign-in") {
          location.assign(reply.url);
          return null;
        }
        return reply.ok ? reply.text() : null;
      })
      .then(function (text) {
        if (text) swap(new DOMParser().parseFromString(text, "text/html"));
      })
      .catch(function () { say("off", "offline"); })
      .finally(function () {
        loading = false;
        if (again) { again = false; soon(SETTLE_MS); }
      });
  }

  function soon(wait) {
    if (timer) return;
    var rest = Math.max(wait, AT_LEAST_MS - (Date.now() - lastLoad));
    timer = setTimeout(load, rest);
  }

  function told(event) {
    if (event.lastEventId) cursor = event.lastEventId;
    soon(SETTLE_MS);
  }

  function open() {
    if (source || wanted === undefined || !window.EventSource) return;
    var query = new URLSearchParams(wanted);
    if (cursor) query.set("after", cursor);
    source = new EventSource("/api/events/stream?" + query.toString());
    source.onopen = function () { say("on", "live"); };
    source.onerror = function () {
      if (source && source.readyState === EventSource.CLOSED) {
        say("off", "not live");
        source = null;
      } else {
        say("wait", "waiting");
      }
    };
    source.onmessage = told;
    source.addEventListener("end", function () {
      close();
      say("off", "signed out");
      location.reload();
    });
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  function visible() {
    // A browser allows six connections to a host: pages in the background give theirs back.
    if (document.hidden) { close(); return; }
    open();
    if (document.querySelector("[data-live]")) soon(0);
  }

  function theme() {
    var dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("podyard-theme", root.dataset.theme); } catch (error) { return; }
  }

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-theme-toggle]")) theme();
  });

  document.addEventListener("keydown", function (event) {
    var typing = event.target.matches && event.target.matches("input, textarea, select");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      var search = document.getElementById("search");
      if (search) { event.preventDefault(); search.focus(); search.select(); }
    }
  });

  document.addEventListener("change", function (event) {
    if (event.target.matches("form.filters select")) event.target.form.requestSubmit();
  });

  document.addEventListener("visibilitychange", visible);
  window.addEventListener("pagehide", close);
  open();
  if (document.querySelector("[data-live]")) {
    setInterval(function () { if (!document.hidden) soon(0); }, OTHERWISE_MS);
  }
})();
