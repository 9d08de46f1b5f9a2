//! Who logs in for whom: captured users and those of the lab.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::plan::Plan;
use crate::model::{LoginFacts, Operation, SessionId};
use crate::wire::Credentials;

/// Who logged in a captured session, as far as the capture shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CapturedUser {
    /// A user by name.
    Named {
        /// Domain or realm; empty when it is not known.
        domain: String,
        /// User name.
        user: String,
    },
    /// The server took whoever it was as a guest.
    Guest {
        /// The name that was given.
        user: Option<String>,
    },
    /// A null session.
    Anonymous,
    /// The login is not in the capture, or nobody could read it.
    #[default]
    Unknown,
}

impl CapturedUser {
    /// Of what is known of a session's login.
    pub fn of(login: &LoginFacts) -> Self {
        let user = login.user.clone().filter(|user| !user.is_empty());
        match user {
            user if login.guest => Self::Guest { user },
            _ if login.anonymous => Self::Anonymous,
            Some(user) => Self::Named { domain: login.domain.clone().unwrap_or_default(), user },
            None => Self::Unknown,
        }
    }

    /// Whether a name means this user: `user`, `DOMAIN\user`, `user@REALM`, in any case; `guest`, `anonymous`; `*` for all.
    pub fn fits(&self, name: &str) -> bool {
        let same = |a: &str, b: &str| a.to_lowercase() == b.to_lowercase();
        match self {
            _ if name == "*" => true,
            Self::Named { domain, user } => match (name.split_once('\\'), name.split_once('@')) {
                (Some((in_domain, name)), _) | (None, Some((name, in_domain))) => {
                    same(user, name) && same(domain, in_domain)
                }
                (None, None) => same(user, name),
            },
            Self::Guest { user } => same(name, "guest") || user.as_ref().is_some_and(|user| same(user, name)),
            Self::Anonymous => same(name, "anonymous"),
            Self::Unknown => false,
        }
    }
}

impl fmt::Display for CapturedUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named { domain, user } if domain.is_empty() => f.write_str(user),
            Self::Named { domain, user } => write!(f, "{domain}\\{user}"),
            Self::Guest { user: Some(user) } => write!(f, "{user} (guest)"),
            Self::Guest { user: None } => f.write_str("guest"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Unknown => f.write_str("unknown user"),
        }
    }
}

/// Whose sessions log in as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRule {
    /// A name that [`CapturedUser::fits`].
    pub captured: String,
    /// Who logs in.
    pub credentials: Credentials,
}

/// Who logs in for a captured user. With rules, guests and null sessions without one log in as such; all others that no
/// rule fits log in with the run's own credentials, and without any rule everybody does.
pub fn credentials_for<'a>(
    rules: &'a [UserRule],
    own: &'a Credentials,
    user: &CapturedUser,
) -> (&'a Credentials, bool) {
    match rules.iter().find(|rule| user.fits(&rule.captured)) {
        Some(rule) => (&rule.credentials, true),
        None if rules.is_empty() => (own, false),
        None => match user {
            CapturedUser::Guest { .. } => (&Credentials::Guest, true),
            CapturedUser::Anonymous => (&Credentials::Anonymous, true),
            _ => (own, false),
        },
    }
}

/// Captured sessions and who logs in for them, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserUse {
    /// The captured user.
    pub captured: String,
    /// The target's.
    pub target: String,
    /// How many sessions.
    pub sessions: usize,
    /// Whether a rule says so; else it is the run's own user.
    pub mapped: bool,
}

/// By session of a plan: the captured user, and who logs in.
#[derive(Clone, Debug, Default)]
pub(super) struct SessionUsers(Vec<SessionUser>);

#[derive(Clone, Debug)]
struct SessionUser {
    captured: CapturedUser,
    credentials: Credentials,
    mapped: bool,
}

/// The captured users by server and session.
pub(super) type KnownUsers = FxHashMap<(SocketAddr, SessionId), CapturedUser>;

/// The users of sessions whose logins are known, by their place.
pub(super) fn known_users(sessions: &[Vec<Operation>], logins: &[LoginFacts]) -> KnownUsers {
    let named = sessions.iter().zip(logins).filter_map(|(operations, login)| {
        let first = operations.first()?;
        Some(((first.connection.server, first.session_id), CapturedUser::of(login)))
    });
    named.collect()
}

impl SessionUsers {
    pub(super) fn new(plan: &Plan, known: &KnownUsers, rules: &[UserRule], own: &Credentials) -> Self {
        let users = plan.sessions.iter().map(|session| {
            let server = plan.servers.get(session.server as usize);
            let user = server.and_then(|server| known.get(&(*server, session.id))).cloned().unwrap_or_default();
            let (credentials, mapped) = credentials_for(rules, own, &user);
            SessionUser { credentials: credentials.clone(), captured: user, mapped }
        });
        Self(users.collect())
    }

    /// Who logs in for a session.
    pub(super) fn credentials(&self, session: u32) -> Option<&Credentials> {
        self.0.get(session as usize).map(|user| &user.credentials)
    }

    /// Different credentials, with the sessions that use them, in the order of the sessions. `used` says which sessions log in.
    pub(super) fn distinct(&self, used: impl Fn(u32) -> bool) -> Vec<(&Credentials, Vec<u32>)> {
        let mut distinct: Vec<(&Credentials, Vec<u32>)> = Vec::new();
        for (session, user) in (0..).zip(&self.0).filter(|(session, _)| used(*session)) {
            match distinct.iter_mut().find(|(known, _)| **known == user.credentials) {
                Some((_, sessions)) => sessions.push(session),
                None => distinct.push((&user.credentials, vec![session])),
            }
        }
        distinct
    }

    /// Who logs in for whom.
    pub(super) fn uses(&self, used: impl Fn(u32) -> bool) -> Vec<UserUse> {
        let mut uses: BTreeMap<(&CapturedUser, String, bool), usize> = BTreeMap::new();
        for (_, user) in (0..).zip(&self.0).filter(|(session, _)| used(*session)) {
            *uses.entry((&user.captured, user.credentials.to_string(), user.mapped)).or_default() += 1;
        }
        uses.into_iter()
            .map(|((captured, target, mapped), sessions)| UserUse {
                captured: captured.to_string(),
                target,
                sessions,
                mapped,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(user: &str, domain: &str, guest: bool, anonymous: bool) -> CapturedUser {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        CapturedUser::of(&LoginFacts {
            user: some(user),
            domain: some(domain),
            guest,
            anonymous,
            ..Default::default()
        })
    }

    #[test]
    fn names_mean_users_with_and_without_their_domain() {
        let alice = login("Alice", "CORP", false, false);
        for (name, fits) in [
            ("alice", true),
            ("corp\\ALICE", true),
            ("alice@corp", true),
            ("*", true),
            ("OTHER\\alice", false),
            ("bob", false),
            ("guest", false),
        ] {
            assert_eq!(alice.fits(name), fits, "{name}");
        }
        assert!(login("nobody", "", true, false).fits("guest"));
        assert!(login("nobody", "", true, false).fits("nobody"));
        assert!(login("", "", false, true).fits("anonymous"));
        assert!(!login("", "", false, false).fits(""));
    }

    #[test]
    fn without_rules_all_are_the_same_and_with_them_guests_stay_guests() {
        let own = Credentials::ntlm("lab", "", "pw");
        let users = [login("alice", "CORP", false, false), login("x", "", true, false), login("", "", false, true)];
        for user in &users {
            assert_eq!(credentials_for(&[], &own, user), (&own, false));
        }
        let bob = Credentials::ntlm("bob", "LAB", "pw2");
        let rules = [UserRule { captured: "CORP\\alice".into(), credentials: bob.clone() }];
        let found = users.each_ref().map(|user| credentials_for(&rules, &own, user));
        assert_eq!(found, [(&bob, true), (&Credentials::Guest, true), (&Credentials::Anonymous, true)]);
        assert_eq!(credentials_for(&rules, &own, &login("carol", "CORP", false, false)), (&own, false));
    }
}
