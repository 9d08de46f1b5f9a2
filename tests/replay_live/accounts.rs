//! Replays onto servers whose accounts have other ids than those of the captured server.

use smbreplay::model::{Command as SmbCommand, SecurityDescriptor, Sid};
use smbreplay::replay::{Options, RunReport, Verdict};
use smbreplay::wire::Credentials;

use super::support::Samba;
use super::support::process::Command;
use super::support::skips::without_root;
use super::{replay, sessions, target, told};

/// An account that is made after the usual one, and so has another uid, gid and RID.
const OTHER: &str = "testuser3";

fn server(settings: &[(&str, &str)]) -> Samba {
    let samba = Samba::start(&[&[("SMBD_EXTRA_USERS", OTHER)], settings].concat());
    let prepared = samba.preparing("setinfo", "testshare").env("SMBD_USER", OTHER).output().unwrap();
    assert!(prepared.status.success(), "{}", String::from_utf8_lossy(&prepared.stderr));
    samba
}

fn replay_as_other(samba: &Samba) -> RunReport {
    let mut target = target(samba, Some("testshare"));
    target.credentials = Credentials::ntlm(OTHER, "", Samba::PASSWORD);
    replay(sessions("setinfo"), target, Options { keep_responses: true, ..Options::default() })
}

/// The descriptors in the answers of a run.
fn descriptors(report: &RunReport) -> Vec<SecurityDescriptor> {
    let answers = report.outcomes.iter().filter_map(|outcome| outcome.response.as_ref());
    let decoded = answers.filter(|pdu| pdu.len() > 72 && pdu[12..14] == SmbCommand::QueryInfo.code().to_le_bytes());
    decoded.filter_map(|pdu| SecurityDescriptor::decode(pdu.get(72..)?).ok()).collect()
}

fn id(option: &str, user: &str) -> String {
    let output = Command::new("id").args([option, user]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn setinfo_agrees_on_a_server_whose_accounts_have_other_ids() {
    if without_root("make further users") {
        return;
    }
    let samba = server(&[]);
    assert!(id("-u", OTHER) != id("-u", Samba::USER) && id("-g", OTHER) != id("-g", Samba::USER));
    let report = replay_as_other(&samba);
    assert_eq!(report.verdict(), Verdict::Agreed, "{}", told(&report));
    let own = |sid: &Sid| sid.is_of_one_server();
    let owners: Vec<Sid> = descriptors(&report).into_iter().filter_map(|descriptor| descriptor.owner).collect();
    assert!(owners.iter().any(own), "no answer told of an account: {owners:?}");
    assert!(owners.iter().filter_map(Sid::domain_and_rid).any(|(_, rid)| rid != 1000), "{owners:?}");
}

#[test]
fn rights_that_differ_on_the_target_are_named_entry_by_entry() {
    // Other modes of new files: other masks in the entries that stand for them.
    let samba = server(&[("SMBD_TESTSHARE", "force create mode = 0666\n    force directory mode = 0777")]);
    let report = replay_as_other(&samba);
    let subjects: Vec<_> = report
        .divergences
        .iter()
        .flat_map(|row| &row.findings)
        .filter(|finding| finding.subject.starts_with("security descriptor: "))
        .map(|finding| format!("{} {} {}", finding.subject, finding.expected, finding.observed))
        .collect();
    assert!(!subjects.is_empty(), "{}", told(&report));
    assert!(subjects.iter().all(|text| text.contains("DACL entry") && text.contains(": mask 0x")), "{subjects:?}");
}
