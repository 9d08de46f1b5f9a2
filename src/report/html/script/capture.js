// The page about a capture.
function latencyColumns(of) {
  return [["p50", "half took no longer"], ["p90", "9 of 10 took no longer"], ["p99", "99 of 100 took no longer"], ["max", "the longest"]]
    .map(([name, title]) => ({ name, title, kind: "duration", of: (row) => of(row)?.[name + "_ns"] ?? null }));
}

function sequentialShare(group) {
  const sequential = group.reads.sequential + group.writes.sequential;
  const whole = sequential + group.reads.random + group.writes.random;
  return whole ? (sequential * 100) / whole : null;
}

function groupColumns(name, mono) {
  return [
    { name, kind: "name", of: (row) => row.key || "-", mono },
    { name: "operations", kind: "count", of: (row) => row.operations },
    { name: "errors", kind: "count", of: (row) => row.errors, tone: (row) => row.errors && "bad" },
    ...latencyColumns((row) => row.latency),
    { name: "depth", kind: "mean", of: (row) => row.queue_depth?.mean ?? null, title: "requests of the session that waited when one was sent, itself included, on average" },
    { name: "read", kind: "bytes", of: (row) => (row.reads.operations ? row.bytes_read : null) },
    { name: "written", kind: "bytes", of: (row) => (row.writes.operations ? row.bytes_written : null) },
    { name: "sequential", kind: "percent", of: sequentialShare, title: "READs and WRITEs that begin where the one before on the same open ended" },
  ];
}

function capturePage() {
  const { statistics, series, sessions } = data;
  const { total } = statistics;
  const span = statistics.span_ns;
  const slowest = statistics.slowest[0];
  const end = endOf(series, data.heat);
  head(`What happened in this capture: ${counted(total.operations, "operation")} in ${counted(data.session_count, "session")}, within ${duration(span)}.`);
  const main = document.getElementById("main");
  main.append(tiles([
    { name: "operations", text: count(total.operations), value: total.operations, small: span > 0 && total.operations > 1 ? rate(total.operations / (span / 1e9)) + " a second" : "" },
    { name: "failed", text: count(total.errors), value: total.errors, small: percent(total.errors, total.operations) + " of all", tone: total.errors ? "bad" : "good" },
    { name: "not answered", text: count(total.operations - total.answered), value: total.operations - total.answered, small: "in the capture" },
    { name: "read", text: bytes(total.bytes_read), value: total.bytes_read, small: counted(total.reads.operations, "READ") },
    { name: "written", text: bytes(total.bytes_written), value: total.bytes_written, small: counted(total.writes.operations, "WRITE") },
    { name: "median latency", text: total.latency ? duration(total.latency.p50_ns) : "–", value: total.latency?.p50_ns, small: total.latency ? "p99 " + duration(total.latency.p99_ns) : "" },
    { name: "slowest", text: slowest ? duration(slowest.latency) : "–", value: slowest?.latency, small: slowest ? slowest.command : "" },
    { name: "files with data", text: count(statistics.working_set.files), value: statistics.working_set.files, small: bytes(statistics.working_set.bytes) + " distinct" },
  ]));

  const names = sessions.map((session) => session.id.replace(/^0x0*/, "0x"));
  if (total.operations === 0) {
    part("operations", "Operations", "", empty("There is no SMB2 operation in this capture."));
    return;
  }
  part("timeline", "Timeline", "Times count from the first packet of the capture.",
    timeline({ points: data.points, span: end, sessionNames: data.session_count > names.length ? [] : names, trouble: "failed" }),
    operationsOverTime(series, end), bytesOverTime(series, end));
  part("latency", "Latency", "From request to final response, as seen where the capture was made.",
    heatMap({ id: "heat-chart", title: "Latency over time", heats: [{ name: "captured", heat: data.heat }], end }),
    distributions({ id: "cdf-chart", title: "Distribution of latencies", sides: [{ name: "captured", list: data.distributions }] }),
    table({
      id: "slowest", title: "Slowest operations", rows: statistics.slowest, empty: "No operation was answered.", columns: [
        { name: "latency", kind: "duration", of: (row) => row.latency }, { name: "frame", kind: "frame", of: (row) => row.frame },
        { name: "command", kind: "text", of: (row) => row.command }, { name: "path", kind: "name", of: (row) => (row.path === "" ? "\\" : row.path), mono: true },
        { name: "session", kind: "text", of: (row) => row.session, mono: true },
      ], note: "CHANGE_NOTIFY is left out, as it waits for a change.",
    }));
  part("errors", "Errors", "Final statuses that are errors.",
    troublesOverTime(series, end, { title: "Errors over time", noun: "error", nothing: "No operation failed in this capture." }),
    table({
      id: "error-kinds", title: "Kinds of errors", rows: statistics.errors, empty: "No operation failed in this capture.", sorted: [0, "descending"], columns: [
        { name: "count", kind: "count", of: (row) => row.count }, { name: "status", kind: "text", of: (row) => row.status, mono: true },
        { name: "command", kind: "text", of: (row) => row.command }, { name: "first frame", kind: "frame", of: (row) => row.first_frame },
      ], note: data.error_kinds > statistics.errors.length && `The ${count(statistics.errors.length)} most frequent of ${count(data.error_kinds)} kinds.`,
    }));
  part("operations", "Operations", "What was asked for, by command.",
    h("div", { class: "pair" }, mix({
      id: "mix-chart", title: "Operation mix", rows: statistics.groups.map((group) => ({ name: group.key, group })),
      label: "Operations by command: " + statistics.groups.map((group) => `${group.key} ${count(group.operations)}`).join(", ") + ".",
      parts: [
        { name: "succeeded or not answered", color: () => looks()(0).color, of: ({ group }) => group.operations - group.errors },
        { name: "failed", color: () => style("--bad"), of: ({ group }) => group.errors, decal: true },
      ],
    }), sizes(total)),
    table({ id: "commands", title: "Commands", rows: statistics.groups, columns: groupColumns("command"), all: true }));
  part("files", "Files", "Those with most bytes moved, then most operations.",
    table({
      id: "top-files", caption: "Files", rows: statistics.top_files, columns: groupColumns("file", true), empty: "No operation names a file.",
      note: `Distinct data: ${bytes(statistics.working_set.bytes_read)} read, ${bytes(statistics.working_set.bytes_written)} written, in ${counted(statistics.working_set.files, "file")}.`,
    }));
  part("sessions", "Sessions", "Who was logged in, and where the time of each session went.",
    table({
      id: "session-list", caption: "Sessions", rows: sessions, columns: [
        { name: "session", kind: "text", of: (row) => row.id, mono: true }, { name: "user", kind: "text", of: (row) => row.who || (row.anonymous ? "anonymous" : row.guest ? "guest" : null) },
        { name: "client", kind: "text", of: (row) => row.client }, { name: "server", kind: "text", of: (row) => row.server },
        { name: "dialect", kind: "text", of: (row) => row.dialect }, { name: "protected", kind: "text", of: (row) => (row.encryption ? "sealed" : row.signing ? "signed" : "no") },
        { name: "operations", kind: "count", of: (row) => row.operations }, { name: "errors", kind: "count", of: (row) => row.failed, tone: (row) => row.failed && "bad" },
        { name: "unpaired", kind: "count", of: (row) => row.unpaired, title: "without their request or their response" },
        { name: "read", kind: "bytes", of: (row) => row.bytes_read }, { name: "written", kind: "bytes", of: (row) => row.bytes_written },
        { name: "span", kind: "duration", of: (row) => row.time?.span_ns ?? null }, { name: "busy", kind: "duration", of: (row) => row.time?.busy_ns ?? null, title: "at least one request waited for its answer" },
        { name: "round trip", kind: "duration", of: (row) => row.time?.round_trip_at_most_ns ?? null, title: "the quickest answer: the way to the server and back takes no longer" },
      ], note: data.session_count > sessions.length && `The ${count(sessions.length)} with most operations, of ${count(data.session_count)}.`,
    }));
  part("ladder", "Ladder", "The messages that sessions begin with. A frame number leads to them in Wireshark.", ladder(data.ladder, "operations"));
}
