//! The target's shares, connected.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::replay::Target;
use crate::wire::{Connection, Credentials, Session, Tree, WireError};

/// A connection to the target with one session and the shares that are needed. Clones are the same.
#[derive(Clone, Debug)]
pub struct Lab {
    /// The connection.
    pub connection: Connection,
    /// Who logged in.
    pub session: Session,
    trees: BTreeMap<String, Tree>,
}

impl Lab {
    /// Connects, logs in, and connects the shares, by their names.
    pub async fn reach(target: &Target, shares: impl IntoIterator<Item = &str>) -> Result<Self, WireError> {
        let connection = Connection::connect(target.connect.clone()).await?;
        let session = connection.login(who(target)).await?;
        let mut trees = BTreeMap::new();
        for share in shares {
            if let Entry::Vacant(place) = trees.entry(share.to_lowercase()) {
                place.insert(connection.tree_connect(&session, share).await?);
            }
        }
        Ok(Self { connection, session, trees })
    }

    /// The same, without those of the shares that the server refuses.
    pub async fn reach_what_there_is(
        target: &Target,
        shares: impl IntoIterator<Item = &str>,
    ) -> Result<Self, WireError> {
        let mut lab = Self::reach(target, []).await?;
        for share in shares {
            match lab.connection.tree_connect(&lab.session, share).await {
                Ok(tree) => drop(lab.trees.insert(share.to_lowercase(), tree)),
                Err(WireError::ShareRefused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(lab)
    }

    /// A share that was connected.
    pub fn tree(&self, share: &str) -> Option<&Tree> {
        self.trees.get(&share.to_lowercase())
    }

    /// Leaves the server in good order. What goes wrong then is no matter any more.
    pub async fn leave(self) {
        for tree in self.trees.values() {
            let _ = self.connection.tree_disconnect(tree).await;
        }
        let _ = self.connection.logoff(&self.session).await;
        self.connection.close();
    }
}

/// Who makes and removes things: the run's own user, else the first that somebody was mapped to.
pub(super) fn who(target: &Target) -> &Credentials {
    match (&target.credentials, target.users.first()) {
        (Credentials::Anonymous, Some(rule)) => &rule.credentials,
        (own, _) => own,
    }
}
