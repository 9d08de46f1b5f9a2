//! A headless Chromium, spoken to in the DevTools protocol over pipes: no port, no network, nothing in between.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Child, Command};
use super::skips::skipped;

/// Longer than anything takes on a machine under load.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with one page.
pub(crate) struct Chromium {
    browser: Child,
    orders: Option<ChildStdin>,
    messages: Receiver<Value>,
    last_id: u64,
    session: String,
    events: Vec<Value>,
    /// Its profile, and what it says on stderr.
    folder: TempDir,
}

impl Chromium {
    /// None, after saying so, on a machine without Chromium that is no CI.
    #[track_caller]
    pub(crate) fn start() -> Option<Self> {
        let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
        let Some(program) = names.into_iter().find_map(|name| which::which(name).ok()) else {
            assert!(std::env::var_os("CI").is_none(), "the tests need chromium: scripts/install-deps.sh --test");
            skipped("there is no chromium here; scripts/install-deps.sh --test installs it");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("smbreplay-chromium-").tempdir().expect("a folder");
        let said = std::fs::File::create(folder.path().join("stderr")).expect("a file");
        // DevTools are on 3 and 4; the shell puts the pipes there and becomes the browser.
        let mut browser = Command::new("sh")
            .args(["-c", "exec \"$@\" 3<&0 4>&1 0</dev/null 1>&2", "sh"])
            .arg(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"])
            .args([
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ])
            .args(["--disable-breakpad", "--hide-scrollbars", "--remote-debugging-pipe", "--lang=en-US"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .env("HOME", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(said)
            .spawn()
            .expect("sh runs");
        let orders = browser.stdin.take();
        let stdout = browser.stdout.take().expect("a pipe");
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(stdout).split(0) {
                let Ok(Ok(message)) = message.map(|message| serde_json::from_slice(&message)) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let session = String::new();
        let mut chromium = Self { browser, orders, messages, last_id: 0, session, events: Vec::new(), folder };
        let target = chromium.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = chromium.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        chromium.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            chromium.call(&format!("{domain}.enable"), json!({}));
        }
        Some(chromium)
    }

    /// Gives an order and waits for its result.
    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        self.last_id += 1;
        let mut order = json!({ "id": self.last_id, "method": method, "params": params });
        if !self.session.is_empty() {
            order["sessionId"] = json!(self.session);
        }
        let mut bytes = order.to_string().into_bytes();
        bytes.push(0);
        let orders = self.orders.as_mut().expect("it runs");
        let written = orders.write_all(&bytes).and_then(|()| orders.flush());
        assert!(written.is_ok(), "chromium is gone: {}", self.said());
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(message) = self.messages.recv_timeout(left) else {
                panic!("chromium does not answer {method}: {}", self.said());
            };
            match message["id"].as_u64() {
                Some(id) if id == self.last_id => {
                    assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                    return message["result"].clone();
                }
                _ => self.events.push(message),
            }
        }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }

    /// Opens a file in a window of this size, and waits until its script has said that it is ready; a page that is broken never
    /// says so, and is waited for only as long as it loads.
    pub(crate) fn open(&mut self, page: &Path, size: (u32, u32), scheme: &str) {
        self.events.clear();
        self.resize(size);
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", features);
        let url = format!("file://{}", percent_encoded(&page.display().to_string()));
        self.call("Page.navigate", json!({ "url": url }));
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'");
    }

    pub(crate) fn resize(&mut self, (width, height): (u32, u32)) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let params = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let result = self.call("Runtime.evaluate", params);
        let thrown = &result["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {thrown}");
        result["result"]["value"].clone()
    }

    pub(crate) fn wait_for(&mut self, condition: &str) {
        let begun = Instant::now();
        while self.evaluate(condition) != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "this never came true: {condition}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key, as on a keyboard.
    pub(crate) fn press(&mut self, key: &str, text: &str) {
        let code = match key {
            "Enter" => 13,
            "Tab" => 9,
            _ => 0,
        };
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code });
            if kind == "keyDown" {
                event["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Whatever was wrong since the page was opened: exceptions, messages on the console, refusals of its policy, and anything that
    /// was to be loaded beside the page itself.
    pub(crate) fn problems(&mut self) -> Vec<String> {
        // What was said before this answer is here when the answer is.
        self.evaluate("1");
        let loads = |event: &Value| {
            let url = event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned();
            (!url.starts_with("file://") && !url.starts_with("data:")).then_some(url)
        };
        let problem = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown"
            | "Runtime.consoleAPICalled"
            | "Log.entryAdded"
            | "Page.javascriptDialogOpening" => Some(event["params"].to_string()),
            "Network.requestWillBeSent" => loads(event),
            "Network.webSocketCreated" => Some(event["params"].to_string()),
            _ => None,
        };
        self.events.iter().filter_map(problem).collect()
    }

    /// Files that were loaded, the page itself among them.
    pub(crate) fn loaded(&self) -> usize {
        self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent").count()
    }

    /// What users of screen readers meet that has no name, by role.
    pub(crate) fn nameless(&mut self) -> Vec<String> {
        const NAMED: [&str; 10] =
            ["button", "link", "image", "img", "table", "combobox", "searchbox", "navigation", "region", "heading"];
        let tree = self.call("Accessibility.getFullAXTree", json!({}));
        let nodes = tree["nodes"].as_array().expect("nodes").iter().filter(|node| node["ignored"] == json!(false));
        let role = |node: &Value| node["role"]["value"].as_str().unwrap_or_default().to_owned();
        let named = |node: &&Value| !node["name"]["value"].as_str().unwrap_or_default().trim().is_empty();
        let wanted: Vec<_> = nodes.filter(|node| NAMED.contains(&role(node).as_str())).collect();
        assert!(wanted.len() > 10, "the tree of the page is empty");
        wanted.iter().filter(|node| !named(node)).map(|node| role(node)).collect()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // It ends when nobody can give orders any more.
        self.orders = None;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) {
            if matches!(self.browser.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.browser.kill();
        let _ = self.browser.wait();
    }
}

fn percent_encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~".contains(&byte);
    path.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
