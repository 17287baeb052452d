// What moves on the page: light and dark, the chosen question, values under the pointer, the
// time machine. The page says all it has to say without this file. Models' words are only ever
// written as text (textContent), never as markup.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const MINUS = "\u2212";

  // element("p", {class: "x"}, "text", child): children that are strings become text
  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value !== null && value !== undefined && value !== false) {
        made.setAttribute(key, value === true ? "" : value);
      }
    }
    made.append(...children.filter((child) => child !== null));
    return made;
  }
  const signed = (value) => Math.abs(value) < 0.005 ? "0.00"
    : (value < 0 ? MINUS : "+") + Math.abs(value).toFixed(2);
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

  // ---------------------------------------------------------------- light and dark
  function lightAndDark() {
    const button = $("#theme"), dark = $("#dark"), usual = dark.media;
    const system = matchMedia("(prefers-color-scheme: dark)");
    let chosen = null;
    try { chosen = localStorage.getItem("minir1-theme"); } catch { /* not from here */ }
    const show = () => {
      dark.media = chosen === null ? usual : chosen === "dark" ? "screen" : "not all";
    };
    button.hidden = false;
    button.addEventListener("click", () => {
      const now = chosen ?? (system.matches ? "dark" : "light");
      chosen = now === "dark" ? "light" : "dark";
      try { localStorage.setItem("minir1-theme", chosen); } catch { /* then for this visit */ }
      show();
    });
    show();
  }

  // ---------------------------------------------------------------- where am I?
  function whereAmI() {
    const links = new Map($$("nav a").map((link) => [link.hash.slice(1), link]));
    const seen = new Set();
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) seen.add(entry.target.id); else seen.delete(entry.target.id);
      }
      const first = [...links.keys()].find((id) => seen.has(id));
      for (const [id, link] of links) {
        if (id === first) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }, { rootMargin: "-10% 0px -60% 0px" });
    for (const id of links.keys()) watch.observe(document.getElementById(id));
  }

  // ---------------------------------------------------------------- charts
  function readChart(svg) {
    const [left, right, bottom, top, x0, x1, , , log, percent] =
      svg.dataset.plot.split(" ").map(Number);
    const along = (share, low, high) =>
      log ? Math.exp(Math.log(low) + share * (Math.log(high) - Math.log(low)))
          : low + share * (high - low);
    const lines = $$("polyline", svg).map((line) => ({
      label: line.dataset.label,
      values: line.dataset.values.split(" ").map(Number),
      xs: line.getAttribute("points").split(" ").map((pair) => Number(pair.split(",")[0])),
    }));
    const xOf = (px) => along((px - left) / (right - left), x0, x1);
    const write = (value) => percent ? (100 * value).toFixed(1) + "\u202f%"
      : Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
    return { left, right, top, bottom, lines, xOf, write };
  }

  function hoverChart(svg) {
    const figure = svg.closest("figure");
    const chart = readChart(svg);
    const box = svg.viewBox.baseVal;
    let cursor = null, readout = null;
    const away = () => { cursor?.remove(); readout?.remove(); cursor = readout = null; };
    svg.addEventListener("pointerleave", away);
    svg.addEventListener("pointermove", (event) => {
      const place = svg.getBoundingClientRect();
      const at = (event.clientX - place.left) / place.width * box.width;
      const xs = chart.lines.flatMap((line) => line.xs);
      if (!xs.length || at < chart.left - 12 || at > chart.right + 12) return away();
      const x = xs.reduce((best, v) => Math.abs(v - at) < Math.abs(best - at) ? v : best);
      if (!cursor) {
        cursor = document.createElementNS(svg.namespaceURI, "line");
        cursor.setAttribute("class", "cursor");
        svg.append(cursor);
        readout = element("div", { class: "readout", "aria-hidden": "true" });
        figure.append(readout);
      }
      for (const [k, v] of [["x1", x], ["x2", x], ["y1", chart.top], ["y2", chart.bottom]]) {
        cursor.setAttribute(k, v);
      }
      const value = Math.round(chart.xOf(x) * 10) / 10;
      const name = $(".name", svg).textContent;
      readout.replaceChildren(element("div", {}, `${name} ${value}`));
      for (const line of chart.lines) {
        const near = line.xs.findIndex((other) => Math.abs(other - x) < 0.6);
        if (near >= 0) {
          const written = element("b", {}, chart.write(line.values[near]));
          readout.append(element("div", {}, line.label ? `${line.label} ` : "", written));
        }
      }
      const wide = figure.clientWidth, pixel = x / box.width * place.width;
      const left = pixel + 12 + readout.offsetWidth > wide ? pixel - 12 - readout.offsetWidth : pixel + 12;
      readout.style.left = `${clamp(left, 0, Math.max(wide - readout.offsetWidth, 0))}px`;
      readout.style.top = `${place.top - figure.getBoundingClientRect().top + 6}px`;
    });
  }

  // ---------------------------------------------------------------- questions
  function questions() {
    const box = $("#questions");
    if (!box) return;
    const controls = $(".controls", box), select = $("select", controls);
    const articles = $$("article", box), unfold = $(".unfold", controls);
    const order = $$("option", select).map((option) => option.value); // as they are listed
    const show = (value) => {
      select.value = value;
      articles.forEach((article) => { article.hidden = article.id !== `question-${value}`; });
    };
    const go = (by) => {
      const here = order.indexOf(select.value);
      show(order[(here + by + order.length) % order.length]);
    };
    controls.hidden = false;
    select.addEventListener("change", () => show(select.value));
    for (const button of $$("[data-go]", controls)) {
      button.addEventListener("click", () => go(Number(button.dataset.go)));
    }
    unfold.addEventListener("click", () => {
      const open = unfold.getAttribute("aria-pressed") !== "true";
      unfold.setAttribute("aria-pressed", String(open));
      $$("details", box).forEach((details) => { details.open = open; });
    });
    // begin where not all agree
    const both = articles.find((a) => $(".mark-yes", a) && $(".mark-no", a));
    show(both ? both.id.replace("question-", "") : order[0]);
  }

  // ---------------------------------------------------------------- the time machine
  const FULL_PUSH = 1.2, FAINTEST = 0.04; // as in machine.py
  const HAN = /[\u3400-\u9fff]/;

  function completionHead(one) {
    const [state, sign, word] = one.ok === 1 ? ["yes", "✓", "right"]
      : one.ok === 0 ? ["no", "✗", "wrong"] : ["open", "–", "not checked"];
    const mark = element("span", { class: "sign", "aria-hidden": "true" }, sign);
    const head = element("div", { class: "completion-head" },
      element("span", { class: `mark-${state} verdict-mark` }, mark, word));
    if (one.r !== undefined) head.append(element("span", {}, `reward ${one.r.toFixed(2)}`));
    if (one.a !== undefined) {
      const way = one.a > 0.005 ? "▲" : one.a < -0.005 ? "▼" : "–";
      head.append(element("span", {}, `advantage ${way} ${signed(one.a)}`));
    }
    return head;
  }

  function completionWords(one, vocabulary) {
    const words = element("p", { class: "words", tabindex: "0", "aria-label": "completion" });
    one.w.forEach((index, i) => {
      const word = vocabulary[index];
      const span = element("span", { lang: HAN.test(word) ? "zh" : null }, word);
      span.word = { word };
      if (one.l && one.a !== undefined) {
        const probability = Math.exp(-one.l[i] / 100), push = one.a * (1 - probability);
        const share = Math.min(Math.abs(push) / FULL_PUSH, 1);
        span.word = { word, probability, advantage: one.a, push };
        if (share >= FAINTEST) {
          span.className = push > 0 ? "up" : "down";
          span.style.setProperty("--push", `${Math.round(100 * share)}%`);
        }
      }
      words.append(span, " ");
    });
    if (one.cut) words.append(` … (${one.cut} more)`);
    return words;
  }

  // What is known of a word, in a box beside it: under the pointer, or walked to with the keys.
  function wordReader(view) {
    const tip = element("div", { id: "tip", role: "status" });
    tip.hidden = true;
    document.body.append(tip);
    let pointed = null;
    const point = (span) => {
      pointed?.classList.remove("pointed");
      pointed = span && span.word && span.word.push !== undefined ? span : null;
      tip.hidden = !pointed;
      if (!pointed) return;
      pointed.classList.add("pointed");
      const { word, probability, advantage, push } = pointed.word;
      const way = push > 0.005 ? "▲" : push < -0.005 ? "▼" : "–";
      tip.replaceChildren(element("b", {}, word),
        element("div", {}, `probability ${(100 * probability).toFixed(1)}\u202f%`),
        element("div", {}, `advantage ${signed(advantage)}`),
        element("div", {}, `push ${way} ${signed(push)}`));
      const place = pointed.getBoundingClientRect();
      const wide = document.documentElement.clientWidth;
      tip.style.left = `${scrollX + clamp(place.left, 8, Math.max(wide - tip.offsetWidth - 8, 8))}px`;
      const above = place.top - tip.offsetHeight - 6;
      tip.style.top = `${scrollY + (above > 4 ? above : place.bottom + 6)}px`;
    };
    view.addEventListener("pointerover", (event) => point(event.target));
    view.addEventListener("click", (event) => point(event.target));
    view.addEventListener("pointerleave", () => point(null));
    view.addEventListener("focusout", () => point(null));
    view.addEventListener("keydown", (event) => {
      if (event.key === "Escape") return point(null);
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      const words = event.target.closest(".words");
      if (!step || !words) return;
      event.preventDefault();
      const spans = [...words.children], here = spans.indexOf(pointed);
      const next = spans[here < 0 ? 0 : clamp(here + step, 0, spans.length - 1)];
      next.scrollIntoView({ block: "nearest" });
      point(next);
    });
    return () => point(null);
  }

  function timeMachine() {
    const view = $("#machine-view"), controls = $("#machine-controls");
    const data = JSON.parse($("#looks").textContent);
    if (!view || !data.stages || !data.stages.length) return;
    let stage = 0, prompt = 0, look = 0, playing = null, asked = data.stages[0].prompts[0].asked;
    const looks = () => data.stages[stage].prompts[prompt].looks;
    const rights = (one) => one.group.filter((c) => c.ok === 1).length;

    const stages = element("select", { "aria-label": "stage" },
      ...data.stages.map((s, i) => element("option", { value: i }, s.title)));
    const prompts = element("select", { "aria-label": "prompt" });
    const play = element("button", { type: "button", "aria-pressed": "false" }, "▶ play");
    const before = element("button", { type: "button", "aria-label": "look before" }, "←");
    const after = element("button", { type: "button", "aria-label": "next look" }, "→");
    const slider = element("input", { type: "range", min: 0, step: 1, "aria-label": "step of training" });
    const bars = element("div", { class: "bars", "aria-hidden": "true" });
    const said = element("p", { class: "said-now", "aria-live": "polite" });
    const track = element("div", { class: "track" }, bars, slider);
    controls.append(stages, prompts, play, element("div", { class: "dial" }, before, track, after), said);
    controls.hidden = false;
    const forget = wordReader(view);

    function draw() {
      const all = looks(), now = all[look], right = rights(now);
      slider.value = look;
      slider.setAttribute("aria-valuetext", `step ${now.step}`);
      [...bars.children].forEach((bar, i) => bar.classList.toggle("now", i === look));
      const flat = now.group.length > 1 && now.group.every((c) => c.a !== undefined && Math.abs(c.a) < 1e-6);
      said.replaceChildren(`step ${now.step}: ${right} of ${now.group.length} right`);
      if (flat) said.append(element("small", {}, "all earned alike: nothing to learn from this group"));
      forget();
      const group = element("div", { class: "group" });
      for (const one of now.group) {
        group.append(element("div", { class: "completion" }, completionHead(one), completionWords(one, data.words)));
      }
      view.replaceChildren(group);
      before.disabled = look === 0;
      after.disabled = look === all.length - 1;
    }
    function newPrompt() {
      const all = looks();
      look = Math.min(look, all.length - 1);
      slider.max = all.length - 1;
      const every = Math.ceil(all.length / 12);
      bars.replaceChildren(...all.map((one, i) => {
        const height = `${Math.round(100 * rights(one) / one.group.length * 0.62)}%`;
        const at = all.length > 1 ? 100 * i / (all.length - 1) : 50;
        const bar = element("div", { class: "bar", style: `--at:${at}%` }, element("i", { style: `height:${height}` }),
          element("span", {}, i % every === 0 || i === all.length - 1 ? String(one.step) : "\u00a0"));
        bar.addEventListener("click", () => { look = i; draw(); });
        return bar;
      }));
      draw();
    }
    function newStage() {
      const list = data.stages[stage].prompts;
      prompt = Math.max(list.findIndex((p) => p.asked === asked), 0);
      prompts.replaceChildren(...list.map((p, i) => element("option", { value: i }, p.asked)));
      prompts.value = prompt;
      look = 0;
      newPrompt();
    }
    function stop() {
      clearInterval(playing);
      playing = null;
      play.textContent = "▶ play";
      play.setAttribute("aria-pressed", "false");
    }
    const go = (by) => { look = clamp(look + by, 0, looks().length - 1); draw(); };
    stages.addEventListener("change", () => { stop(); stage = Number(stages.value); newStage(); });
    prompts.addEventListener("change", () => { stop(); prompt = Number(prompts.value); asked = data.stages[stage].prompts[prompt].asked; newPrompt(); });
    slider.addEventListener("input", () => { stop(); look = Number(slider.value); draw(); });
    before.addEventListener("click", () => { stop(); go(-1); });
    after.addEventListener("click", () => { stop(); go(1); });
    play.addEventListener("click", () => {
      if (playing) return stop();
      if (look === looks().length - 1) { look = 0; draw(); }
      play.textContent = "❚❚ pause";
      play.setAttribute("aria-pressed", "true");
      playing = setInterval(() => {
        go(1);
        if (look === looks().length - 1) stop();
      }, 1100);
    });
    newStage();
  }

  lightAndDark();
  whereAmI();
  $$("svg.chart").forEach(hoverChart);
  questions();
  timeMachine();
})();
