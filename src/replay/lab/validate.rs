//! Whether the target is fit for a replay. Nothing is changed on it.

use std::collections::BTreeSet;

use super::demands::Demands;
use super::layout::{Layout, ShareLayout};
use super::reach::{Lab, who};
use super::survey::survey;
use crate::model::fscc::{ATTRIBUTE_NORMAL, AttributeInformation, fs_class};
use crate::model::{Command, NtStatus};
use crate::replay::{Prepared, Target};
use crate::wire::{Connection, CreateSpec, Credentials, OpenFile, Tree, WireError, disposition};

/// MAXIMUM_ALLOWED, [MS-SMB2] 2.2.13.1.
const MAXIMUM_ALLOWED: u32 = 0x0200_0000;
/// FILE_ADD_FILE and FILE_ADD_SUBDIRECTORY: to make something in a folder.
const ADDING: u32 = 0x0002 | 0x0004;
/// FileSystemAttributes, [MS-FSCC] 2.5.1.
const SUPPORTS_NAMED_STREAMS: u32 = 0x0004_0000;
const SUPPORTS_EXTENDED_ATTRIBUTES: u32 = 0x0080_0000;
/// SMB2_GLOBAL_CAP_LEASING, [MS-SMB2] 2.2.4.
const CAP_LEASING: u32 = 0x0000_0002;
/// Statuses of what a server does not know.
const UNKNOWN: [NtStatus; 4] =
    [NtStatus(0xC000_0002), NtStatus(0xC000_0003), NtStatus(0xC000_0010), NtStatus::NOT_SUPPORTED];
/// How many paths that are not as they must be get a row of their own.
const PATHS_SHOWN: usize = 50;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    /// As it must be.
    Ok,
    /// Worth knowing; the replay can go on.
    Note,
    /// Not as it must be.
    Failed,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// How it came out.
    pub state: CheckState,
    /// What was found.
    pub detail: String,
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, what: impl Into<String>, state: CheckState, detail: impl Into<String>) {
        self.0.push(Check { what: what.into(), state, detail: detail.into() });
    }

    /// Ok, or else what went wrong.
    fn require(&mut self, what: impl Into<String>, good: bool, detail: impl Into<String>) {
        self.add(what, if good { CheckState::Ok } else { CheckState::Failed }, detail);
    }
}

/// Looks at a target for a replay. What cannot be reached is a failed check, and ends it; an error is only a connection that
/// was lost on the way.
///
/// `made` says that the image must be there already; without it only what a setup needs is looked at.
pub async fn validate(layout: &Layout, prepared: &Prepared, made: bool) -> Result<Vec<Check>, WireError> {
    let target: &Target = prepared.target();
    let demands = Demands::of(prepared.plan(), prepared.operations());
    let mut checks = Checks::default();
    let connection = match Connection::connect(target.connect.clone()).await {
        Ok(connection) => connection,
        Err(error) => {
            checks.add("server", CheckState::Failed, error.to_string());
            return Ok(checks.0);
        }
    };
    let negotiated = connection.negotiated();
    checks.add("server", CheckState::Ok, format!("{} answers", target.connect.address));
    let captured: Vec<_> = demands.dialects.iter().map(ToString::to_string).collect();
    let same = demands.dialects.contains(&negotiated.dialect) || captured.is_empty() || target.follow_dialect;
    let detail = match captured.as_slice() {
        [] => format!("best {}", negotiated.dialect),
        captured => format!("best {}, captured {}", negotiated.dialect, captured.join(", ")),
    };
    checks.add("dialect", if same { CheckState::Ok } else { CheckState::Note }, detail);
    sizes(&mut checks, &demands, &connection);
    match connection.login(who(target)).await {
        Ok(session) if session.is_guest() && *who(target) != Credentials::Guest => {
            let detail = format!("the server does not know {} and lets it in as a guest only", who(target));
            checks.add("login", CheckState::Note, detail);
        }
        Ok(_) => checks.add("login", CheckState::Ok, who(target).to_string()),
        Err(error) => {
            checks.add("login", CheckState::Failed, error.to_string());
            return Ok(checks.0);
        }
    }
    connection.close();

    let mut shares: BTreeSet<String> =
        prepared.shares().iter().filter_map(|path| path.rsplit('\\').next().map(str::to_owned)).collect();
    shares.extend(layout.shares.iter().map(|share| share.share.clone()));
    let empty = ShareLayout::default();
    for share in &shares {
        let lab = match Lab::reach(target, [share.as_str()]).await {
            Ok(lab) => lab,
            Err(error @ WireError::ShareRefused { .. }) => {
                checks.add(format!("share {share}"), CheckState::Failed, error.to_string());
                continue;
            }
            Err(error) => return Err(error),
        };
        let laid = layout.shares.iter().filter(|laid| laid.share.eq_ignore_ascii_case(share));
        let mut laid = laid.fold(empty.clone(), |mut all, laid| {
            all.entries.extend(laid.entries.iter().cloned());
            all.absent.extend(laid.absent.iter().cloned());
            all
        });
        laid.share.clone_from(share);
        let laid = &laid;
        if let Some(tree) = lab.tree(share).cloned() {
            checks.add(format!("share {share}"), CheckState::Ok, tree.path.clone());
            of_share(&mut checks, &lab, &tree, laid, &demands, target).await?;
            if made {
                image(&mut checks, &lab, share, laid).await?;
            }
        }
        lab.leave().await;
    }
    let changing = demands.settings.len() + demands.changing_controls.len();
    if changing > 0 {
        let what = if changing == 1 { "class or control" } else { "classes and controls" };
        let detail = format!("not tried, since it would change something: {changing} {what}");
        checks.add("changes", CheckState::Note, detail);
    }
    for left in &layout.left_out {
        checks.add(format!("path {}", left.path), CheckState::Note, left.reason);
    }
    Ok(checks.0)
}

fn sizes(checks: &mut Checks, demands: &Demands, connection: &Connection) {
    let negotiated = connection.negotiated();
    for (what, needed, limit) in [
        ("longest READ", demands.longest_read, negotiated.max_read_size),
        ("longest WRITE", demands.longest_write, negotiated.max_write_size),
    ] {
        if needed > 0 {
            let detail = format!("{needed} bytes needed, {limit} allowed");
            checks.require(what, needed <= u64::from(limit), detail);
        }
    }
    if demands.leases {
        let can = negotiated.capabilities & CAP_LEASING != 0;
        let detail = if can { "granted by the server" } else { "the capture has leases, the server grants none" };
        checks.add("leases", if can { CheckState::Ok } else { CheckState::Note }, detail);
    }
}

async fn of_share(
    checks: &mut Checks,
    lab: &Lab,
    tree: &Tree,
    laid: &ShareLayout,
    demands: &Demands,
    target: &Target,
) -> Result<(), WireError> {
    let share = tree.path.rsplit('\\').next().unwrap_or_default();
    // What is asked of a folder is asked of the base folder, or of what there is above it.
    let base = target.names.target_name("");
    let mut folder = base.as_str();
    if !folder.is_empty() {
        let there = survey(lab, share, [folder]).await?;
        while !folder.is_empty() && there.get(folder).is_none() {
            folder = folder.rsplit_once('\\').map_or("", |(above, _)| above);
        }
    }
    let mut spec = CreateSpec::directory(folder, MAXIMUM_ALLOWED, disposition::OPEN);
    spec.create_options = 0;
    let root = match lab.connection.create(tree, &spec).await {
        Ok(root) => root,
        Err(WireError::Refused { status, .. }) => {
            checks.add(format!("{share}: root"), CheckState::Failed, format!("it cannot be opened: {status}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    rights(checks, lab, tree, share, folder, laid, demands).await?;
    space(checks, lab, &root, share, laid, demands).await?;
    features(checks, lab, &root, share, laid, demands).await?;
    classes(checks, lab, &root, share, demands).await?;
    lab.connection.close_file(&root).await
}

/// Whether something can be made, as far as the server says so.
async fn rights(
    checks: &mut Checks,
    lab: &Lab,
    tree: &Tree,
    share: &str,
    folder: &str,
    laid: &ShareLayout,
    demands: &Demands,
) -> Result<(), WireError> {
    if !demands.changes && laid.entries.is_empty() {
        return Ok(());
    }
    let what = format!("{share}: write permission");
    let said = match lab.connection.maximal_access(tree, folder).await {
        Ok(said) => said.unwrap_or(tree.maximal_access) & tree.maximal_access,
        Err(WireError::Refused { .. }) => tree.maximal_access,
        Err(error) => return Err(error),
    };
    let can = said & ADDING == ADDING;
    // Folders that only lead to the base folder have no captured path.
    let needed = laid.entries.iter().any(|placed| !placed.entry.path.is_empty());
    let state = match (can, needed) {
        (true, _) => CheckState::Ok,
        // That nothing may be written there can be what the capture is about.
        (false, false) => CheckState::Note,
        (false, true) => CheckState::Failed,
    };
    checks.add(what, state, format!("maximal access 0x{said:08x}"));
    Ok(())
}

async fn space(
    checks: &mut Checks,
    lab: &Lab,
    root: &OpenFile,
    share: &str,
    laid: &ShareLayout,
    demands: &Demands,
) -> Result<(), WireError> {
    let data = laid.entries.iter().flat_map(|placed| {
        placed.entry.streams.iter().map(|stream| stream.data.size).chain([placed.entry.data.size])
    });
    let needed = data.sum::<u64>() + demands.bytes_written;
    match lab.connection.free_space(root).await {
        Ok(free) => {
            checks.require(format!("{share}: free space"), free >= needed, format!("{free} bytes, {needed} needed"));
        }
        Err(WireError::Refused { status, .. }) => {
            checks.add(
                format!("{share}: free space"),
                CheckState::Note,
                format!("the server does not tell: {status}"),
            );
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What file systems can or cannot have.
async fn features(
    checks: &mut Checks,
    lab: &Lab,
    root: &OpenFile,
    share: &str,
    laid: &ShareLayout,
    demands: &Demands,
) -> Result<(), WireError> {
    let output = match lab.connection.query_info(root, 2, fs_class::ATTRIBUTE, 0).await {
        Ok(output) => output,
        Err(WireError::Refused { .. }) => return Ok(()),
        Err(error) => return Err(error),
    };
    let Ok(attributes) = AttributeInformation::decode(&output) else { return Ok(()) };
    let streams = demands.streams || laid.entries.iter().any(|placed| !placed.entry.streams.is_empty());
    let eas = laid.entries.iter().any(|placed| !placed.entry.eas.is_empty());
    for (needed, bit, what) in [
        (streams, SUPPORTS_NAMED_STREAMS, "alternate streams"),
        (eas, SUPPORTS_EXTENDED_ATTRIBUTES, "extended attributes"),
    ] {
        if needed {
            let can = attributes.file_system_attributes & bit != 0;
            checks.require(format!("{share}: {what}"), can, if can { "supported" } else { "not supported" });
        }
    }
    Ok(())
}

/// The classes and controls that were answered in the capture.
async fn classes(
    checks: &mut Checks,
    lab: &Lab,
    root: &OpenFile,
    share: &str,
    demands: &Demands,
) -> Result<(), WireError> {
    let mut unknown = Vec::new();
    for (info_type, class) in &demands.queries {
        let status = lab.connection.probe_info(root, *info_type, *class).await?;
        if UNKNOWN.contains(&status) {
            unknown.push(format!("QUERY_INFO type {info_type} class {class} ({status})"));
        }
    }
    for class in &demands.listings {
        let status = lab.connection.probe_listing(root, *class).await?;
        if UNKNOWN.contains(&status) {
            unknown.push(format!("QUERY_DIRECTORY class {class} ({status})"));
        }
    }
    let asked = demands.queries.len() + demands.listings.len();
    if asked > 0 {
        let detail = match unknown.as_slice() {
            [] => format!("all {asked} that the capture asks for"),
            some => some.join(", "),
        };
        checks.require(format!("{share}: information classes"), unknown.is_empty(), detail);
    }
    let mut unknown = Vec::new();
    for code in &demands.controls {
        let status = lab.connection.probe_control(root, *code).await?;
        if UNKNOWN.contains(&status) {
            unknown.push(format!("{code} ({status})"));
        }
    }
    if !demands.controls.is_empty() {
        // Some controls are about files, and a folder is what was asked.
        let state = if unknown.is_empty() { CheckState::Ok } else { CheckState::Note };
        let detail = match unknown.as_slice() {
            [] => format!("all {} that the capture asks with", demands.controls.len()),
            some => format!("not of a folder: {}", some.join(", ")),
        };
        checks.add(format!("{share}: controls"), state, detail);
    }
    let commands: Vec<_> = demands.commands.iter().map(|code| Command::from_code(*code).to_string()).collect();
    if !commands.is_empty() {
        checks.add(format!("{share}: commands"), CheckState::Ok, commands.join(", "));
    }
    Ok(())
}

/// Whether the image is there.
async fn image(checks: &mut Checks, lab: &Lab, share: &str, laid: &ShareLayout) -> Result<(), WireError> {
    let paths = laid.entries.iter().map(|placed| placed.path.as_str()).chain(laid.absent.iter().map(String::as_str));
    let found = survey(lab, share, paths).await?;
    let mut wrong = Vec::new();
    for placed in &laid.entries {
        let entry = &placed.entry;
        let reason = match found.get(&placed.path) {
            None => Some("missing".to_owned()),
            Some(found) if !found.readable => None,
            Some(found) if found.directory != entry.directory => {
                Some(if entry.directory { "a file, must be a folder" } else { "a folder, must be a file" }.to_owned())
            }
            Some(found) if !entry.directory && found.size != entry.data.size => {
                Some(format!("{} bytes, must be {}", found.size, entry.data.size))
            }
            Some(found) => entry
                .attributes
                .filter(|wanted| (wanted ^ found.attributes) & !ATTRIBUTE_NORMAL & 0xFFFF != 0 && !entry.directory)
                .map(|wanted| format!("attributes 0x{:08x}, must be 0x{wanted:08x}", found.attributes)),
        };
        wrong.extend(reason.map(|reason| (&placed.path, reason)));
    }
    let (total, bad) = (laid.entries.len(), wrong.len());
    if total > 0 {
        let detail = format!("{} of {total} paths are as they must be", total - bad);
        checks.require(format!("{share}: image"), bad == 0, detail);
    }
    let there: Vec<_> = laid.absent.iter().filter(|path| found.get(path).is_some()).collect();
    if !laid.absent.is_empty() {
        let detail = format!("{} of {} are", laid.absent.len() - there.len(), laid.absent.len());
        checks.require(format!("{share}: absent names"), there.is_empty(), detail);
    }
    for (path, reason) in wrong.iter().take(PATHS_SHOWN) {
        checks.add(format!("path {path}"), CheckState::Failed, reason.clone());
    }
    for path in there.iter().take(PATHS_SHOWN) {
        checks.add(format!("path {path}"), CheckState::Failed, "exists, must not");
    }
    let more = wrong.len().saturating_sub(PATHS_SHOWN) + there.len().saturating_sub(PATHS_SHOWN);
    if more > 0 {
        checks.add("paths", CheckState::Failed, format!("{more} more are not as they must be"));
    }
    Ok(())
}
