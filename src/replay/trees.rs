//! Trees whose TREE_CONNECT is not in the capture: the engine connects them to the share that is named for such.

use super::engine::{Lane, Running};
use super::lane::Happening;
use super::outcome::Class;
use super::sending::Missing;
use crate::model::{Operation, TreeId};
use crate::wire::{Session, WireError};

impl Running<'_> {
    /// Sees to it that the tree of a step is there; if it has to be connected first, its chain is put aside.
    pub(super) fn implicit_tree(
        &mut self,
        chain: u32,
        connection: u32,
        session: u32,
        operation: &Operation,
        live: &Session,
    ) -> Result<(), Missing> {
        let key = (session, operation.tree_id);
        let settled = self.ids.tree(session, operation.tree_id).is_some() || self.failed_trees.contains_key(&key);
        if settled || !self.plan.implicit_trees.contains(&key) {
            return Ok(());
        }
        let Some(Lane::Up { wire, .. }) = self.lanes.get(connection as usize) else { return Ok(()) };
        if let Some(waiting) = self.connecting_trees.get_mut(&key) {
            waiting.push(chain);
            return Err(Missing::Later);
        }
        self.connecting_trees.insert(key, vec![chain]);
        let path = self.target.names.target_path("");
        let (wire, live, tell, captured) = (wire.clone(), live.clone(), self.tell.clone(), operation.tree_id);
        tokio::spawn(async move {
            let result = wire.tree_connect(&live, &path).await.map(|tree| tree.id);
            let _ = tell.send(Happening::TreeConnected { session, captured, result });
        });
        Err(Missing::Later)
    }

    pub(super) fn tree_connected(&mut self, session: u32, captured: TreeId, result: Result<TreeId, WireError>) {
        let key = (session, captured);
        let Some(waiting) = self.connecting_trees.remove(&key) else { return };
        match result {
            Ok(live) => self.ids.insert_tree(session, captured, live),
            Err(error) => {
                let root = self.first_step(&waiting);
                self.failed_trees.insert(key, root);
                let class = if error.status().is_some() { Class::Status } else { Class::MissingResponse };
                self.fail(root, class, "tree connect", &error);
            }
        }
        waiting.into_iter().for_each(|chain| self.send_again(chain));
    }
}
