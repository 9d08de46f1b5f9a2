// Who said what to whom, message by message, with the frames to look them up.
const MESSAGES_AT_ONCE = 120;

/** The messages of a session in the order of their times. */
function messagesOf(session) {
  const messages = [];
  for (const rung of session.rungs) {
    if (rung.request) messages.push({ rung, out: true, frame: rung.request[0], time: rung.request[1] });
    if (rung.response) messages.push({ rung, out: false, frame: rung.response[0], time: rung.response[1] });
  }
  return messages.map((message, at) => [message, at]).sort(([a, i], [b, j]) => a.time - b.time || i - j).map(([message]) => message);
}

function messageText({ rung, out }) {
  if (out) {
    const range = rung.range && `, ${bytes(rung.range[1])} at ${count(rung.range[0])}`;
    return [h("b", {}, rung.command), " ", rung.path, range && h("small", {}, range)];
  }
  const latency = rung.request && rung.response && h("small", {}, " after " + duration(rung.response[1] - rung.request[1]).replace(" ", "\u00a0"));
  const captured = rung.captured_status && h("small", {}, `, captured: ${rung.captured_status}`);
  const differs = rung.class && rung.class !== "match" && h("small", {}, `, ${rung.class}`);
  return [h("small", {}, rung.command + " "), h("b", {}, rung.status || "no status"), captured, differs, latency];
}

function ladder({ sessions, left_out: leftOut }, noun) {
  const box = h("div", {});
  if (!sessions.some(({ rungs }) => rungs.length)) return empty("There is nothing to show.");
  const list = h("ol", { class: "ladder", tabindex: "0", "aria-label": "Messages of the session, in their order" });
  const ends = h("div", { class: "ends", "aria-hidden": "true" });
  const note = h("p", { class: "note" });
  const more = h("button", { type: "button", class: "more", onclick: () => show(true) }, "Show more messages");
  let [session, messages, shown] = [null, [], 0];

  function show(further) {
    if (!further) list.replaceChildren();
    const next = messages.slice(shown, shown + MESSAGES_AT_ONCE);
    shown += next.length;
    list.append(...next.map((message) => h("li", {},
      h("span", { class: "when" }, (message.time / 1e9).toFixed(6)), h("span", { class: "frame" }, message.frame === null ? "" : "frame " + message.frame),
      h("span", { class: `arrow ${message.out ? "out" : "in"}${!message.out && message.rung.failed ? " failed" : ""}` },
        h("span", { class: "unseen" }, message.out ? "request " : "answer "), messageText(message)))));
    more.hidden = shown >= messages.length;
    const kept = session.rungs.length < session.operations ? `the first ${count(session.rungs.length)} of ${count(session.operations)} ${noun}` : `all ${count(session.operations)} ${noun}`;
    note.textContent = `${count(shown)} of ${counted(messages.length, "message")} of ${kept} of this session.`
      + (leftOut ? ` ${counted(leftOut, "session is", "sessions are")} left out here.` : "");
  }
  function choose(at) {
    session = sessions[at];
    messages = messagesOf(session);
    shown = 0;
    ends.replaceChildren(h("span", {}, "time, s"), h("span", {}, "frame"), h("span", {}, h("b", {}, session.client), h("b", {}, session.server)));
    show(false);
  }
  if (sessions.length > 1) {
    box.append(h("p", { class: "tools" }, h("label", {}, "Session ", h("select", { onchange: (event) => choose(Number(event.target.value)) },
      sessions.map((one, at) => h("option", { value: at }, `${at + 1}: ${one.id}, ${one.client}, ${counted(one.operations, noun.replace(/s$/, ""))}`))))));
  }
  box.append(ends, list, note, more);
  choose(0);
  return box;
}
