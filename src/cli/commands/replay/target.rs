//! Where a replay goes, as whom, and under which names.

use std::net::{SocketAddr, ToSocketAddrs};

use crate::cli::args::ReplayArgs;
use crate::cli::config::{Config, Key};
use crate::cli::credentials::{CredentialsError, CredentialsFile, split_user};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::password::read_password;
use crate::model::SessionEntry;
use crate::replay::{CapturedUser, NameMap, Target, UserRule, credentials_for};
use crate::wire::{ConnectOptions, Credentials};

impl From<CredentialsError> for Failure {
    fn from(error: CredentialsError) -> Self {
        Self::new(ExitStatus::Usage, error)
    }
}

pub(in crate::cli::commands) fn target(
    args: &ReplayArgs,
    config: &Config,
    sessions: &[&SessionEntry],
) -> Result<(Target, String), Failure> {
    let typed = &args.target;
    let server = config.server_ip(typed.server_ip.as_deref())?;
    let port = config.port(typed.port)?;
    let user = config.text(Key::Username, typed.username.as_deref())?;
    let domain = config.text(Key::Domain, typed.domain.as_deref())?.unwrap_or_default();
    let share = config.text(Key::TreeName, typed.tree_name.as_deref())?;
    let address = resolve(&server, port)?;
    let file = args.place.credentials.as_deref().map(CredentialsFile::read).transpose()?.unwrap_or_default();
    let own = user.map(|user| own_credentials(args, &file, user, domain)).transpose()?;
    let users = user_rules(args, &file, own.as_ref())?;
    let credentials = match own {
        Some(own) => own,
        None => nobody_else(&users, sessions)?,
    };
    let mut connect = ConnectOptions::new(address);
    connect.server_name.clone_from(&server);
    if let Some(timeout) = args.timeout {
        connect.response_timeout = timeout;
    }
    if let Some(dialect) = args.dialect {
        connect.dialects = vec![dialect];
    }
    let as_whom = if users.is_empty() { credentials.to_string() } else { "several users".to_owned() };
    let described = format!(
        "{address} as {as_whom}, {}",
        share.as_deref().map_or_else(|| "shares as captured".to_owned(), |share| format!("share {share}")),
    );
    let base_dir = args.place.base_dir.as_ref().map(|folder| folder.replace('/', "\\").trim_matches('\\').to_owned());
    let names =
        NameMap { server, share, shares: args.place.map_share.clone(), paths: args.place.map_path.clone(), base_dir };
    let follow_dialect = args.dialect.is_none();
    Ok((Target { connect, credentials, users, names, follow_dialect }, described))
}

fn resolve(server: &str, port: u16) -> Result<SocketAddr, Failure> {
    let found = (server, port).to_socket_addrs().map(|mut addresses| addresses.next());
    match found {
        Ok(Some(address)) => Ok(address),
        Ok(None) => Err(Failure::message(ExitStatus::Target, format!("{server}: the name has no address"))),
        Err(error) => Err(Failure::message(ExitStatus::Target, format!("{server}: {error}"))
            .remedy("check --server-ip, or `smbreplay config get server_ip`")),
    }
}

/// The configured user: the password comes from where it was said to be, else from the file of credentials.
fn own_credentials(
    args: &ReplayArgs,
    file: &CredentialsFile,
    user: String,
    domain: String,
) -> Result<Credentials, Failure> {
    let typed = &args.target.password;
    let name = if domain.is_empty() { user.clone() } else { format!("{domain}\\{user}") };
    if let Some(found) = file.find(&name).filter(|_| typed.password_file.is_none() && !typed.password_stdin) {
        return Ok(found);
    }
    if args.dry_run {
        return Ok(Credentials::ntlm(user, domain, ""));
    }
    let password = read_password(typed, &user)?;
    Ok(Credentials::ntlm(user, domain, password.as_str()))
}

/// The rules of `--map-user`, and behind them those in the file of credentials as themselves.
fn user_rules(
    args: &ReplayArgs,
    file: &CredentialsFile,
    own: Option<&Credentials>,
) -> Result<Vec<UserRule>, Failure> {
    let mut rules = Vec::new();
    for given in &args.map_user {
        let parts = given.split_once('=').map(|(captured, target)| (captured.trim(), target.trim()));
        let Some((captured, target)) = parts.filter(|(captured, target)| !captured.is_empty() && !target.is_empty())
        else {
            return Err(Failure::message(ExitStatus::Usage, format!("--map-user {given}: it has no two sides"))
                .remedy("CAPTURED=TARGET is expected, such as 'CORP\\alice=testuser', guest=guest or '*=testuser'"));
        };
        let same_as_own = own.filter(|own| {
            let (domain, user) = split_user(target);
            matches!(own, Credentials::Ntlm { user: name, domain: of, .. }
                if name.eq_ignore_ascii_case(user) && (domain.is_empty() || of.eq_ignore_ascii_case(domain)))
        });
        let credentials = match target.to_ascii_lowercase().as_str() {
            "guest" => Some(Credentials::Guest),
            "anonymous" => Some(Credentials::Anonymous),
            _ => file.find(target).or_else(|| same_as_own.cloned()).or_else(|| {
                let (domain, user) = split_user(target);
                args.dry_run.then(|| Credentials::ntlm(user, domain, ""))
            }),
        };
        let Some(credentials) = credentials else {
            return Err(Failure::message(ExitStatus::Usage, format!("--map-user {given}: no password for {target}"))
                .remedy(format!(
                    "put a line {target}:PASSWORD into a file of mode 600, and name it with --credentials"
                )));
        };
        rules.push(UserRule { captured: captured.to_owned(), credentials });
    }
    rules.extend(file.all().map(|(captured, credentials)| UserRule { captured, credentials }));
    Ok(rules)
}

/// Without a user of the run's own, every session must be somebody's.
fn nobody_else(users: &[UserRule], sessions: &[&SessionEntry]) -> Result<Credentials, Failure> {
    let nobody = Credentials::Anonymous;
    for session in sessions.iter().filter(|session| !session.id.trim_start_matches(['0', 'x']).is_empty()) {
        let user = CapturedUser::of(&session.login);
        if users.is_empty() {
            return Err(Failure::message(ExitStatus::Usage, "no user was named to log in with")
                .remedy("name one with --username, or store one: smbreplay config set username NAME"));
        }
        if !credentials_for(users, &nobody, &user).1 {
            let text = format!("nobody was named to log in for {user} (session {})", session.id);
            return Err(Failure::message(ExitStatus::Usage, text)
                .remedy("map that user with --map-user, or name who logs in for all others with --username"));
        }
    }
    Ok(nobody)
}
