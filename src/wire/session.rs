//! An authenticated session on a connection, and a share connected in it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashSet;

use super::seal::SealKeys;
use super::sign::SigningKey;
use crate::model::message::SessionSetupResponse;
use crate::model::{Command, Dialect, SessionId, TreeId};

/// A session, [MS-SMB2] 3.2.1.3, as one connection uses it. Clones are the same session.
#[derive(Clone)]
pub struct Session {
    inner: Arc<Inner>,
}

struct Inner {
    id: SessionId,
    user: String,
    flags: u16,
    anonymous: bool,
    dialect: Dialect,
    /// The key of this channel; None for guests and null sessions.
    signing: Option<SigningKey>,
    sign_all: bool,
    seal_all: bool,
    shared: Arc<Shared>,
}

/// What all channels of a session have in common.
struct Shared {
    seal: Option<Arc<SealKeys>>,
    sealed_trees: Mutex<FxHashSet<TreeId>>,
}

/// What a login has found out.
pub(super) struct NewSession {
    pub(super) id: SessionId,
    pub(super) user: String,
    pub(super) flags: u16,
    pub(super) anonymous: bool,
    pub(super) dialect: Dialect,
    pub(super) signing: Option<SigningKey>,
    pub(super) seal: Option<SealKeys>,
    pub(super) sign_all: bool,
    pub(super) seal_all: bool,
}

impl Session {
    pub(super) fn new(new: NewSession) -> Self {
        let shared = Shared { seal: new.seal.map(Arc::new), sealed_trees: Mutex::new(FxHashSet::default()) };
        Self {
            inner: Arc::new(Inner {
                id: new.id,
                user: new.user,
                flags: new.flags,
                anonymous: new.anonymous,
                dialect: new.dialect,
                signing: new.signing,
                sign_all: new.sign_all,
                seal_all: new.seal_all,
                shared: Arc::new(shared),
            }),
        }
    }

    /// The same session on another connection: a key of its own to sign with, all else in common.
    pub(super) fn channel(&self, signing: SigningKey) -> Self {
        let inner = &self.inner;
        Self {
            inner: Arc::new(Inner {
                id: inner.id,
                user: inner.user.clone(),
                flags: inner.flags,
                anonymous: inner.anonymous,
                dialect: inner.dialect,
                signing: Some(signing),
                sign_all: inner.sign_all,
                seal_all: inner.seal_all,
                shared: Arc::clone(&inner.shared),
            }),
        }
    }

    /// `SessionId`
    pub fn id(&self) -> SessionId {
        self.inner.id
    }

    /// Who logged in, as [`super::Credentials`] are shown.
    pub fn user(&self) -> &str {
        &self.inner.user
    }

    /// `SessionFlags` of the last SESSION_SETUP response, [MS-SMB2] 2.2.6.
    pub fn flags(&self) -> u16 {
        self.inner.flags
    }

    /// Whether the server granted no more than guest access.
    pub fn is_guest(&self) -> bool {
        self.inner.flags & SessionSetupResponse::FLAG_IS_GUEST != 0
    }

    /// Whether it is a null session.
    pub fn is_anonymous(&self) -> bool {
        self.inner.anonymous || self.inner.flags & SessionSetupResponse::FLAG_IS_NULL != 0
    }

    /// Whether requests can be signed; guests and null sessions have no key.
    pub fn can_sign(&self) -> bool {
        self.inner.signing.is_some()
    }

    /// Whether requests can be sealed.
    pub fn can_seal(&self) -> bool {
        self.inner.shared.seal.is_some()
    }

    /// Whether a request in this tree will be sealed.
    pub fn is_sealed(&self, tree_id: TreeId) -> bool {
        self.can_seal() && (self.inner.seal_all || self.trees().contains(&tree_id))
    }

    /// Whether a request that is not sealed will be signed.
    pub(super) fn signs(&self, command: Command, wanted: bool) -> bool {
        let guarded_tree = command == Command::TreeConnect && self.inner.dialect == Dialect::SMB3_1_1;
        self.can_sign() && (self.inner.sign_all || wanted || guarded_tree)
    }

    pub(super) fn signing(&self) -> Option<&SigningKey> {
        self.inner.signing.as_ref()
    }

    pub(super) fn seal_keys(&self) -> Option<Arc<SealKeys>> {
        self.inner.shared.seal.clone()
    }

    /// Remembers a tree whose share demands sealing.
    pub(super) fn tree_connected(&self, tree_id: TreeId, sealed: bool) {
        let mut trees = self.trees();
        if sealed {
            trees.insert(tree_id);
        } else {
            trees.remove(&tree_id);
        }
    }

    fn trees(&self) -> std::sync::MutexGuard<'_, FxHashSet<TreeId>> {
        self.inner.shared.sealed_trees.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("id", &self.inner.id).field("user", &self.inner.user).finish_non_exhaustive()
    }
}

/// A share connected in a session.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The session it is connected in.
    pub session: Session,
    /// `TreeId`
    pub id: TreeId,
    /// `\\server\share`
    pub path: String,
    /// `ShareType`, [MS-SMB2] 2.2.10
    pub share_type: u8,
    /// `ShareFlags`
    pub share_flags: u32,
    /// `Capabilities`
    pub capabilities: u32,
    /// `MaximalAccess`
    pub maximal_access: u32,
}
