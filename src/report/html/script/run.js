// The page about a replay run.
const VERDICTS = { agreed: ["good", "agreed with the capture"], diverged: ["bad", "diverged from the capture"], interrupted: ["warn", "interrupted"] };

function verdict() {
  const { run, report } = data;
  const [tone, text] = VERDICTS[run.verdict] || ["warn", run.verdict];
  const judged = report.thresholds && report.thresholds.length > 0;
  const failed = judged && run.verdict !== "interrupted" ? (run.failed ? ", failed its thresholds" : ", passed its thresholds") : "";
  return h("p", { class: "verdict " + (run.failed && tone === "good" ? "bad" : tone), id: "verdict" }, text + failed);
}

const DIVERGED = ["status", "data", "length", "info", "missing_response", "timeout", "connection_lost"];

function runPage() {
  const { run, report, series, divergences } = data;
  const { summary } = report;
  const of = (name) => summary.classes[name] || 0;
  const diverged = sum(DIVERGED.map(of));
  const elapsed = summary.elapsed * 1e9;
  const end = endOf(series, data.captured.heat);
  head(`What a replay of ${counted(summary.steps, "step")} against ${run.target} came to.`, verdict());
  const speed = summary.captured_latency && summary.replayed_latency ? summary.replayed_latency.p50_ns / summary.captured_latency.p50_ns : null;
  document.getElementById("main").append(tiles([
    { name: "steps", text: count(summary.steps), value: summary.steps, small: `${count(summary.sent)} sent, ${count(summary.own)} done by the engine` },
    { name: "match", text: count(of("match")), value: of("match"), small: percent(of("match"), summary.steps - summary.own) + " of those compared", tone: "good" },
    { name: "diverged", text: count(diverged), value: diverged, small: summary.noise ? `${count(summary.noise)} more are noise` : "", tone: diverged ? "bad" : "good" },
    { name: "skipped", text: count(of("skipped")), value: of("skipped"), small: counted(summary.root_causes.length, "root cause"), tone: of("skipped") ? "bad" : "" },
    { name: "not replayable", text: count(of("not_replayable")), value: of("not_replayable"), small: of("not_reached") ? `${count(of("not_reached"))} not reached` : "" },
    { name: "rate", text: rate(report.ops_per_second || 0), value: report.ops_per_second, small: "requests a second" },
    { name: "took", text: duration(elapsed), value: summary.elapsed, small: "captured: " + duration(summary.captured_elapsed * 1e9) },
    { name: "median latency", text: summary.replayed_latency ? duration(summary.replayed_latency.p50_ns) : "–", value: summary.replayed_latency?.p50_ns, small: speed ? `captured: ${duration(summary.captured_latency.p50_ns)}` : "" },
  ]));
  targetDifferences(summary.target_differences || []);
  judgement(report);
  diverging(divergences, summary);
  part("operations", "Operations", "How the steps fared, by command. The engine logs in by itself; those steps are left out here.",
    summary.commands.length ? mix({
      id: "mix-chart", title: "Outcome by command", rows: summary.commands.map((command) => ({ name: command.command, command })),
      label: "Steps by command: " + summary.commands.map((command) => `${command.command} ${count(command.matching)} match, ${count(command.diverged)} diverged, ${count(command.skipped)} skipped`).join("; ") + ".",
      parts: [
        { name: "match", color: () => looks()(0).color, of: ({ command }) => command.matching },
        { name: "diverged", color: () => style("--bad"), of: ({ command }) => command.diverged, decal: true },
        { name: "noise", color: () => looks()(4).color, of: ({ command }) => command.noise },
        { name: "skipped", color: () => looks()(7).color, of: ({ command }) => command.skipped },
        { name: "not replayable", color: () => style("--line"), of: ({ command }) => command.not_replayable },
      ],
    }) : empty("No step was replayed."),
    commandTable(summary));
  part("latency", "Latency", "Captured against replayed, for the steps that both servers answered.",
    distributions({ id: "cdf-chart", title: "Distribution of latencies", sides: [{ name: "captured", list: data.captured.distributions }, { name: "replayed", list: data.replayed.distributions }] }),
    heatMap({ id: "heat-chart", title: "Latency over the time of the run", heats: [{ name: "captured", heat: data.captured.heat }, { name: "replayed", heat: data.replayed.heat }], end }));
  if (data.points.total) {
    part("timeline", "Timeline", "Times count from the start of the run.",
      timeline({ points: data.points, span: end, sessionNames: [], trouble: "diverged" }),
      operationsOverTime(series, end), bytesOverTime(series, end),
      troublesOverTime(series, end, { title: "Divergences over time", noun: "divergence", nothing: "No step diverged." }));
  }
  part("files", "Files", "Those with most divergences, then with most steps left out.",
    table({
      id: "step-files", caption: "Files", rows: data.files, empty: "No step names a file.", columns: [
        { name: "file", kind: "name", of: (row) => row.name, mono: true }, { name: "steps", kind: "count", of: (row) => row.steps }, { name: "match", kind: "count", of: (row) => row.matching },
        { name: "diverged", kind: "count", of: (row) => row.diverged, tone: (row) => row.diverged && "bad" }, { name: "noise", kind: "count", of: (row) => row.noise },
        { name: "left out", kind: "count", of: (row) => row.skipped, title: "skipped, not reached, not replayable" },
      ], note: data.file_count > data.files.length && `${count(data.files.length)} of ${counted(data.file_count, "file")}.`,
    }));
  part("ladder", "Ladder", "The messages that the replay of each session began with; frames are those of the capture.", ladder(data.ladder, "steps"));
}

// Reports of older versions say nothing of this.
function targetDifferences(differences) {
  if (!differences.length) return;
  part("target", "Target differs", "What the target negotiated otherwise than the captured server, and what follows from it. Those steps count like all others.",
    table({
      id: "target-differences", caption: "Target differs", rows: differences, all: true, columns: [
        { name: "difference", kind: "name", of: (row) => row.text }, { name: "connections", kind: "count", of: (row) => row.connections },
        { name: "diverged because of it", kind: "count", of: (row) => row.divergences, tone: (row) => row.divergences && "bad" },
        { name: "noise", kind: "count", of: (row) => row.noise }, { name: "skipped", kind: "count", of: (row) => row.skipped },
      ],
    }));
}

function judgement(report) {
  const judged = report.thresholds || [];
  const passes = report.passes || [];
  if (!judged.length && passes.length < 2) return;
  const tone = { passed: "good", failed: "bad", nothing_to_judge: "warn" };
  part("thresholds", "Thresholds", "",
    judged.length ? table({
      id: "threshold-list", caption: "Thresholds", rows: judged, all: true, columns: [
        { name: "threshold", kind: "text", of: (row) => row.expression, mono: true },
        { name: "judgement", kind: "text", of: (row) => String(row.judgement).replaceAll("_", " "), pill: true, tone: (row) => tone[row.judgement] },
        { name: "observed", kind: "name", of: (row) => row.observed },
      ],
    }) : null,
    passes.length > 1 ? table({
      id: "pass-list", title: "Passes", rows: passes,
      columns: Object.keys(passes[0]).map((name) => ({ name: name.replaceAll("_", " "), kind: typeof passes[0][name] === "number" ? "count" : "text", of: (row) => (typeof row[name] === "object" ? JSON.stringify(row[name]) : row[name]) })),
    }) : null);
}

function diverging(divergences, summary) {
  const kinds = [
    { name: "count", kind: "count", of: (row) => row.count }, { name: "command", kind: "text", of: (row) => row.command },
    { name: "class", kind: "text", of: (row) => row.class + (row.noise ? ", noise" : ""), pill: true, tone: (row) => (row.noise ? "warn" : "bad") },
    { name: "what", kind: "name", of: (row) => row.what }, { name: "captured", kind: "name", of: (row) => row.captured, mono: true },
    { name: "observed", kind: "name", of: (row) => row.observed, mono: true }, { name: "first frame", kind: "frame", of: (row) => row.first_frame },
    { name: "first path", kind: "name", of: (row) => row.first_path, mono: true },
  ];
  const causes = [
    { name: "steps skipped for it", kind: "count", of: (row) => row.skipped }, { name: "frame", kind: "frame", of: (row) => row.frame },
    { name: "command", kind: "text", of: (row) => row.command }, { name: "path", kind: "name", of: (row) => row.path, mono: true },
    { name: "class", kind: "text", of: (row) => row.class, pill: true, tone: () => "bad" },
    { name: "captured", kind: "text", of: (row) => row.captured_status, mono: true }, { name: "observed", kind: "text", of: (row) => row.status, mono: true },
  ];
  const each = [
    { name: "frame", kind: "frame", of: (row) => row.frame }, { name: "command", kind: "text", of: (row) => row.command },
    { name: "path", kind: "name", of: (row) => row.path, mono: true }, { name: "class", kind: "text", of: (row) => row.class + (row.noise ? ", noise" : ""), pill: true, tone: (row) => (row.noise ? "warn" : "bad") },
    { name: "what differs", kind: "name", of: (row) => row.differences.map(([subject, was, is]) => `${subject}: ${was} → ${is}`).join("; ") || [row.captured_status, row.status].filter(Boolean).join(" → ") },
    { name: "session", kind: "text", of: (row) => row.session, mono: true },
    ...(divergences.listed.some((row) => row.copy > 1 || row.iteration > 1) ? [{ name: "copy", kind: "frame", of: (row) => row.copy }, { name: "iteration", kind: "frame", of: (row) => row.iteration }] : []),
    { name: "note", kind: "name", of: (row) => row.note },
  ];
  const reasons = Object.entries(summary.not_replayable);
  part("divergences", "Divergences", "Where the server answered differently than the captured one did.",
    table({
      id: "divergence-kinds", title: "By kind", rows: divergences.kinds, columns: kinds, empty: "No step diverged.",
      note: divergences.of_other_kinds ? `${count(divergences.of_other_kinds)} divergences of further kinds are not listed here; results.parquet has them.` : "Numbers within a text are those of the first one of its kind.",
    }),
    summary.root_causes.length ? table({ id: "root-causes", title: "Root causes", rows: summary.root_causes, columns: causes, note: "Steps that others were skipped for: what those needed was not there." }) : null,
    divergences.listed.length ? table({
      id: "divergence-list", title: "One by one", rows: divergences.listed, columns: each,
      note: divergences.total > divergences.listed.length && `The first ${count(divergences.listed.length)} of ${count(divergences.total)}; results.parquet has all.`,
    }) : null,
    reasons.length ? table({
      id: "not-replayable", title: "Not replayable", rows: reasons, all: true,
      columns: [{ name: "reason", kind: "text", of: ([name]) => name.replaceAll("_", " ") }, { name: "steps", kind: "count", of: ([, steps]) => steps }],
    }) : null);
}

function commandTable(summary) {
  const ratio = (row, of) => (row.captured_latency && row.replayed_latency && row.captured_latency[of] ? row.replayed_latency[of] / row.captured_latency[of] : null);
  const side = (name, of, from) => ({ name, kind: "duration", of: (row) => row[from]?.[of] ?? null });
  return table({
    id: "commands", title: "Commands", rows: summary.commands, all: true, empty: "No step was replayed.", columns: [
      { name: "command", kind: "text", of: (row) => row.command }, { name: "steps", kind: "count", of: (row) => row.steps }, { name: "match", kind: "count", of: (row) => row.matching },
      { name: "diverged", kind: "count", of: (row) => row.diverged, tone: (row) => row.diverged && "bad" }, { name: "noise", kind: "count", of: (row) => row.noise },
      { name: "skipped", kind: "count", of: (row) => row.skipped }, { name: "not replayable", kind: "count", of: (row) => row.not_replayable },
      side("captured p50", "p50_ns", "captured_latency"), side("replayed p50", "p50_ns", "replayed_latency"),
      { name: "ratio", kind: "ratio", of: (row) => ratio(row, "p50_ns"), title: "replayed p50 to captured p50; below 1 is faster" },
      side("captured p99", "p99_ns", "captured_latency"), side("replayed p99", "p99_ns", "replayed_latency"), { name: "ratio p99", kind: "ratio", of: (row) => ratio(row, "p99_ns") },
    ],
  });
}
