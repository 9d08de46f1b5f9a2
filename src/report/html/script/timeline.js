// Each operation as a point: when it was sent, and how long it took, which command it was or which session it was in.

/** Commands that have a colour of their own, the most frequent first; the others share the last one. */
const COLORED = 7;

function decodePoints(points) {
  const size = points.time.length;
  const [time, frame] = [new Float64Array(size), new Float64Array(size)];
  let [now, at] = [0, 0];
  for (let i = 0; i < size; i += 1) {
    now += points.time[i];
    at += points.frame[i];
    time[i] = now;
    frame[i] = at;
  }
  return { size, time, frame, latency: points.latency, kind: points.kind, sessions: points.sessions };
}

function sessionOf(points, at) {
  let [low, high] = [0, points.sessions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points.sessions[middle] <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The figure; `trouble` names what is marked: failed, diverged. */
function timeline({ points: report, span, sessionNames, trouble }) {
  const points = decodePoints(report);
  const byCommand = new Map();
  const marked = [];
  let unanswered = 0;
  for (let i = 0; i < points.size; i += 1) {
    const command = points.kind[i] >> 1;
    if (!byCommand.has(command)) byCommand.set(command, []);
    byCommand.get(command).push(i);
    if (points.kind[i] & 1) marked.push(i);
    if (points.latency[i] < 0) unanswered += 1;
  }
  const frequent = [...byCommand.entries()].sort((a, b) => b[1].length - a[1].length);
  const groups = frequent.slice(0, COLORED).map(([command, list]) => ({ name: report.commands[command], list }));
  const rest = frequent.slice(COLORED).flatMap(([, list]) => list).sort((a, b) => a - b);
  if (rest.length) groups.push({ name: "others", list: rest });
  const lanes = [...byCommand.keys()].sort((a, b) => b - a);
  const many = report.every > 1
    ? `Reduced: one operation in ${report.every} is drawn, ${count(points.size)} of ${count(report.total)}. All other figures and charts count every operation.`
    : report.total === 1 ? "The one operation is drawn." : `All ${count(report.total)} operations are drawn.`;
  const several = sessionNames.length > 1;

  function yOf(mode) {
    if (mode === "command") return (i) => lanes.indexOf(points.kind[i] >> 1) + spread(i);
    if (mode === "session") return (i) => sessionOf(points, i) + spread(i);
    return (i) => Math.max(points.latency[i], 100);
  }
  // Points of one lane lie beside each other: by their number, so that the picture is the same each time.
  function spread(i) {
    return (((i * 7919) % 97) / 97 - 0.5) * 0.6;
  }
  function option(mode) {
    const look = looks();
    const y = yOf(mode);
    const drawn = mode === "latency" ? (i) => points.latency[i] >= 0 : () => true;
    const make = (list) => list.filter(drawn).map((i) => [points.time[i], y(i), i]);
    const series = groups.map((group, at) => ({
      name: group.name, type: "scatter", data: make(group.list), symbolSize: points.size > 20000 ? 3 : 5, large: true, largeThreshold: 4000,
      itemStyle: { color: at === COLORED ? look(7).color : look(at).color, opacity: points.size > 20000 ? 0.55 : 0.75 },
    }));
    if (marked.length) {
      series.push({
        name: trouble, type: "scatter", data: make(marked), symbol: "triangle", symbolSize: marked.length > 1000 ? 4 : marked.length > 200 ? 6 : 9, z: 5, large: marked.length > 4000,
        itemStyle: { color: style("--bad"), borderColor: style("--card"), borderWidth: marked.length > 1000 ? 0 : 0.5 },
      });
    }
    const latencyAxis = () => axis({
      type: "log", axisLabel: { formatter: shortTime }, min: (range) => decade(range.min, Math.floor), max: (range) => decade(range.max, Math.ceil),
    });
    return {
      grid: mode === "latency" ? { ...TIME_GRID, bottom: 52 } : { ...GRID, bottom: 36 }, legend: legend(series.map((one) => one.name)), dataZoom: zoom(true),
      xAxis: timeAxis(span), yAxis: mode === "latency" ? latencyAxis() : laneAxis(mode), series,
      tooltip: tooltip(({ value: [, , i] }) => hint(report.commands[points.kind[i] >> 1], [
        "frame " + points.frame[i], "at " + duration(points.time[i]),
        points.latency[i] < 0 ? "not answered" : "took " + duration(points.latency[i]),
        several && "session " + sessionNames[sessionOf(points, i)], (points.kind[i] & 1) && trouble,
      ])),
    };
  }
  function laneAxis(mode) {
    const names = mode === "command" ? lanes.map((lane) => report.commands[lane]) : sessionNames;
    return axis({
      type: "value", min: -0.5, max: names.length - 0.5, splitLine: { show: false },
      axisLabel: { customValues: names.map((_, at) => at), formatter: (at) => names[at] || "" },
    });
  }
  const modes = [["latency", "how long it took"], ["command", "command"]];
  if (several) modes.push(["session", "session"]);
  return figure({
    id: "timeline-chart", timed: true, title: "Operations one by one", height: 400, choice: { label: "By", options: modes, value: "latency" },
    text: many + (unanswered ? ` ${counted(unanswered, "of them was", "of them were")} not answered and can be seen by command only.` : "")
      + " The bar below zooms all charts over time, as do Ctrl and the wheel.",
    label: (mode) => `${count(points.size)} operations over ${duration(span)}, by ${modes.find(([name]) => name === mode)[1]}; ${count(marked.length)} ${trouble}. Its figures can be opened as a table.`,
    option,
    table: () => table({
      caption: "Operations one by one", rows: Array.from({ length: points.size }, (_, i) => i), columns: [
        { name: "time, s", kind: "time", of: (i) => points.time[i] }, { name: "frame", kind: "frame", of: (i) => points.frame[i] },
        { name: "command", kind: "text", of: (i) => report.commands[points.kind[i] >> 1] },
        { name: "latency", kind: "duration", of: (i) => (points.latency[i] < 0 ? null : points.latency[i]) },
        { name: "marked", kind: "text", of: (i) => (points.kind[i] & 1 ? trouble : null), tone: (i) => points.kind[i] & 1 && "bad" },
        ...(several ? [{ name: "session", kind: "text", of: (i) => sessionNames[sessionOf(points, i)], mono: true }] : []),
      ],
    }),
  });
}

function decade(value, round) {
  return 10 ** round(Math.log10(Math.max(value, 100)));
}
