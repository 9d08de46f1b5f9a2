// What happened over time: operations, bytes, troubles.

/** Where the charts over time end, all of them at the same point: they are zoomed together. */
function endOf(series, heat) {
  const columns = greatest(heat.commands.flatMap((command) => command.cells.map((cell) => cell[0] + 1)));
  return Math.max(series.begin_ns + series.bytes_read.length * series.width_ns, heat.begin_ns + columns * heat.width_ns, 1);
}

/**
 * Series of counts as bars on top of each other, each as wide as its stretch of time, which bars of the library are not. `per` makes a
 * figure of a count; `selected` says which names are shown, when not all are.
 */
function stacked(series, names, per, look, selected) {
  const width = series.width_ns;
  const tops = series.bytes_read.map(() => 0);
  return names.map(({ name, counts }, at) => {
    const { color } = look(at);
    const shown = !selected || selected[name] !== false;
    return {
      name, type: "custom", clip: true, itemStyle: { color }, encode: { x: 0, y: [2, 3] }, progressive: 4000,
      data: counts.map((number, stretch) => {
        const [value, low] = [per(number), tops[stretch]];
        if (shown) tops[stretch] += value;
        return [series.begin_ns + (stretch + 0.5) * width, value, low, low + value];
      }),
      renderItem: (params, api) => {
        if (!api.value(1)) return null;
        const [begin, top] = api.coord([api.value(0) - width / 2, api.value(3)]);
        const [end, bottom] = api.coord([api.value(0) + width / 2, api.value(2)]);
        // Whole pixels: no seam shows between neighbours.
        const [left, right] = [Math.round(begin), Math.round(end)];
        const gap = right - left > 7 ? 1 : 0;
        return { type: "rect", shape: { x: left, y: top, width: Math.max(right - left - gap, 1), height: Math.max(bottom - top, 0.5) }, style: { fill: color } };
      },
    };
  });
}

/** The most frequent names, and the others as one. */
function few(named, most) {
  const sorted = [...named].sort((a, b) => sum(b.counts) - sum(a.counts));
  const [first, rest] = [sorted.slice(0, most), sorted.slice(most)];
  if (rest.length) first.push({ name: "others", counts: rest[0].counts.map((_, at) => sum(rest.map((one) => one.counts[at]))) });
  return first;
}

function overTime(series, end, names, per, unit, look, more) {
  return {
    grid: TIME_GRID, legend: legend(names.map(({ name }) => name)), dataZoom: zoom(false), xAxis: timeAxis(end),
    yAxis: axis({ type: "value", axisLabel: { formatter: unit } }),
    series: stacked(series, names, per, look), restack: (selected) => stacked(series, names, per, look, selected),
    tooltip: tooltip((found) => {
      const at = found[0].value[0] - series.width_ns / 2;
      const rows = found.filter(({ value }) => value[1] > 0).map(({ seriesName, value }) => seriesName + ": " + unit(value[1]));
      return hint(`${shortTime(at)} – ${shortTime(at + series.width_ns)}`, rows.length ? rows : ["nothing"]);
    }, { trigger: "axis" }),
    ...more,
  };
}

/** When each stretch of time begins, in the figures of a table. */
function stretches(series) {
  return series.bytes_read.map((_, at) => series.begin_ns + at * series.width_ns);
}

function operationsOverTime(series, end) {
  const seconds = series.width_ns / 1e9;
  const names = few(series.commands, 7);
  const totals = series.bytes_read.map((_, at) => sum(series.commands.map(({ counts }) => counts[at])));
  const most = greatest(totals);
  return figure({
    id: "rate-chart", timed: true, title: "Operations a second", height: 300,
    text: `Averaged over stretches of ${shortTime(series.width_ns)}. At most ${rate(most / seconds)} a second.`,
    label: `Operations a second over time, by command; at most ${rate(most / seconds)} a second, ${shortTime(series.begin_ns + totals.indexOf(most) * series.width_ns)} after the beginning.`,
    option: () => overTime(series, end, names, (value) => value / seconds, (value) => rate(value) + "/s", looks()),
    table: () => table({
      caption: "Operations in each stretch of time", rows: stretches(series).map((time, at) => ({ time, at })),
      columns: [
        { name: "from, s", kind: "time", of: (row) => row.time }, { name: "all", kind: "count", of: (row) => totals[row.at] },
        ...series.commands.map(({ name, counts }) => ({ name, kind: "count", of: (row) => counts[row.at] })),
      ],
    }),
  });
}

function bytesOverTime(series, end) {
  const seconds = series.width_ns / 1e9;
  const names = [{ name: "read", counts: series.bytes_read }, { name: "written", counts: series.bytes_written }];
  if (!names.some(({ counts }) => counts.some(Boolean))) {
    return h("figure", {}, h("figcaption", {}, h("h3", {}, "Throughput")), empty("No payload was read or written."));
  }
  const most = names.map(({ counts }) => greatest(counts) / seconds);
  const tallest = greatest(series.bytes_read.map((read, at) => (read + series.bytes_written[at]) / seconds));
  const step = byteStep(tallest);
  return figure({
    id: "throughput-chart", timed: true, title: "Throughput", height: 260,
    text: `Payload of READ and WRITE, counted when they were asked for. At most ${bytes(most[0])}/s read, ${bytes(most[1])}/s written.`,
    label: `Bytes a second over time; at most ${bytes(most[0])} a second read and ${bytes(most[1])} a second written.`,
    option: () => overTime(series, end, names, (value) => value / seconds, (value) => bytes(value) + "/s", looks(), {
      yAxis: axis({ type: "value", interval: step, max: Math.ceil(tallest / step) * step, axisLabel: { formatter: (value) => axisBytes(value) + "/s" } }),
    }),
    table: () => table({
      caption: "Payload bytes in each stretch of time", rows: stretches(series).map((time, at) => ({ time, at })),
      columns: [
        { name: "from, s", kind: "time", of: (row) => row.time }, { name: "read", kind: "bytes", of: (row) => series.bytes_read[row.at] },
        { name: "written", kind: "bytes", of: (row) => series.bytes_written[row.at] },
      ],
    }),
  });
}

/** Errors by status, divergences by class. */
function troublesOverTime(series, end, { title, noun, nothing }) {
  if (!series.troubles.length) {
    return h("figure", {}, h("figcaption", {}, h("h3", {}, title)), empty(nothing));
  }
  const names = few(series.troubles, 7);
  const total = sum(series.troubles.flatMap(({ counts }) => counts));
  return figure({
    id: "troubles-chart", timed: true, title, height: 260, text: `${counted(total, noun)} in stretches of ${shortTime(series.width_ns)}, by the time of the request.`,
    label: `${counted(total, noun)} over time: ${names.map(({ name, counts }) => `${name} ${count(sum(counts))}`).join(", ")}.`,
    option: () => ({ ...overTime(series, end, names, (value) => value, (value) => count(value), looks()), yAxis: axis({ type: "value", minInterval: 1 }) }),
    table: () => table({
      caption: title, rows: stretches(series).map((time, at) => ({ time, at })).filter(({ at }) => series.troubles.some(({ counts }) => counts[at])),
      columns: [
        { name: "from, s", kind: "time", of: (row) => row.time },
        ...series.troubles.map(({ name, counts }) => ({ name, kind: "count", of: (row) => counts[row.at] })),
      ],
    }),
  });
}
