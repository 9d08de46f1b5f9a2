// Tables that sort by their headings and can be searched. Figures stand in `data-value` as they are.
const SHOWN_AT_FIRST = 15;
/** Beyond twice as many, rows come by so many at once: a browser takes long for tens of thousands. */
const SHOWN_FURTHER = 1000;

const KINDS = {
  text: { show: (value) => value },
  name: { show: (value) => value, wide: true },
  count: { show: count, number: true },
  duration: { show: duration, number: true },
  bytes: { show: bytes, number: true },
  frame: { show: (value) => String(value), number: true },
  time: { show: (value) => (value / 1e9).toFixed(6), number: true },
  mean: { show: (value) => value.toFixed(1), number: true },
  ratio: { show: (value) => value.toFixed(2) + "×", number: true },
  percent: { show: (value) => value.toFixed(value < 10 ? 1 : 0) + " %", number: true },
};

/**
 * table({ id, title, columns: [{ name, kind, of, tone, title }], rows, empty, sorted: [column, "descending"], note })
 * `of` gives the value of a row; null is shown as a dash and sorts last.
 */
function table({ id, title, columns, rows, empty: nothing, sorted, note, caption, all }) {
  const box = h("div", { class: "tabled", id });
  if (rows.length === 0) {
    box.append(title ? h("h3", {}, title) : "", empty(nothing || "There are none."));
    return box;
  }
  let order = sorted || [-1, "none"];
  let shown = all ? Infinity : SHOWN_AT_FIRST;
  let wanted = "";
  const body = h("tbody", {});
  const headings = columns.map((column, at) => {
    const kind = KINDS[column.kind];
    const button = h("button", { type: "button", title: column.title, onclick: () => sortBy(at) }, column.name);
    return h("th", { scope: "col", class: kind.number ? "number" : undefined, "aria-sort": "none" }, button);
  });
  const more = h("button", { type: "button", class: "more", onclick: () => { shown = left() > 2 * SHOWN_FURTHER ? shown + SHOWN_FURTHER : Infinity; fill(); } });
  const note_ = h("p", { class: "note" }, note);

  function left() {
    return chosen().length - shown;
  }
  function value(row, column) {
    const found = column.of(row);
    return found === undefined || found === "" ? null : found;
  }
  function sortBy(at) {
    const first = KINDS[columns[at].kind].number ? "descending" : "ascending";
    const other = first === "descending" ? "ascending" : "descending";
    order = [at, order[0] === at && order[1] === first ? other : first];
    fill();
    say("sorted by " + columns[at].name + ", " + order[1]);
  }
  function chosen() {
    let list = rows;
    if (wanted) {
      list = list.filter((row) => columns.some((column) => String(value(row, column) ?? "").toLowerCase().includes(wanted)));
    }
    if (order[0] >= 0) {
      const column = columns[order[0]];
      const way = order[1] === "ascending" ? 1 : -1;
      const text = !KINDS[column.kind].number;
      list = list.map((row) => [value(row, column), row]).sort(([a], [b]) => {
        if (a === null || b === null) return (a === null) - (b === null);
        return way * (text ? String(a).localeCompare(String(b), "en", { numeric: true }) : a - b);
      }).map(([, row]) => row);
    }
    return list;
  }
  function cell(row, column, at) {
    const kind = KINDS[column.kind];
    const found = value(row, column);
    const classes = [kind.number && "number", kind.wide && "wide", found === null && "none", column.mono && "mono"];
    const shownAs = found === null ? "–" : kind.show(found);
    const tone = found !== null && column.tone && column.tone(row);
    // Long names break behind their separators first.
    const broken = () => String(shownAs).split(/(?<=[_\\/])/).flatMap((piece) => [piece, h("wbr", {})]);
    const content = kind.wide && found !== null && !tone ? broken()
      : column.pill && found !== null ? h("span", { class: "pill " + (tone || "") }, shownAs)
      : tone ? h("span", { class: tone === "bad" ? "bad-text" : tone }, shownAs) : shownAs;
    return h(at === 0 ? "th" : "td", {
      scope: at === 0 ? "row" : undefined,
      class: classes.filter(Boolean).join(" ") || undefined,
      "data-value": found === null ? undefined : found,
    }, content);
  }
  function fill() {
    const list = chosen();
    headings.forEach((heading, at) => heading.setAttribute("aria-sort", order[0] === at ? order[1] : "none"));
    body.replaceChildren(...list.slice(0, shown).map((row) => h("tr", {}, columns.map((column, at) => cell(row, column, at)))));
    if (list.length === 0) body.append(h("tr", {}, h("td", { colspan: columns.length, class: "none" }, "Nothing fits.")));
    more.hidden = list.length <= shown;
    const further = list.length - shown > 2 * SHOWN_FURTHER;
    more.textContent = further ? `Show ${count(SHOWN_FURTHER)} more of ${count(list.length)}` : "Show all " + count(list.length);
  }

  const search = rows.length > SHOWN_AT_FIRST && !all && h("input", {
    type: "search", placeholder: "Search " + count(rows.length) + " rows", "aria-label": "Search in " + (title || caption),
    oninput: (event) => { wanted = event.target.value.trim().toLowerCase(); fill(); },
  });
  if (title || search) box.append(h("div", { class: "tools" }, title && h("h3", {}, title), search || null));
  box.append(h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": title || caption },
    h("table", {}, h("caption", { class: "unseen" }, caption || title), h("thead", {}, h("tr", {}, headings)), body)));
  box.append(h("p", { class: "note" }, more));
  if (note) box.append(note_);
  fill();
  return box;
}
