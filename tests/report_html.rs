//! `smbreplay report`: the pages, looked at in a real browser. They draw without an error and load nothing, their numbers are those of
//! the dataset, nothing that stood in a capture becomes markup, and people who do not see or use no mouse can use them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in tests, also outside of the test functions"
)]

mod support;

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use smbreplay::model::{Command as Smb2, NtStatus, OperationDigest, SessionEntry, Timestamp};
use smbreplay::report::{CapturePage, PageFacts};
use support::PATIENT_SECONDS;
use support::Samba;
use support::chromium::Chromium;
use support::messages::Messages;
use support::packets::{Conversation, Link, pcap_of};
use support::process::Command;
use support::program::Run;
use tempfile::TempDir;

const WIDE: (u32, u32) = (1400, 1000);

/// A home of one's own.
struct Case {
    folder: TempDir,
}

impl Case {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, args: &[&str]) -> Run {
        let mut command = Command::new(env!("CARGO_BIN_EXE_smbreplay"));
        command.args(args).env_clear().stdin(Stdio::null()).current_dir(self.folder.path());
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("SMBREPLAY_PASSWORD", Samba::PASSWORD).env("SMBREPLAY_MAX_WAIT", PATIENT_SECONDS);
        Run::of(command.output().unwrap())
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(args).ok()).expect("JSON")
    }

    /// A capture in the folder, ingested.
    fn ingest(&self, name: &str, capture: &[u8]) {
        fs::write(self.folder.path().join(name), capture).unwrap();
        self.run(&["ingest", "--no-tshark", name]).ok();
    }

    fn fixture(name: &str) -> Self {
        let case = Self::new();
        let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name).join("capture.pcapng");
        case.ingest("capture.pcapng", &fs::read(capture).unwrap());
        case
    }

    /// Where `report` says that it wrote the page.
    fn report(&self, args: &[&str]) -> PathBuf {
        let said = self.run(&[&["report"], args].concat()).ok();
        let path = self.folder.path().join(said.trim_end());
        assert!(path.is_file(), "{said}");
        path
    }
}

/// Has everything drawn, also what is far below.
fn draw_all(browser: &mut Chromium, width: u32) {
    browser.resize((width, 12_000));
    browser.wait_for("[...document.querySelectorAll('.chart')].every((box) => box.querySelector('canvas'))");
}

/// The rows of a table, each cell as the figure or text that it stands for.
fn rows(browser: &mut Chromium, table: &str) -> Vec<Vec<Value>> {
    browser.evaluate(&format!("document.querySelector('#{table} .more')?.click()"));
    let cells = format!(
        "[...document.querySelectorAll('#{table} tbody tr')].map((row) => [...row.children].map((cell) => {{
           const value = cell.dataset.value;
           return value === undefined ? null : cell.classList.contains('number') ? Number(value) : value;
         }}))"
    );
    serde_json::from_value(browser.evaluate(&cells)).expect("rows")
}

/// What a chart draws; a chart that is not there, since there is nothing to draw, draws 0.
fn sum_of_chart(browser: &mut Chromium, chart: &str, value: &str) -> f64 {
    let sum = format!(
        "(() => {{
           const box = document.getElementById('{chart}');
           const series = box ? echarts.getInstanceByDom(box).getOption().series : [];
           return series.flatMap((series) => series.data).reduce((sum, value) => sum + {value}, 0);
         }})()"
    );
    browser.evaluate(&sum).as_f64().expect("a number")
}

/// Where the page says something else than `stats`.
fn differences_from(statistics: &Value, browser: &mut Chromium) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, shown: Value, expected: Value| {
        if shown != expected {
            found.push(format!("{what}: the page says {shown}, the dataset {expected}"));
        }
    };
    let total = &statistics["total"];
    for (tile, expected) in [
        ("operations", &total["operations"]),
        ("failed", &total["errors"]),
        ("read", &total["bytes_read"]),
        ("written", &total["bytes_written"]),
        ("median latency", &total["latency"]["p50_ns"]),
        ("slowest", &statistics["slowest"][0]["latency"]),
        ("files with data", &statistics["working_set"]["files"]),
    ] {
        let shown =
            browser.evaluate(&format!("Number(document.querySelector('[data-tile=\"{tile}\"]').dataset.value)"));
        compare(tile, shown, expected.clone());
    }
    let group = |group: &Value| {
        let latency = |name: &str| group["latency"][name].clone();
        let moved = |side: &str, bytes: &str| {
            if group[side]["operations"] == json!(0) { Value::Null } else { group[bytes].clone() }
        };
        json!([
            group["key"],
            group["operations"],
            group["errors"],
            latency("p50_ns"),
            latency("p90_ns"),
            latency("p99_ns"),
            latency("max_ns"),
            group["queue_depth"]["mean"],
            moved("reads", "bytes_read"),
            moved("writes", "bytes_written"),
        ])
    };
    for (table, list) in [("commands", &statistics["groups"]), ("top-files", &statistics["top_files"])] {
        let shown: Vec<_> = rows(browser, table).into_iter().map(|row| json!(row[..10])).collect();
        let expected: Vec<_> = list.as_array().unwrap().iter().map(group).collect();
        compare(table, normal(json!(shown)), normal(json!(expected)));
    }
    let shown: Vec<_> = rows(browser, "error-kinds").into_iter().map(|row| json!(row[..3])).collect();
    let errors = statistics["errors"].as_array().unwrap();
    let expected: Vec<_> =
        errors.iter().map(|kind| json!([kind["count"], kind["status"], kind["command"]])).collect();
    compare("errors", json!(shown), json!(expected));
    // The charts count what the tables do.
    let operations = total["operations"].as_f64().unwrap();
    let of_bytes = total["bytes_read"].as_f64().unwrap() + total["bytes_written"].as_f64().unwrap();
    let width = browser.evaluate("JSON.parse(document.getElementById('data').textContent).series.width_ns / 1e9");
    let width = width.as_f64().unwrap();
    let drawn = [
        ("rate-chart", "value[1]", operations / width),
        ("throughput-chart", "value[1]", of_bytes / width),
        ("heat-chart", "value[3]", total["answered"].as_f64().unwrap()),
        ("troubles-chart", "value[1]", total["errors"].as_f64().unwrap()),
        ("mix-chart", "value", operations),
        (
            "sizes-chart",
            "value",
            total["reads"]["operations"].as_f64().unwrap() + total["writes"]["operations"].as_f64().unwrap(),
        ),
    ];
    for (chart, value, expected) in drawn {
        let shown = sum_of_chart(browser, chart, value);
        // Rates are fractions, and their sum is not exact.
        let near = (shown - expected).abs() <= expected * 1e-9;
        compare(chart, json!(if near { expected } else { shown }), json!(expected));
    }
    let ends = browser.evaluate(
        "echarts.getInstanceByDom(document.getElementById('cdf-chart')).getOption().series.every((one) => one.data.at(-1)[1] === 100)",
    );
    compare("cdf-chart", ends, json!(true));
    found
}

/// Numbers without what is lost on their way through JavaScript and JSON: the difference of integers, the last digits.
fn normal(value: Value) -> Value {
    match value {
        Value::Array(list) => list.into_iter().map(normal).collect(),
        Value::Number(number) => json!(number.as_f64().map(|number| format!("{number:.9e}"))),
        other => other,
    }
}

#[test]
fn a_page_about_a_capture_shows_what_stats_says_and_can_be_used_without_mouse_and_sight() {
    let case = Case::fixture("quickstart");
    let page = case.report(&[]);
    assert_eq!(page, case.folder.path().join("./.tracer/capture.pcapng/report.html"));
    let Some(mut browser) = Chromium::start() else { return };
    browser.open(&page, WIDE, "light");
    draw_all(&mut browser, WIDE.0);
    let statistics = case.json(&["stats", "--top", "50", "--slowest", "50", "--format", "json"]);
    assert_eq!(differences_from(&statistics, &mut browser), Vec::<String>::new());
    // As text, the figures are those that the terminal shows.
    let texts = browser.evaluate("[...document.querySelectorAll('#commands tbody tr')].map((row) => [...row.children].slice(0, 7).map((cell) => cell.textContent).join('|'))");
    let terminal = case.run(&["stats", "--by", "command"]).ok();
    for (shown, line) in texts.as_array().unwrap().iter().zip(terminal.lines().skip(1)) {
        let columns: Vec<_> = line.split("  ").map(str::trim).filter(|text| !text.is_empty()).collect();
        assert_eq!(shown.as_str().unwrap(), columns[..7].join("|"));
    }
    // Each chart has something on it.
    let blank = browser.evaluate(
        "[...document.querySelectorAll('.chart canvas')].filter((canvas) => {
           const points = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
           return points.filter((value, at) => at % 4 === 3 && value > 0).length < 500;
         }).length",
    );
    assert_eq!(blank, json!(0));
    // A heading sorts by the keyboard.
    let heading = "#commands thead th:nth-child(2)";
    browser.evaluate(&format!("document.querySelector('{heading} button').focus()"));
    for (way, ascending) in [("descending", false), ("ascending", true)] {
        browser.press("Enter", "\r");
        browser.wait_for(&format!("document.querySelector('{heading}').getAttribute('aria-sort') === '{way}'"));
        let counts: Vec<_> = rows(&mut browser, "commands").iter().map(|row| row[1].as_u64().unwrap()).collect();
        assert!(
            counts.windows(2).all(|pair| pair[0] == pair[1] || (pair[0] < pair[1]) == ascending),
            "{way}: {counts:?}"
        );
        assert!(browser.evaluate("document.getElementById('said').textContent").as_str().unwrap().contains(way));
    }
    // A search leaves the rows that fit.
    browser.evaluate("{ const search = document.querySelector('#slowest input'); search.value = 'negotiate'; search.dispatchEvent(new Event('input')); }");
    assert_eq!(rows(&mut browser, "slowest").len(), 1);
    // Other choices of charts draw too, and say what they show.
    let said = browser.evaluate(
        "[...document.querySelectorAll('figure select')].flatMap((select) => [...select.options].map((option) => {
           select.value = option.value;
           select.dispatchEvent(new Event('change'));
           return select.closest('figure').querySelector('.chart').getAttribute('aria-label');
         })).filter((label) => !label || label.length < 20 || /undefined|NaN/.test(label)).length",
    );
    assert_eq!(said, json!(0));
    // The figures of charts open as tables.
    let tables = browser.evaluate(
        "[...document.querySelectorAll('details')].map((details) => { details.open = true; return details; }).length",
    );
    browser.wait_for("[...document.querySelectorAll('details')].every((details) => details.querySelector('table'))");
    assert!(tables.as_u64().unwrap() >= 5);
    assert_eq!(browser.nameless(), Vec::<String>::new());
    let structure = browser.evaluate(
        "[document.querySelectorAll('h1').length, document.querySelectorAll('main, header, footer, nav[aria-label]').length,
          document.querySelectorAll('table:not(:has(caption)), thead th:not([scope=col]), tbody th:not([scope=row]), thead th:not([aria-sort])').length]",
    );
    assert_eq!(structure, json!([1, 4, 0]));
    // Colours: by the button, by the system, and readable in both.
    for theme in ["light", "dark"] {
        browser.wait_for(&format!("document.documentElement.dataset.theme === '{theme}'"));
        assert_eq!(faint_texts(&mut browser), json!([]), "{theme}");
        browser.evaluate("document.getElementById('theme').click()");
    }
    browser.open(&page, (400, 800), "dark");
    browser.wait_for(
        "document.documentElement.dataset.theme === 'dark' && document.documentElement.dataset.ready === 'true'",
    );
    draw_all(&mut browser, 400);
    assert_eq!(
        browser.evaluate("document.documentElement.scrollWidth"),
        json!(400),
        "nothing sticks out of a narrow window"
    );
    assert_eq!((browser.problems(), browser.loaded()), (Vec::new(), 1));
}

/// Texts whose contrast with what is behind them is less than WCAG 2.1 asks for.
fn faint_texts(browser: &mut Chromium) -> Value {
    browser.evaluate(
        "(() => {
           const light = (color) => {
             const [r, g, b] = color.match(/[\\d.]+/g).map(Number).map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
             return 0.2126 * r + 0.7152 * g + 0.0722 * b;
           };
           const ground = (element) => {
             for (let at = element; at; at = at.parentElement) {
               const color = getComputedStyle(at).backgroundColor;
               if (!/, 0\\)$/.test(color)) return color;
             }
             return 'rgb(255, 255, 255)';
           };
           const contrast = (element) => {
             const [a, b] = [light(getComputedStyle(element).color), light(ground(element))].sort((a, b) => b - a);
             return (a + 0.05) / (b + 0.05);
           };
           return [...new Set([...document.querySelectorAll('main *, header *, footer *')]
             .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) && contrast(element) < 4.5)
             .map((element) => element.tagName + '.' + element.className))];
         })()",
    )
}

#[test]
fn names_from_a_capture_are_text_whatever_they_are() {
    let evil = "</script><img src=x onerror=window.pwned=1>{{data}}<!--\u{202e}";
    let mut segments = Vec::new();
    let mut conversation = Conversation::open("192.0.2.1:50000", "192.0.2.9:445", &mut segments);
    let mut messages = Messages::default();
    let mut said = vec![messages.negotiate(0x0302, [7; 16]), messages.session_setup(false, false, 0x77)];
    said.push(messages.tree_connect("\\\\<b>srv\\\"><svg onload=window.pwned=2>", 5));
    said.push(messages.failing_create(evil));
    for [request, response] in &said {
        conversation.message(true, request, &mut segments);
        conversation.message(false, response, &mut segments);
    }
    let case = Case::new();
    let name = "<img src=x onerror=window.pwned=3>&amp;.pcap";
    case.ingest(name, &pcap_of(Link::Ethernet, &segments));
    let page = case.report(&[]);
    let Some(mut browser) = Chromium::start() else { return };
    browser.open(&page, WIDE, "light");
    draw_all(&mut browser, WIDE.0);
    assert_eq!(browser.evaluate("document.querySelector('h1').textContent"), json!(name));
    assert_eq!(browser.evaluate("document.title"), json!(format!("{name} · smbreplay")));
    let shown = browser.evaluate("document.querySelector('#top-files tbody th').dataset.value");
    assert!(shown.as_str().unwrap().ends_with(evil), "{shown}");
    // A mark that turns text around is shown and not obeyed.
    let ladder = browser.evaluate("document.querySelector('.ladder').textContent");
    assert!(ladder.as_str().unwrap().contains("onerror=window.pwned=1>{{data}}<!--\\u202e"), "{ladder}");
    assert_eq!(browser.evaluate("[typeof window.pwned, document.querySelectorAll('main img, main svg, main script, main b:not([class]) b').length]"), json!(["undefined", 0]));
    assert_eq!((browser.problems(), browser.loaded()), (Vec::new(), 1));
    // The policy stops what would get through all the same.
    browser.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=x onerror=window.pwned=4>')",
    );
    browser.wait_for("document.querySelector('main img').complete");
    assert!(!browser.problems().is_empty());
    assert_eq!(browser.evaluate("typeof window.pwned"), json!("undefined"));
}

#[test]
fn what_these_tests_look_for_is_found_where_it_is() {
    let case = Case::fixture("errors");
    let page = fs::read_to_string(case.report(&["-o", "page.html"])).unwrap();
    let Some(mut browser) = Chromium::start() else { return };
    let statistics = case.json(&["stats", "--top", "50", "--slowest", "50", "--format", "json"]);
    let mut look = |name: &str, page: &str| {
        let path = case.folder.path().join(name);
        fs::write(&path, page).unwrap();
        browser.open(&path, WIDE, "light");
        draw_all(&mut browser, WIDE.0);
        (differences_from(&statistics, &mut browser), browser.problems())
    };
    assert_eq!(look("good.html", &page), (Vec::new(), Vec::new()));
    let doctored = |old: &str, new: &str| {
        assert!(page.contains(old), "{old}");
        page.replacen(old, new, 1)
    };
    // A number that is not that of the dataset.
    let counted = format!(
        "\"key\":\"CREATE\",\"operations\":{}",
        statistics["groups"].as_array().unwrap().iter().find(|group| group["key"] == "CREATE").unwrap()["operations"]
    );
    let (found, _) = look("number.html", &doctored(&counted, "\"key\":\"CREATE\",\"operations\":7"));
    assert!(found.iter().any(|text| text.starts_with("commands:")), "{found:?}");
    // A request to somewhere: refused by the policy, and seen where there is none.
    let image = "<img src=\"http://127.0.0.1:9/x.png\"></footer>";
    let (_, found) = look("image.html", &doctored("</footer>", image));
    assert!(found.iter().any(|text| text.contains("Content Security Policy")), "{found:?}");
    let open = doctored("http-equiv=\"Content-Security-Policy\"", "name=\"nothing\"").replacen("</footer>", image, 1);
    let (_, found) = look("open.html", &open);
    assert!(found.iter().any(|text| text == "http://127.0.0.1:9/x.png"), "{found:?}");
    // A message on the console.
    let (_, found) = look("console.html", &open.replacen(image, "</footer><script>console.error('oh')</script>", 1));
    assert!(found.iter().any(|text| text.contains("oh")), "{found:?}");
}

#[test]
fn a_hundred_thousand_operations_make_a_small_page_and_more_are_thinned_which_is_said() {
    let page_of = |operations: u64| {
        let mut page = CapturePage::new(Timestamp(1_700_000_000_000_000_000));
        page.begin_session(
            &SessionEntry { id: "0x0000000000000001".into(), operations, ..SessionEntry::default() },
            "alice",
        );
        let paths: Vec<_> = (0..500).map(|number| format!("projects\\part{number}\\file{number}.dat")).collect();
        let kinds = [Smb2::Create, Smb2::Read, Smb2::Write, Smb2::QueryInfo, Smb2::Close];
        for number in 0..operations {
            let sent = 1_700_000_000_000_000_000 + number as i64 * 187_431;
            let latency = 20_000 + (number * 7_919 % 9_973).pow(2) as i64;
            page.add(&OperationDigest {
                command: kinds[(number % 5) as usize],
                client: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
                request: Some((2 * number + 1, Timestamp(sent))),
                response: Some((2 * number + 2, Timestamp(sent + latency))),
                status: Some(if number % 97 == 0 { NtStatus::ACCESS_DENIED } else { NtStatus::SUCCESS }),
                share: Some("\\\\srv\\data"),
                path: Some(&paths[(number / 5 % 500) as usize]),
                file_id: None,
                offset: Some(4096 * (number % 64)),
                length: Some(4096),
                bytes: Some(4096),
            });
        }
        page.finish(&PageFacts::new("large")).unwrap()
    };
    let whole = page_of(100_000);
    assert!(whole.len() < 5_000_000, "{}", whole.len());
    let thinned = page_of(100_001);
    assert!(thinned.len() < whole.len());
    let Some(mut browser) = Chromium::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut look = |page: &str| {
        let path = folder.path().join("page.html");
        fs::write(&path, page).unwrap();
        browser.open(&path, WIDE, "light");
        draw_all(&mut browser, WIDE.0);
        let drawn = sum_of_chart(&mut browser, "timeline-chart", "(value[3] === undefined ? 1 : 0)");
        let marked = browser.evaluate("echarts.getInstanceByDom(document.getElementById('timeline-chart')).getOption().series.at(-1).data.length");
        let text = browser.evaluate("document.getElementById('timeline-chart').closest('figure').textContent");
        let counted = browser.evaluate("document.querySelector('[data-tile=operations]').dataset.value");
        assert_eq!(browser.problems(), Vec::<String>::new());
        (drawn - marked.as_f64().unwrap(), text.as_str().unwrap().to_owned(), counted)
    };
    let (drawn, text, counted) = look(&whole);
    assert_eq!((drawn, counted), (100_000.0, json!("100000")));
    assert!(text.contains("All 100,000 operations are drawn"), "{text}");
    let (drawn, text, counted) = look(&thinned);
    assert_eq!((drawn, counted), (50_001.0, json!("100001")));
    assert!(text.contains("Reduced: one operation in 2 is drawn, 50,001 of 100,001"), "{text}");
}

#[test]
fn a_page_about_a_replay_shows_what_its_report_says() {
    let samba = Samba::start(&[]);
    let case = Case::fixture("quickstart");
    samba.prepare("quickstart", "testshare");
    // What the captured server had is not what this one has.
    samba.put("testshare", "hello.txt", "something else");
    let port = samba.port().to_string();
    let target = ["--server-ip", "127.0.0.1", "--port", &port, "--username", Samba::USER, "--tree-name", "testshare"];
    let thresholds = ["--fail-on", "diverged>0", "--fail-on", "p99>60s"];
    let run = case.run(&[&["replay", "1", "--yes", "--format", "json"][..], &target, &thresholds].concat());
    assert!([0, 1].contains(&run.status), "{}", run.stderr);
    let report: Value = run.json();
    let folder = fs::read_dir(case.folder.path().join(".tracer/capture.pcapng/replays"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let written = fs::read_to_string(folder.join("report.html")).unwrap();
    assert_eq!(
        case.report(&["--run", "last"]).canonicalize().unwrap(),
        folder.join("report.html").canonicalize().unwrap()
    );
    assert_eq!(fs::read_to_string(folder.join("report.html")).unwrap(), written, "the same page again");
    let Some(mut browser) = Chromium::start() else { return };
    browser.open(&folder.join("report.html"), WIDE, "dark");
    draw_all(&mut browser, WIDE.0);
    let summary = &report["summary"];
    let class = |name: &str| summary["classes"][name].as_u64().unwrap();
    let names = ["status", "data", "length", "info", "missing_response", "timeout", "connection_lost"];
    let diverged: u64 = names.into_iter().map(class).sum();
    for (tile, expected) in [
        ("steps", summary["steps"].as_u64().unwrap()),
        ("match", class("match")),
        ("diverged", diverged),
        ("skipped", class("skipped")),
        ("not replayable", class("not_replayable")),
        ("median latency", summary["replayed_latency"]["p50_ns"].as_u64().unwrap()),
    ] {
        let shown =
            browser.evaluate(&format!("Number(document.querySelector('[data-tile=\"{tile}\"]').dataset.value)"));
        assert_eq!(shown, json!(expected), "{tile}");
    }
    let commands: Vec<_> = rows(&mut browser, "commands").into_iter().map(|row| normal(json!(row[..10]))).collect();
    let expected = summary["commands"].as_array().unwrap().iter().map(|command| {
        let p50 = |side: &str| command[side]["p50_ns"].clone();
        let ratio =
            p50("replayed_latency").as_f64().zip(p50("captured_latency").as_f64()).map(|(now, then)| now / then);
        let counts = ["command", "steps", "matching", "diverged", "noise", "skipped", "not_replayable"]
            .map(|name| command[name].clone());
        let latencies = [p50("captured_latency"), p50("replayed_latency"), json!(ratio)];
        normal(json!([&counts[..], &latencies].concat()))
    });
    assert_eq!(commands, expected.collect::<Vec<_>>());
    let listed = report["divergences"].as_array().unwrap();
    let shown = browser.evaluate("JSON.parse(document.getElementById('data').textContent).divergences.total");
    assert_eq!(shown, json!(listed.len()));
    let verdict = browser.evaluate("document.getElementById('verdict').textContent");
    assert!(verdict.as_str().unwrap().starts_with(report["verdict"].as_str().unwrap()), "{verdict}");
    assert_eq!(rows(&mut browser, "threshold-list").len(), 2);
    // Both sides have the latencies that the summary counts.
    for (side, count) in [("captured", "captured_latency"), ("replayed", "replayed_latency")] {
        let counted = browser.evaluate(&format!(
            "JSON.parse(document.getElementById('data').textContent).{side}.distributions[0].count"
        ));
        assert_eq!(counted, summary[count]["count"], "{side}");
    }
    assert!(sum_of_chart(&mut browser, "heat-chart", "value[3]") > 0.0);
    assert_eq!(browser.nameless(), Vec::<String>::new());
    assert_eq!(faint_texts(&mut browser), json!([]));
    assert_eq!((browser.problems(), browser.loaded()), (Vec::new(), 1));
}

#[test]
fn a_page_goes_where_it_is_asked_to_and_errors_say_what_to_do() {
    let case = Case::fixture("many-sessions");
    let page = case.run(&["report", "-o", "-"]).ok();
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    let one = case.report(&["1"]);
    let id = case.json(&["session", "--list", "--format", "json"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(one.file_name().unwrap().to_str().unwrap(), format!("smb2_session_{id}.html"));
    case.run(&["report", "-o", "no/such/folder/x.html"]).fails(3, &["no/such/folder/x.html", "-o FILE"]);
    case.run(&["report", "--run", "last"]).fails(2, &["no run last"]);
    case.run(&["report", "99"]).fails(2, &["99"]);
}
