// Charts: drawn when they come into view, drawn anew when the theme changes, each with its figures as a table.
const charts = [];
/** What part of the time is shown, in percent, by all charts over time. */
const zoomed = { start: 0, end: 100 };
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const chart = charts.find((chart) => chart.box === entry.target);
    if (entry.isIntersecting && chart) draw(chart);
  }
}, { rootMargin: "400px" });
const resized = new ResizeObserver((entries) => {
  for (const entry of entries) echarts.getInstanceByDom(entry.target)?.resize();
});

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colours of series: eight that people with any colour vision tell apart, each again with other dashes. */
function looks() {
  const colors = style("--series").split(" ");
  return (at) => ({ color: colors[at % colors.length], dash: ["solid", [6, 4], [2, 3]][Math.floor(at / colors.length) % 3] });
}

function draw(chart) {
  const known = echarts.getInstanceByDom(chart.box);
  if (known && chart.drawn === chart.version()) return;
  const instance = known || echarts.init(chart.box, null, { renderer: "canvas" });
  chart.drawn = chart.version();
  const { restack, ...option } = chart.option();
  chart.restack = restack;
  instance.setOption({ ...chrome(), ...option }, { notMerge: true });
  if (known) return;
  resized.observe(chart.box);
  instance.on("legendselectchanged", ({ selected }) => chart.restack && instance.setOption({ series: chart.restack(selected) }));
  if (chart.timed) instance.on("datazoom", () => zoomOthers(instance));
}

/** The other charts over time show what this one shows. */
function zoomOthers(instance) {
  const { start, end } = instance.getOption().dataZoom[0];
  if (start === zoomed.start && end === zoomed.end) return;
  Object.assign(zoomed, { start, end });
  for (const { timed, box } of charts) {
    const other = timed && echarts.getInstanceByDom(box);
    if (other && other !== instance) other.dispatchAction({ type: "dataZoom", start, end });
  }
}

function redraw() {
  for (const chart of charts) if (echarts.getInstanceByDom(chart.box)) draw(chart);
}

function drawAll() {
  charts.forEach(draw);
}

/** What all charts have in common. */
function chrome() {
  return {
    animation: false,
    aria: { enabled: false },
    backgroundColor: "transparent",
    textStyle: { fontFamily: style("font-family") || "system-ui, sans-serif", color: style("--text") },
  };
}

/**
 * figure({ id, title, text, label, height, option, table, choice }): `label` is what the chart shows, in a sentence, for those who
 * do not see it; `table` makes the same figures as a table; `choice` is { label, options: [[value, name]], value }.
 */
function figure({ id, title, text, label, height, option, table: figures, choice, below, timed }) {
  const box = h("div", { class: "chart", role: "img", id });
  box.style.height = (height || 260) + "px";
  const details = figures && h("details", {}, h("summary", {}, "Figures as a table"));
  const state = { value: choice && choice.value };
  const chart = { box, timed, option: () => option(state.value), version: () => document.documentElement.dataset.theme + "/" + state.value };
  const describe = () => box.setAttribute("aria-label", typeof label === "function" ? label(state.value) : label);
  const refill = () => {
    if (details && details.open) details.replaceChildren(details.firstChild, figures(state.value));
  };
  if (details) details.addEventListener("toggle", refill);
  const select = choice && h("select", {
    onchange: (event) => { state.value = event.target.value; describe(); refill(); draw(chart); say(box.getAttribute("aria-label")); },
  }, choice.options.map(([value, name]) => h("option", { value, selected: value === choice.value }, name)));
  describe();
  charts.push(chart);
  watcher.observe(box);
  return h("figure", {},
    h("figcaption", {}, h("h3", {}, title), select && h("label", {}, choice.label, select), text && h("p", {}, text)),
    box, below, details);
}

/** A hint beside the pointer, as elements: the library never gets text to put into markup. */
function hint(title, rows) {
  return h("div", { class: "hint" }, h("b", {}, title), rows.filter(Boolean).map((row) => h("span", {}, row)));
}

function tooltip(formatter, more) {
  return {
    confine: true, backgroundColor: style("--card"), borderColor: style("--line"), textStyle: { color: style("--text"), fontSize: 13 },
    formatter, transitionDuration: 0, ...more,
  };
}

function axis(more) {
  const { axisLabel, ...rest } = more;
  return {
    axisLine: { lineStyle: { color: style("--line") } }, axisTick: { show: false }, nameTextStyle: { color: style("--muted"), align: "left" },
    splitLine: { lineStyle: { color: style("--line"), opacity: 0.7 } }, axisLabel: { color: style("--muted"), hideOverlap: true, ...axisLabel }, ...rest,
  };
}

function legend(names, more) {
  return {
    type: "scroll", top: 0, left: 0, right: 0, icon: "roundRect", itemWidth: 12, itemHeight: 8, itemGap: 14,
    textStyle: { color: style("--text"), fontSize: 12 }, pageIconColor: style("--accent"), pageTextStyle: { color: style("--muted") },
    inactiveColor: style("--muted") + "90", data: names, ...more,
  };
}

/** Zoom over time: by wheel with Ctrl, by dragging in the chart, and by a bar below one of the charts. */
function zoom(bar) {
  const inside = { type: "inside", filterMode: "none", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false, ...zoomed };
  return !bar ? [inside] : [inside, {
    type: "slider", filterMode: "none", height: 14, bottom: 2, borderColor: style("--line"), fillerColor: style("--faint"), brushSelect: false,
    showDetail: false, showDataShadow: false, handleStyle: { color: style("--card"), borderColor: style("--muted") }, moveHandleSize: 0,
    backgroundColor: "transparent", ...zoomed,
  }];
}

/** The axis of time, in nanoseconds from the beginning. */
function timeAxis(to) {
  return axis({ type: "value", min: 0, max: to, splitLine: { show: false }, axisLabel: { formatter: shortTime, showMaxLabel: false } });
}

/** Charts over time begin at the same place, one below the other. */
const TIME_GRID = { left: 78, right: 20, top: 40, bottom: 26 };
const GRID = { left: 8, right: 20, top: 40, bottom: 30, containLabel: true };
