// Elements, made without markup: whatever stood in the capture is set as text and nothing else.
const data = JSON.parse(document.getElementById("data").textContent);

/** h("td", { class: "number" }, "text", otherElement) */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(visible(String(child))));
  }
  return element;
}

/** Marks that turn the direction of text around, and control characters, are shown and not obeyed. */
function visible(text) {
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (c) => "\\u" + c.charCodeAt(0).toString(16).padStart(4, "0"));
}

/** Tells users of screen readers what has changed. */
function say(text) {
  document.getElementById("said").textContent = text;
}

let identifiers = 0;
function identifier(name) {
  identifiers += 1;
  return name + "-" + identifiers;
}

/** A part of the report with its heading, and its place in the navigation. */
function part(id, title, lead, ...children) {
  const heading = h("h2", { id: id + "-title" }, title);
  const section = h("section", { class: "part", id, "aria-labelledby": id + "-title" }, heading,
    lead && h("p", { class: "lead" }, lead), children);
  document.getElementById("main").append(section);
  document.getElementById("parts").append(h("li", {}, h("a", { href: "#" + id }, title)));
  return section;
}

function empty(text) {
  return h("p", { class: "empty" }, text);
}

function tiles(list) {
  return h("dl", { class: "tiles" }, list.filter(Boolean).map(({ name, text, value, small, tone }) =>
    h("div", { class: "tile" + (tone ? " " + tone : ""), "data-tile": name, "data-value": value },
      h("dd", {}, text, small && h("small", {}, small)), h("dt", {}, name))));
}

/** The head of the page: name, facts, warnings. */
function head(lead, verdict) {
  document.getElementById("main").append(h("div", { class: "head" }, verdict,
    h("h1", {}, data.title), h("p", { class: "lead" }, lead),
    h("dl", { class: "facts" }, data.facts.map((fact) => h("div", {}, h("dt", {}, fact.name), h("dd", {}, fact.value)))),
    data.warnings.map((text) => h("p", { class: "warning" }, text))));
}
