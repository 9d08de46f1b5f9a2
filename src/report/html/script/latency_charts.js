// How long operations took: cumulative distributions, heat maps, sizes.

/**
 * Distributions as curves. `sides` is [{ name, list }]: of a capture one, of a run what was captured against what was replayed, which
 * has the same colour and other dashes.
 */
function distributions({ id, title, sides }) {
  const names = sides[0].list.map(({ name }) => name);
  if (!names.length) return h("figure", {}, h("figcaption", {}, h("h3", {}, title)), empty("No operation was answered."));
  const two = sides.length > 1;
  const ordered = (wanted) => (wanted === "each" ? names.filter((name) => name !== "all") : [wanted]);
  const at = (points, total, share) => (points.find(([, below]) => below >= Math.ceil(total * share)) || points[points.length - 1])[0];
  return figure({
    id, title, height: 340,
    choice: { label: "Command", options: [["all", "all together"], ["each", "each"], ...names.slice(1).map((name) => [name, name])], value: two ? "all" : "each" },
    text: "How much of the operations took no longer than so long. Further left is faster.",
    label: (wanted) => "Cumulative distribution of latencies. " + ordered(wanted).map((name) => name + ": " + sides.map((side) => {
      const found = side.list.find((one) => one.name === name);
      return found ? `${two ? side.name + " " : ""}median ${duration(at(found.points, found.count, 0.5))}, 99 % within ${duration(at(found.points, found.count, 0.99))}` : "";
    }).filter(Boolean).join("; ")).join(". ") + ".",
    option: (wanted) => {
      const look = looks();
      const series = ordered(wanted).flatMap((name, index) => sides.map((side, which) => {
        const found = side.list.find((one) => one.name === name);
        if (!found) return null;
        const points = [[Math.max(found.points[0][0], 100), 0], ...found.points.map(([ns, below]) => [Math.max(ns, 100), (below * 100) / found.count])];
        return {
          name: two ? `${name === "all" ? "all" : name}, ${side.name}` : name, type: "line", step: "end", symbol: "none", data: points, emphasis: { focus: "series" },
          itemStyle: { color: look(wanted === "each" ? index : two ? which : 0).color },
          lineStyle: { width: 2, type: two && which === 0 ? [5, 4] : look(wanted === "each" ? index : 0).dash },
        };
      })).filter(Boolean);
      return {
        grid: { ...GRID, bottom: 12 }, legend: legend(series.map(({ name }) => name), { icon: undefined, itemWidth: 24, itemHeight: 12 }), series,
        xAxis: axis({ type: "log", axisLabel: { formatter: shortTime }, min: (range) => decade(range.min, Math.floor), max: (range) => decade(range.max, Math.ceil) }),
        yAxis: axis({ type: "value", min: 0, max: 100, axisLabel: { formatter: "{value} %" } }),
        tooltip: tooltip((found) => hint("within " + duration(found[0].axisValue), found.map(({ seriesName, value }) => `${seriesName}: ${value[1].toFixed(1)} %`)), { trigger: "axis" }),
      };
    },
    table: () => table({
      caption: title, all: true,
      rows: names.flatMap((name) => sides.map((side) => ({ name, side: side.name, found: side.list.find((one) => one.name === name) }))).filter(({ found }) => found),
      columns: [
        { name: "command", kind: "text", of: (row) => row.name }, ...(two ? [{ name: "side", kind: "text", of: (row) => row.side }] : []),
        { name: "answered", kind: "count", of: (row) => row.found.count },
        ...[10, 25, 50, 75, 90, 95, 99].map((share) => ({ name: share + " %", kind: "duration", of: (row) => at(row.found.points, row.found.count, share / 100) })),
        { name: "all", kind: "duration", of: (row) => at(row.found.points, row.found.count, 1) },
      ],
    }),
  });
}

function mixed(low, high, share) {
  const parts = (color) => [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  const [a, b] = [parts(low), parts(high)];
  return "rgb(" + a.map((value, at) => Math.round(value + (b[at] - value) * share)).join(",") + ")";
}

/** Time by latency; the darker (on dark ground, the lighter), the more. `heats` is [{ name, heat }]. */
function heatMap({ id, title, heats, end }) {
  if (!heats[0].heat.commands.length) return h("figure", {}, h("figcaption", {}, h("h3", {}, title)), empty("No operation was answered."));
  const options = heats.flatMap(({ name, heat }, side) => [
    [`${side}/`, heats.length > 1 ? `all, ${name}` : "all together"],
    ...heat.commands.map((command) => [`${side}/${command.name}`, heats.length > 1 ? `${command.name}, ${name}` : command.name]),
  ]);
  function cellsOf(choice) {
    const [side, wanted] = [Number(choice[0]), choice.slice(2)];
    const { heat } = heats[side];
    const total = new Map();
    for (const { name, cells } of heat.commands) {
      if (wanted && name !== wanted) continue;
      for (const [time, latency, number] of cells) {
        const key = time * 1000 + latency;
        total.set(key, (total.get(key) || 0) + number);
      }
    }
    return { heat, cells: [...total].map(([key, number]) => [Math.floor(key / 1000), key % 1000, number]) };
  }
  const from = (heat, at) => (at === 0 ? heat.bounds_ns[0] / 2 : heat.bounds_ns[at - 1]);
  const to = (heat, at) => (at < heat.bounds_ns.length ? heat.bounds_ns[at] : heat.bounds_ns[at - 1] * 1.5);
  return figure({
    id, title, timed: true, height: 320, choice: { label: "Command", options, value: options[heats.length > 1 ? heats[0].heat.commands.length + 1 : 0][0] },
    text: `Each cell counts the operations that were sent within ${shortTime(heats[0].heat.width_ns)} and took so long.`,
    below: h("p", { class: "scale" }, "few", h("span", { "aria-hidden": "true" }), "many, by powers of ten"),
    label: (choice) => {
      const { heat, cells } = cellsOf(choice);
      const most = cells.reduce((best, cell) => (cell[2] > best[2] ? cell : best));
      return `Heat map of latencies over time: ${count(sum(cells.map((cell) => cell[2])))} answered operations. Most are ${shortTime(heat.begin_ns + most[0] * heat.width_ns)} after the beginning, ${count(most[2])} that took ${shortTime(from(heat, most[1]))} to ${shortTime(to(heat, most[1]))}.`;
    },
    option: (choice) => {
      const { heat, cells } = cellsOf(choice);
      const most = greatest(cells.map((cell) => cell[2]));
      const [low, high] = [style("--heat-low"), style("--heat-high")];
      const lowest = Math.min(...cells.map((cell) => from(heat, cell[1])));
      const highest = greatest(cells.map((cell) => to(heat, cell[1])));
      return {
        grid: { ...TIME_GRID, top: 12 }, dataZoom: zoom(false), xAxis: timeAxis(end),
        yAxis: axis({ type: "log", min: decade(lowest, Math.floor), max: decade(highest, Math.ceil), axisLabel: { formatter: shortTime } }),
        series: [{
          type: "custom", clip: true, data: cells.map(([time, latency, number]) => [heat.begin_ns + time * heat.width_ns, from(heat, latency), to(heat, latency), number]),
          encode: { x: 0, y: [1, 2] }, progressive: 4000,
          renderItem: (params, api) => {
            const [left, bottom] = api.coord([api.value(0), api.value(1)]);
            const [right, top] = api.coord([api.value(0) + heat.width_ns, api.value(2)]);
            const share = most > 1 ? Math.log(api.value(3)) / Math.log(most) : 1;
            const gap = right - left > 4 ? 1 : 0;
            return { type: "rect", shape: { x: left, y: top, width: Math.max(right - left - gap, 1), height: Math.max(bottom - top - 1, 1) }, style: { fill: mixed(low, high, 0.08 + 0.92 * share) } };
          },
        }],
        tooltip: tooltip(({ value }) => hint(counted(value[3], "operation"), [
          `${shortTime(value[0])} – ${shortTime(value[0] + heat.width_ns)} after the beginning`, `took ${shortTime(value[1])} – ${shortTime(value[2])}`,
        ])),
      };
    },
    table: (choice) => {
      const { heat, cells } = cellsOf(choice);
      return table({
        caption: title, rows: cells, columns: [
          { name: "from, s", kind: "time", of: (cell) => heat.begin_ns + cell[0] * heat.width_ns },
          { name: "took at least", kind: "duration", of: (cell) => (cell[1] === 0 ? 0 : from(heat, cell[1])) },
          { name: "and less than", kind: "duration", of: (cell) => to(heat, cell[1]) }, { name: "operations", kind: "count", of: (cell) => cell[2] },
        ],
      });
    },
  });
}

/** How much was asked for at once. */
function sizes(total) {
  const powers = [...new Set([...total.reads.sizes, ...total.writes.sizes].map((size) => size.up_to))].sort((a, b) => a - b);
  if (!powers.length) return h("figure", {}, h("figcaption", {}, h("h3", {}, "Sizes of reads and writes")), empty("Nothing was read or written."));
  const of = (list, power) => list.find((size) => size.up_to === power)?.operations || 0;
  const sides = [["READ", total.reads], ["WRITE", total.writes]];
  return figure({
    id: "sizes-chart", title: "Sizes of reads and writes", height: 260, text: "Bytes asked for, up to each power of two.",
    label: "Sizes of reads and writes: " + powers.map((power) => `up to ${bytes(power)} ${of(total.reads.sizes, power)} reads, ${of(total.writes.sizes, power)} writes`).join("; ") + ".",
    option: () => ({
      grid: { ...GRID, bottom: 8 }, legend: legend(sides.map(([name]) => name)), xAxis: axis({ type: "category", data: powers.map(axisBytes), splitLine: { show: false } }),
      yAxis: axis({ type: "value", minInterval: 1 }), tooltip: tooltip((found) => hint("up to " + found[0].name, found.map(({ seriesName, value }) => `${seriesName}: ${count(value)}`)), { trigger: "axis" }),
      series: sides.map(([name, side], at) => ({ name, type: "bar", barMaxWidth: 26, itemStyle: { color: looks()(at).color }, data: powers.map((power) => of(side.sizes, power)) })),
    }),
    table: () => table({
      caption: "Sizes of reads and writes", rows: powers, all: true, columns: [
        { name: "asked for, up to", kind: "bytes", of: (power) => power },
        ...sides.map(([name, side]) => ({ name: name + "s", kind: "count", of: (power) => of(side.sizes, power) })),
      ],
    }),
  });
}

/** Parts of each command's operations as bars side by side. `parts` is [{ name, of, color }]. */
function mix({ id, title, text, rows, parts, label }) {
  return figure({
    id, title, text, label, height: 70 + rows.length * 26,
    option: () => ({
      grid: { ...GRID, bottom: 8 }, legend: legend(parts.map(({ name }) => name)), xAxis: axis({ type: "value", minInterval: 1, axisLabel: { formatter: count } }),
      yAxis: axis({ type: "category", inverse: true, data: rows.map(({ name }) => name), splitLine: { show: false }, axisLabel: { color: style("--text") } }),
      tooltip: tooltip((found) => hint(found[0].name, found.filter(({ value }) => value).map(({ seriesName, value }) => `${seriesName}: ${count(value)}`)), { trigger: "axis", axisPointer: { type: "shadow" } }),
      series: parts.map(({ name, of, color, decal }) => ({
        name, type: "bar", stack: "all", barMaxWidth: 16, data: rows.map(of), itemStyle: { color: color(), decal: decal && { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [2, 3], rotation: -0.8, color: style("--card") } },
      })),
    }),
  });
}
