//! The engine's way in: answers are compared, learnt from, and turned into outcomes.

use xxhash_rust::xxh3::xxh3_128;

use super::classify::granted_file_id;
use super::divergence::{Comparison, Context, compare};
use super::engine::{Lane, Login, Running};
use super::lane::{self, Happening};
use super::outcome::{Class, Finding, Outcome};
use super::plan::{Step, StepIndex, StepKind};
use crate::model::message::{Response, WriteResponse};
use crate::model::{Command, NtStatus, Operation};
use crate::wire::{Connection, Reply, Session, WireError};

impl Running<'_> {
    /// Takes in one happening.
    pub(super) fn take(&mut self, happening: Happening) {
        match happening {
            Happening::Connected { connection, result } => self.connected(connection, result),
            Happening::LoggedIn { connection, session, result } => self.logged_in(connection, session, result),
            Happening::TreeConnected { session, captured, result } => self.tree_connected(session, captured, result),
            Happening::Interim { step } => self.release(None, |readiness| readiness.interim(step)),
            Happening::Answered { step, answer } => match *answer {
                Ok(reply) => self.answered(step, reply),
                Err(error) => self.unanswered(step, &error),
            },
            Happening::Cancelled { step, sent, lost } => {
                let class = if lost { Class::ConnectionLost } else { Class::Match };
                let mut outcome = Outcome::unanswered(step, class);
                outcome.compared = !lost;
                outcome.sent = sent.map(|sent| sent.saturating_duration_since(self.start));
                self.finish(outcome);
            }
            Happening::ShutDown { step } => self.release(None, |readiness| readiness.done(step)),
            Happening::Unasked { connection, event } => self.unasked(connection, event),
        }
    }

    fn connected(&mut self, connection: u32, result: Result<Connection, WireError>) {
        let own: Vec<StepIndex> = self.own_in_flight(StepKind::Connect, |chain| chain == connection);
        let Some(lane) = self.lanes.get_mut(connection as usize) else { return };
        let waiting = match std::mem::take(lane) {
            Lane::Connecting(waiting) => waiting,
            other => {
                *lane = other;
                return;
            }
        };
        match result {
            Ok(wire) => {
                self.negotiations.connected(connection, &wire);
                let jobs = lane::start(connection, wire.clone(), self.tell.clone());
                *lane = Lane::Up { wire, jobs };
                for step in own {
                    self.finish(super::sending::own(step));
                }
            }
            // Made ahead: whoever needs it tries again.
            Err(_) if own.is_empty() && waiting.is_empty() => *lane = Lane::Idle,
            Err(error) => {
                let root = own.first().copied().unwrap_or_else(|| self.first_step(&waiting));
                if let Some(lane) = self.lanes.get_mut(connection as usize) {
                    *lane = Lane::Down(root);
                }
                self.fail(root, Class::ConnectionLost, "connection", &error);
            }
        }
        waiting.into_iter().for_each(|chain| self.send_again(chain));
    }

    fn logged_in(&mut self, connection: u32, session: u32, result: Result<Session, WireError>) {
        let key = (connection, session);
        let Some(Login::Pending(waiting)) = self.logins.remove(&key) else { return };
        match result {
            Ok(live) => drop(self.logins.insert(key, Login::Done(live))),
            // Made ahead: whoever needs it tries again.
            Err(_) if waiting.is_empty() => {}
            Err(error) => {
                let root = self.first_step(&waiting);
                self.logins.insert(key, Login::Failed(root));
                let class = if error.status().is_some() { Class::Status } else { Class::MissingResponse };
                self.fail(root, class, "login", &error);
            }
        }
        waiting.into_iter().for_each(|chain| self.send_again(chain));
    }

    /// Sends a chain that was put aside, now that what it waited for is there or will not come.
    pub(super) fn send_again(&mut self, chain: u32) {
        let due = self.ready_again(chain);
        self.send_chain(chain, due);
    }

    fn own_in_flight(&self, kind: StepKind, on: impl Fn(u32) -> bool) -> Vec<StepIndex> {
        let is_own = |step: &StepIndex| {
            self.plan.steps.get(*step as usize).is_some_and(|step| {
                step.kind == kind
                    && self.plan.chains.get(step.chain as usize).is_some_and(|chain| on(chain.connection))
            })
        };
        let mut steps: Vec<StepIndex> = self.in_flight.keys().copied().filter(is_own).collect();
        steps.sort_unstable();
        steps
    }

    pub(super) fn first_step(&self, chains: &[u32]) -> StepIndex {
        let first = chains.iter().min().and_then(|chain| self.plan.chains.get(*chain as usize));
        first.map_or(0, |chain| chain.steps().start)
    }

    /// The place of a step's connection in the plan.
    pub(super) fn connection_of(&self, step: &Step) -> u32 {
        self.plan.chains.get(step.chain as usize).map_or(0, |chain| chain.connection)
    }

    pub(super) fn fail(&mut self, step: StepIndex, class: Class, subject: &str, error: &WireError) {
        let mut outcome = Outcome::unanswered(step, class);
        let connection = self.plan.steps.get(step as usize).map_or(0, |step| self.connection_of(step));
        outcome.cause = self.negotiations.on(connection).of_login(error);
        outcome.status = error.status();
        outcome.findings.push(Finding::new(subject, "as captured", error));
        self.finish(outcome);
    }

    /// The final answer to a step.
    fn answered(&mut self, at: StepIndex, reply: Reply) {
        let (plan, operations) = (self.plan, self.operations);
        let (Some(step), Some(operation)) = (plan.steps.get(at as usize), operations.get(at as usize)) else {
            return;
        };
        if self.outcomes.get(at as usize).is_some_and(Option::is_some) {
            return;
        }
        if self.tries_again(at, reply.status()) {
            return;
        }
        let server = plan.sessions.get(step.session as usize).map_or(0, |session| session.server);
        self.ids.learn(server, step.session, operation, &reply.pdu);
        let comparison = self.compared(at, step, operation, server, &reply);
        let mut outcome = Outcome::unanswered(at, comparison.class);
        outcome.status = Some(reply.status());
        outcome.findings = comparison.findings;
        if comparison.class.is_divergence() {
            outcome.cause = self.negotiations.on(self.connection_of(step)).of_answer(operation, &reply.pdu);
        }
        // Bytes that are those of the capture have its hash.
        let same_bytes =
            comparison.class == Class::Match && comparison.compared && comparison.note.is_none() && !step.on_pipe;
        let known_hash = operation.facts.data_hash.filter(|_| same_bytes).map(u128::from_be_bytes);
        outcome.note = comparison.note.or_else(|| self.reopens.note(at));
        outcome.compared = comparison.compared;
        outcome.sent = Some(reply.sent.saturating_duration_since(self.start));
        outcome.answered = Some(reply.received.saturating_duration_since(self.start));
        outcome.response_length = reply.pdu.len() as u32;
        match operation.command {
            Command::Read => {
                if let Ok(Response::Read(read)) = Response::decode(operation.command, reply.status(), &reply.pdu) {
                    outcome.payload = read.data.len() as u64;
                    outcome.data_hash = known_hash.or_else(|| Some(xxh3_128(read.data)));
                }
            }
            Command::Write if reply.status() == NtStatus::SUCCESS => {
                outcome.payload = WriteResponse::decode(&reply.pdu).map_or(0, |write| write.count.into());
            }
            Command::Create => self.remember_open(at, step, operation, &reply),
            _ => {}
        }
        if self.options.keep_responses {
            outcome.response = Some(reply.pdu);
        }
        self.finish(outcome);
    }

    fn compared(
        &mut self,
        at: StepIndex,
        step: &Step,
        operation: &Operation,
        server: u32,
        reply: &Reply,
    ) -> Comparison {
        // In a related compound the failure of the CREATE is every other step's answer too.
        let failed =
            operation.file_id.filter(|_| operation.related).and_then(|id| self.failed_files.get(&(server, id)));
        if let Some(root) = failed.filter(|root| Some(reply.status()) != operation.status && **root != at) {
            let note = format!("answered {} as a consequence", reply.status());
            return Comparison { class: Class::Skipped { root: *root }, compared: false, ..Comparison::noted(note) };
        }
        if operation.command == Command::QueryDirectory {
            return self.listings.compare(
                server,
                operation,
                &reply.pdu,
                self.continued.contains(&at),
                &self.target.names,
            );
        }
        let context = Context { names: Some(&self.target.names), sids: self.ids.sids(server), on_pipe: step.on_pipe };
        compare(operation, &reply.pdu, context)
    }

    fn remember_open(&mut self, at: StepIndex, step: &Step, operation: &Operation, reply: &Reply) {
        let Ok(Response::Create(create)) = Response::decode(operation.command, reply.status(), &reply.pdu) else {
            return;
        };
        self.breaks.opened(at, &create);
        let connection = self.connection_of(step);
        if let Some(Login::Done(session)) = self.logins.get(&(connection, step.session))
            && let Some(tree) = self.ids.tree(step.session, operation.tree_id)
        {
            self.breaks.homes.insert(create.file_id, (session.clone(), tree));
        }
        self.opened(create.file_id);
    }

    /// No answer, or none to be trusted.
    pub(super) fn unanswered(&mut self, step: StepIndex, error: &WireError) {
        if !error.is_connection_lost() {
            return self.fail(step, Class::MissingResponse, "answer", error);
        }
        let connection = self.plan.steps.get(step as usize).map_or(0, |step| self.connection_of(step));
        let mut closed_as_captured = false;
        let root = match self.lanes.get_mut(connection as usize) {
            Some(Lane::Down(root)) => *root,
            Some(Lane::Closed) => {
                closed_as_captured = self.operations.get(step as usize).is_some_and(|o| o.response.is_none());
                step
            }
            Some(lane) => {
                *lane = Lane::Down(step);
                step
            }
            None => step,
        };
        if self.optional.contains(&step) || closed_as_captured {
            // The captured client did not see an answer either.
            let mut outcome = Outcome::unanswered(step, Class::Match);
            outcome.note = Some("not answered, as in the capture".into());
            return self.finish(outcome);
        }
        let mut outcome = Outcome::unanswered(step, Class::ConnectionLost);
        outcome.findings.push(Finding::new("connection", "an answer", error));
        if root != step {
            outcome.note = Some(format!("lost with step {root}").into());
        }
        self.finish(outcome);
    }

    /// A step's time is over.
    pub(super) fn expired(&mut self, step: StepIndex) {
        if !self.in_flight.contains_key(&step) {
            return;
        }
        if self.plan.steps.get(step as usize).is_some_and(|step| step.kind == StepKind::Break) {
            return self.break_missing(step, "none", None);
        }
        let waited = self.in_flight.get(&step).map(|flight| self.now().saturating_sub(flight.handed_over));
        let mut outcome = Outcome::unanswered(step, Class::Timeout);
        outcome.sent = self.in_flight.get(&step).map(|flight| flight.handed_over);
        let waited = format!("none within {:.1} s", waited.unwrap_or_default().as_secs_f64());
        outcome.findings.push(Finding::new("answer", "an answer", waited));
        self.finish(outcome);
    }

    /// What a step's failure means for those that rely on it: its FileId or TreeId leads nowhere until it is granted again.
    pub(super) fn learn_failure(&mut self, at: StepIndex) {
        let (plan, operations) = (self.plan, self.operations);
        let (Some(step), Some(operation)) = (plan.steps.get(at as usize), operations.get(at as usize)) else {
            return;
        };
        let Some(Some(outcome)) = self.outcomes.get(at as usize) else { return };
        let succeeded = outcome.status == Some(NtStatus::SUCCESS);
        let server = plan.sessions.get(step.session as usize).map_or(0, |session| session.server);
        match operation.command {
            Command::Create => {
                let Some(id) = granted_file_id(operation) else { return };
                if succeeded {
                    self.failed_files.remove(&(server, id));
                } else {
                    let root = self.root_of(at);
                    self.ids.forget_file(server, id);
                    self.failed_files.insert((server, id), root);
                }
            }
            Command::TreeConnect if operation.status == Some(NtStatus::SUCCESS) => {
                let key = (step.session, operation.tree_id);
                if succeeded {
                    self.failed_trees.remove(&key);
                } else {
                    let root = self.root_of(at);
                    self.ids.forget_tree(step.session, operation.tree_id);
                    self.failed_trees.insert(key, root);
                }
            }
            _ => {}
        }
    }
}
