//! Who may import whom: section "Layers" of ARCHITECTURE.md.

use crate::paths::used_modules;
use crate::tree::Source;

/// Each stage with those it may import beside itself.
const LAYERS: [(&str, &[&str]); 13] = [
    ("model", &[]),
    ("tools", &[]),
    ("capture", &["model"]),
    ("dissect", &["model"]),
    ("store", &["model"]),
    ("analyse", &["model"]),
    ("query", &["model", "store", "analyse"]),
    ("wire", &["model"]),
    ("replay", &["model", "analyse", "wire"]),
    ("report", &["model", "analyse", "replay"]),
    ("ingest", &["model", "tools", "capture", "dissect", "store", "analyse"]),
    (
        "app",
        &["model", "tools", "capture", "dissect", "store", "analyse", "query", "wire", "replay", "report", "ingest"],
    ),
    (
        "cli",
        &[
            "model", "tools", "capture", "dissect", "store", "analyse", "query", "wire", "replay", "report",
            "ingest", "app",
        ],
    ),
];

/// What a front end shows results with: its use cases, values, and text made of them.
const FRONT_END: [&str; 3] = ["app", "model", "report"];
/// Files of the command line that still call stages: the commands about the lab server, whose use cases are not in `app` yet; `doctor`,
/// which is about the tools; the pager; errors of stages that these files get.
const CALL_STAGES: [&str; 15] = [
    "args/judging.rs",
    "args/shared.rs",
    "commands/cleanup.rs",
    "commands/diff.rs",
    "commands/doctor.rs",
    "commands/lab/",
    "commands/replay",
    "commands/run.rs",
    "commands/setup.rs",
    "commands/validate.rs",
    "credentials.rs",
    "datasets.rs",
    "failure.rs",
    "images.rs",
    "output.rs",
];

/// Whether a file of the command line may use no stage.
fn is_pure_front_end(path: &str) -> bool {
    path.strip_prefix("src/cli/").is_some_and(|path| !CALL_STAGES.iter().any(|exempt| path.starts_with(exempt)))
}

/// The imports of a file that its stage may not have.
pub(crate) fn findings(source: &Source) -> Vec<String> {
    let stage = source.stage();
    let allowed: &[&str] = match stage {
        "main" => &["cli"],
        "cli" if is_pure_front_end(&source.path) => &FRONT_END,
        "lib" => &[],
        _ => match LAYERS.iter().find(|(name, _)| *name == stage) {
            Some((_, allowed)) => allowed,
            None => return vec![format!("{}: {stage} is no stage that tests/tidy/layering.rs knows", source.path)],
        },
    };
    used_modules(&source.tokens(), &source.module())
        .into_iter()
        .filter(|found| found.module != stage && !allowed.contains(&found.module.as_str()))
        .map(|found| format!("{}:{}: {stage} may not use {}", source.path, found.line, found.module))
        .collect()
}

/// Stages without a file.
pub(crate) fn missing_stages(sources: &[Source]) -> Vec<String> {
    LAYERS
        .iter()
        .filter(|(stage, _)| !sources.iter().any(|source| source.stage() == *stage))
        .map(|(stage, _)| format!("src/: no file of {stage}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> usize {
        findings(&Source::new(path, text)).len()
    }

    #[test]
    fn what_the_design_allows_passes() {
        assert_eq!(found("src/store/reader.rs", "use crate::model::Operation; use crate::store::Column;"), 0);
        assert_eq!(found("src/replay/plan.rs", "use crate::{model::A, analyse::B, wire::C};"), 0);
        assert_eq!(found("src/ingest.rs", "use crate::{capture::A, tools::B, store::C};"), 0);
        assert_eq!(found("src/app/files.rs", "use crate::{analyse::A, model::B, store::C};"), 0);
        assert_eq!(found("src/cli/commands/files.rs", "use crate::{app::A, model::B, report::C, cli::D};"), 0);
        assert_eq!(found("src/cli/commands/replay/live.rs", "use crate::replay::A;"), 0);
        assert_eq!(found("src/main.rs", "fn main() { smbreplay::cli::main() }"), 0);
    }

    #[test]
    fn what_it_does_not_fails() {
        for (path, text) in [
            ("src/model/ids.rs", "use crate::capture::A;"),
            ("src/tools/child.rs", "use crate::model::A;"),
            ("src/capture/reader.rs", "use super::super::store::A;"),
            ("src/store/reader.rs", "fn f() { crate::analyse::g() }"),
            ("src/wire/frame.rs", "use crate::{model::A, tools::B};"),
            ("src/replay/plan.rs", "use crate::store::A;"),
            ("src/report/text.rs", "use crate::wire::A;"),
            ("src/report/text.rs", "use crate::cli::A;"),
            ("src/ingest/feed.rs", "use crate::wire::A;"),
            ("src/app/files.rs", "use crate::cli::A;"),
            ("src/cli/commands/files.rs", "use crate::store::A;"),
            ("src/cli/commands/files.rs", "use crate::analyse::A;"),
            ("src/main.rs", "use smbreplay::store::A;"),
            ("src/extras/a.rs", ""),
        ] {
            assert_eq!(found(path, text), 1, "{path}: {text}");
        }
    }

    #[test]
    fn a_stage_that_is_not_there_is_missed() {
        assert_eq!(missing_stages(&[Source::new("src/model/mod.rs", "")]).len(), LAYERS.len() - 1);
    }
}
