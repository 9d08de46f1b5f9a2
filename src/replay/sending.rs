//! The engine's way out: connections, logins, and chains with their ids mapped.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::engine::{Flight, Lane, Login, Running};
use super::lane::{self, Happening, Job, Request};
use super::outcome::{Class, Outcome};
use super::plan::{StepIndex, StepKind};
use super::rewrite::Rewriter;
use crate::model::{Command, Header, HeaderFlags, Operation, TreeId};
use crate::wire::{LoginOptions, Outgoing, Session};

/// What a step needs that is not there.
pub(super) enum Missing {
    /// It is on the way: the chain was put aside.
    Later,
    /// It will not come; the step where that began.
    Never(StepIndex),
}

impl Running<'_> {
    /// Sends a chain, or does what stands for it; or puts it aside until its connection and session are there.
    pub(super) fn send_chain(&mut self, chain: u32, due: Duration) {
        let plan = self.plan;
        let Some(planned) = plan.chains.get(chain as usize) else { return };
        if let Some(closing) = planned.closing {
            self.release(None, |readiness| readiness.sent(chain));
            return self.close(planned.connection, closing);
        }
        let mut requests: Vec<Request> = Vec::new();
        // The step of this chain that those related to it inherit a failure from.
        let mut failed: Option<StepIndex> = None;
        for at in planned.steps() {
            let (Some(step), Some(operation)) = (plan.steps.get(at as usize), self.operations.get(at as usize))
            else {
                continue;
            };
            match step.kind {
                StepKind::NotReplayable(reason) => self.finish(Outcome::unanswered(at, Class::NotReplayable(reason))),
                // Settled before the run began.
                StepKind::NotSelected => {}
                StepKind::Connect => self.connect_for(at, planned.connection, due),
                StepKind::Login => self.log_in_for(at, planned.connection, step.session, due),
                StepKind::Own => self.finish(own(at)),
                StepKind::Break => self.await_break(at),
                StepKind::Cancel { target } => self.cancel(at, target, planned.connection, due),
                StepKind::Send | StepKind::Acknowledge { .. } => {
                    let session = match self.session_for(chain, planned.connection, step.session) {
                        Ok(session) => session,
                        Err(Missing::Later) => return,
                        Err(Missing::Never(root)) => {
                            self.skip(at, root);
                            continue;
                        }
                    };
                    if let Err(Missing::Later) =
                        self.implicit_tree(chain, planned.connection, step.session, operation, &session)
                    {
                        return;
                    }
                    let inherited = failed.filter(|_| operation.related);
                    let request = match inherited {
                        Some(root) => Err(root),
                        None => self.request(step.kind, operation, step.session, &session),
                    };
                    match request {
                        Ok(outgoing) => {
                            failed = None;
                            requests.push(Request {
                                step: at,
                                outgoing,
                                tells_interim: operation.interim.is_some(),
                                cancellable: self.cancel_targets.contains(&at),
                            });
                        }
                        Err(root) => {
                            failed = Some(root);
                            self.skip(at, root);
                        }
                    }
                }
            }
        }
        if !requests.is_empty() {
            self.hand_over(planned.connection, requests, due);
        }
        self.release(None, |readiness| readiness.sent(chain));
    }

    /// Ends a connection as the captured client did, and lets the server give back what was open on it.
    fn close(&mut self, connection: u32, closing: u32) {
        let step = self.plan.closing_step(closing);
        let Some(lane) = self.lanes.get_mut(connection as usize) else { return };
        let Lane::Up { jobs, .. } = lane else { return self.release(None, |readiness| readiness.done(step)) };
        let _ = jobs.send(Job::ShutDown { step });
        *lane = Lane::Closed;
        self.logins.retain(|(on, _), _| *on != connection);
        let plan = self.plan;
        for (session, tree) in &plan.implicit_trees {
            if self.homes.get(session) == Some(&connection) {
                self.ids.forget_tree(*session, *tree);
            }
        }
        self.homes.retain(|_, home| *home != connection);
    }

    pub(super) fn skip(&mut self, step: StepIndex, root: StepIndex) {
        self.finish(Outcome::unanswered(step, Class::Skipped { root }));
    }

    fn hand_over(&mut self, connection: u32, requests: Vec<Request>, due: Duration) {
        let now = self.now();
        let jobs = match self.lanes.get(connection as usize) {
            Some(Lane::Up { jobs, .. }) => jobs.clone(),
            Some(Lane::Down(root)) => {
                let root = *root;
                return requests.iter().for_each(|request| self.skip(request.step, root));
            }
            _ => return,
        };
        for request in &requests {
            let Some(operation) = self.operations.get(request.step as usize) else { continue };
            self.in_flight.insert(request.step, Flight { due, handed_over: now });
            if !Self::needs_answer(operation) {
                self.optional.insert(request.step);
                continue;
            }
            // What the captured server took its time for may take as long again.
            let captured = u64::try_from(operation.latency_ns().unwrap_or(0)).unwrap_or(0);
            let deadline = now + self.options.step_timeout + Duration::from_nanos(captured);
            self.deadlines.push(Reverse((deadline, request.step)));
        }
        // A lane that ended tells so itself.
        let _ = jobs.send(Job::Chain(requests));
    }

    fn cancel(&mut self, step: StepIndex, target: Option<StepIndex>, connection: u32, due: Duration) {
        let over = target.is_none_or(|target| self.outcomes.get(target as usize).is_some_and(Option::is_some));
        let jobs = match self.lanes.get(connection as usize) {
            Some(Lane::Up { jobs, .. }) => jobs.clone(),
            Some(Lane::Down(root)) => {
                let root = *root;
                return self.skip(step, root);
            }
            _ => {
                let mut outcome = Outcome::unanswered(step, Class::Match);
                outcome.note = Some("nothing was in flight to cancel".into());
                return self.finish(outcome);
            }
        };
        let Some(target) = target.filter(|_| !over) else {
            let mut outcome = Outcome::unanswered(step, Class::Match);
            outcome.note = Some("what it cancels was answered before".into());
            return self.finish(outcome);
        };
        self.in_flight.insert(step, Flight { due, handed_over: self.now() });
        let _ = jobs.send(Job::Cancel { step, target });
    }

    /// The body and header of a step, or the step that it cannot be sent for.
    fn request(
        &self,
        kind: StepKind,
        operation: &Operation,
        session_place: u32,
        session: &Session,
    ) -> Result<Outgoing, StepIndex> {
        if let StepKind::Acknowledge { of } = kind
            && !self.breaks.has_come(of)
        {
            return Err(self.root_of(of));
        }
        let server = self.plan.sessions.get(session_place as usize).map_or(0, |session| session.server);
        if let Some(id) = super::classify::named_file_id(operation)
            && let Some(root) = self.failed_files.get(&(server, id))
        {
            return Err(*root);
        }
        let pdu = operation.request.as_ref().map(|part| part.pdu.as_ref()).unwrap_or_default();
        let rewriter = Rewriter { ids: &self.ids, names: &self.target.names, copy: self.copy };
        let body = rewriter.body(operation, pdu, server);
        let header = Header::decode(pdu).ok();
        let mut outgoing = Outgoing::new(operation.command, body).in_session(session);
        outgoing.credit_charge = operation.credit_charge.unwrap_or(1);
        outgoing.channel_sequence = operation.channel_sequence;
        outgoing.sign = operation.signed;
        let kept = HeaderFlags::RELATED_OPERATIONS | HeaderFlags::REPLAY_OPERATION | PRIORITY_MASK;
        outgoing.flags = HeaderFlags(header.map_or(0, |header| header.flags.0) & kept);
        outgoing.session_id = header.map(|header| header.session_id).filter(|id| id.is_inherited());
        outgoing.tree_id = match header.and_then(|header| header.tree_id) {
            Some(inherited) if inherited.is_inherited() => inherited,
            _ => self.tree(operation, session_place)?,
        };
        Ok(outgoing)
    }

    fn tree(&self, operation: &Operation, session: u32) -> Result<TreeId, StepIndex> {
        let without = matches!(operation.command, Command::TreeConnect | Command::Logoff | Command::Echo);
        if without {
            return Ok(TreeId(0));
        }
        if let Some(root) = self.failed_trees.get(&(session, operation.tree_id)) {
            return Err(*root);
        }
        let live = self.ids.tree(session, operation.tree_id);
        Ok(live.unwrap_or_else(|| self.ids.unknown_tree(session, operation.tree_id)))
    }

    /// The live session of a captured one on a connection, which is connected and logged in when the capture does not hold
    /// how that came about.
    fn session_for(&mut self, chain: u32, connection: u32, session: u32) -> Result<Session, Missing> {
        let first = self.plan.chains.get(chain as usize).map_or(0, |chain| chain.steps().start);
        match self.lanes.get_mut(connection as usize) {
            Some(Lane::Up { .. }) => {}
            Some(Lane::Connecting(waiting)) => {
                waiting.push(chain);
                return Err(Missing::Later);
            }
            Some(Lane::Down(root)) => return Err(Missing::Never(*root)),
            Some(lane @ (Lane::Idle | Lane::Closed)) => {
                *lane = Lane::Connecting(vec![chain]);
                self.connect(connection);
                return Err(Missing::Later);
            }
            None => return Err(Missing::Never(first)),
        }
        match self.logins.get_mut(&(connection, session)) {
            Some(Login::Done(session)) => Ok(session.clone()),
            Some(Login::Failed(root)) => Err(Missing::Never(*root)),
            Some(Login::Pending(waiting)) => {
                waiting.push(chain);
                Err(Missing::Later)
            }
            None => {
                self.logins.insert((connection, session), Login::Pending(vec![chain]));
                self.log_in(connection, session);
                Err(Missing::Later)
            }
        }
    }

    fn connect_for(&mut self, step: StepIndex, connection: u32, due: Duration) {
        self.in_flight.insert(step, Flight { due, handed_over: self.now() });
        match self.lanes.get_mut(connection as usize) {
            Some(lane @ (Lane::Idle | Lane::Closed)) => {
                *lane = Lane::Connecting(Vec::new());
                self.connect(connection);
            }
            Some(Lane::Connecting(_)) => {}
            _ => self.finish(self.there_already(step, connection, None)),
        }
    }

    pub(super) fn connect(&self, connection: u32) {
        let (client_guid, dialect) = self.origins.negotiated.get(&connection).copied().unwrap_or_default();
        let client_guid = client_guid.map(|guid| self.copy.separated(guid));
        let (target, tell) = (Arc::clone(self.target), self.tell.clone());
        tokio::spawn(async move {
            let result = lane::connect(target, client_guid, dialect).await;
            let _ = tell.send(Happening::Connected { connection, result });
        });
    }

    fn log_in_for(&mut self, step: StepIndex, connection: u32, session: u32, due: Duration) {
        let chain = self.plan.steps.get(step as usize).map_or(0, |step| step.chain);
        self.in_flight.entry(step).or_insert(Flight { due, handed_over: self.start.elapsed() });
        match self.session_for(chain, connection, session) {
            Ok(_) => self.finish(self.there_already(step, connection, Some(session))),
            Err(Missing::Later) => {}
            Err(Missing::Never(root)) => self.skip(step, root),
        }
    }

    pub(super) fn log_in(&mut self, connection: u32, session: u32) {
        let Some(Lane::Up { wire, .. }) = self.lanes.get(connection as usize) else { return };
        // A session that lives on another connection is bound to this one; one whose connection is gone is made anew.
        let home = self.homes.get(&session).copied().filter(|home| *home != connection);
        let bound = home.and_then(|home| match (self.lanes.get(home as usize), self.logins.get(&(home, session))) {
            (Some(Lane::Up { .. }), Some(Login::Done(session))) => Some(session.clone()),
            _ => None,
        });
        self.homes.entry(session).or_insert(connection);
        let previous_session_id = self.previous_session(session);
        let credentials = self.users.credentials(session).unwrap_or(&self.target.credentials).clone();
        let (wire, tell) = (wire.clone(), self.tell.clone());
        tokio::spawn(async move {
            let result = match bound {
                Some(bound) => wire.bind(&bound, &credentials).await,
                None => wire.login_with(&credentials, LoginOptions { previous_session_id }).await,
            };
            let _ = tell.send(Happening::LoggedIn { connection, session, result });
        });
    }

    /// The live id of the session that a captured login took the place of.
    fn previous_session(&self, session: u32) -> Option<crate::model::SessionId> {
        let previous = self.origins.previous_sessions.get(&session)?;
        let place = self.plan.sessions.iter().position(|known| known.id == *previous)? as u32;
        self.logins.iter().find_map(|((_, session), login)| match login {
            Login::Done(live) if *session == place => Some(live.id()),
            _ => None,
        })
    }
}

/// The priority bits of the flags, [MS-SMB2] 2.2.1.2.
const PRIORITY_MASK: u32 = 0x0000_0070;

/// The outcome of something that the engine did in its own way.
pub(super) fn own(step: StepIndex) -> Outcome {
    Outcome { compared: true, ..Outcome::unanswered(step, Class::Match) }
}
