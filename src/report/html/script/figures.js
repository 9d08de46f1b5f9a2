// Numbers as people read them, the same as in the texts that smbreplay prints.
function count(value) {
  return value.toLocaleString("en-US");
}

function counted(value, one, several) {
  return count(value) + " " + (value === 1 ? one : several || one + "s");
}

/** Nanoseconds, with three digits: `870 µs`, `1.24 ms`, `12.4 s`. */
function duration(ns) {
  if (ns < 0) return "-" + duration(-ns);
  if (ns < 1e3) return Math.round(ns) + " ns";
  const [value, unit] = ns < 1e6 ? [ns / 1e3, "µs"] : ns < 1e9 ? [ns / 1e6, "ms"] : [ns / 1e9, "s"];
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0) + " " + unit;
}

/** A whole length of time without needless digits, for axes: `5 ms`, `1.5 s`, `10 min`. */
function shortTime(ns) {
  if (ns < 0) return "-" + shortTime(-ns);
  if (ns === 0) return "0";
  const units = [[86400e9, "d"], [3600e9, "h"], [60e9, "min"], [1e9, "s"], [1e6, "ms"], [1e3, "µs"], [1, "ns"]];
  const [factor, unit] = units.find(([factor]) => ns >= factor * 0.9999) || units[6];
  return Number((ns / factor).toPrecision(4)) + " " + unit;
}

/** Bytes: `512 B`, `1.5 KiB`, `128 KiB`. */
function bytes(value) {
  if (value < 1024) return Number(value.toFixed(value < 10 ? 2 : 0)) + " B";
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let unit = -1;
  do { value /= 1024; unit += 1; } while (value >= 1024 && unit + 1 < units.length);
  return value.toFixed(value < 100 ? 1 : 0) + " " + units[unit];
}

/** Bytes on an axis, which has round numbers: `64 MiB`. */
function axisBytes(value) {
  return bytes(value).replace(/\.0 /, " ");
}

/** The distance of an axis' marks, a power of two, so that there are about four. */
function byteStep(most) {
  return 2 ** Math.max(0, Math.ceil(Math.log2(most / 4)));
}

function percent(part, whole) {
  if (!whole) return "–";
  const value = (part * 100) / whole;
  return (value > 0 && value < 0.1 ? "<0.1" : value > 99.9 && value < 100 ? ">99.9" : value.toFixed(value < 10 ? 1 : 0)) + " %";
}

function rate(value) {
  return value >= 100 ? count(Math.round(value)) : String(Number(value.toPrecision(3)));
}

function sum(list) {
  return list.reduce((total, value) => total + value, 0);
}

/** The greatest of a list of any length; 0 of none. */
function greatest(list) {
  return list.reduce((most, value) => (value > most ? value : most), 0);
}
