//! Thresholds against a run in numbers.

use std::time::Duration;

use super::run::Aside;
use super::summary::RunSummary;
use super::testing::{create, read};
use super::{Class, Judgement, Outcome, Plan, PlanOptions, Threshold};
use crate::model::{FileId, Operation};

/// Ten READs of 1 to 10 ms in the capture and twice that on the target, one of which diverged; and a CREATE before them.
fn summary(classes: impl Fn(u32) -> Class) -> RunSummary {
    let id = FileId([1; 16]);
    let mut operations: Vec<Operation> = vec![create("a", id, 1, 1, 2)];
    operations.extend((1..=10).map(|at| read("a", id, 0, 10, 10 * at, 11 * at)));
    let plan = Plan::from_operations(&operations, PlanOptions::default());
    let outcomes: Vec<Outcome> = (0..11)
        .map(|step| {
            let mut outcome = Outcome::unanswered(step, classes(step));
            if !matches!(outcome.class, Class::Skipped { .. }) {
                outcome.sent = Some(Duration::from_millis(10));
                outcome.answered = Some(Duration::from_millis(10 + 2 * u64::from(step)));
            }
            outcome
        })
        .collect();
    RunSummary::new(&plan, &operations, &outcomes, Duration::from_secs(2), Aside::default())
}

fn judged(text: &str, summary: &RunSummary) -> (Judgement, String) {
    let judged = text.parse::<Threshold>().unwrap().judge(summary);
    assert_eq!(judged.expression, text);
    (judged.judgement, judged.observed)
}

#[test]
fn thresholds_fail_when_their_condition_holds() {
    let mut run = summary(|step| if step == 3 { Class::Data } else { Class::Match });
    run.sent = 11;
    use Judgement::{Failed, NothingToJudge, Passed};
    for (text, judgement, observed) in [
        ("data>0", Failed, "1"),
        ("status>0", Passed, "0"),
        ("diverged>1", Passed, "1"),
        ("match<99%", Failed, "90.91 % (10 of 11)"),
        ("match(READ)<90%", Passed, "90.00 % (9 of 10)"),
        ("data(CREATE)>0", Passed, "0"),
        ("p50(READ)>9.9ms", Failed, "10.000 ms"),
        ("p50(READ)>=10ms", Failed, "10.000 ms"),
        ("p50(READ)>10ms", Passed, "10.000 ms"),
        ("p50(READ)>1.9x", Failed, "2.00x (10.000 ms, captured 5.000 ms)"),
        ("max>2.1x", Passed, "2.00x (20.000 ms, captured 10.000 ms)"),
        ("max>20ms", Passed, "20.000 ms"),
        ("p99(WRITE)>1ms", NothingToJudge, "the run has no WRITE"),
        ("elapsed>1s", Failed, "2000.000 ms"),
        ("steps!=11", Passed, "11"),
    ] {
        assert_eq!(judged(text, &run), (judgement, observed.to_owned()), "{text}");
    }
    // 11 requests in 2 s.
    assert_eq!(judged("ops/s<5", &run), (Passed, "6 requests/s".to_owned()));
    assert_eq!(judged("ops/s<6", &run).0, Failed);
}

#[test]
fn what_was_to_be_measured_and_was_not_has_failed() {
    let run = summary(|step| if step == 0 { Class::Status } else { Class::Skipped { root: 0 } });
    assert_eq!(judged("p99(READ)>1s", &run), (Judgement::Failed, "nothing was measured".to_owned()));
    assert_eq!(judged("skipped>0", &run), (Judgement::Failed, "10".to_owned()));
}
