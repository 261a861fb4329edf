//! States: a word that requests change, and by which rules are chosen.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use crate::criteria::Filter;

/// A word that the requests of a test change, and by which its rules are chosen: a small state machine across rules.
/// Clones are the same state.
///
/// ```
/// # use kmock_runtime as kmock;
/// use kmock::{Rule, State};
///
/// let session = State::new("out");
/// let rules = [
///     Rule::on("post /login").sink(session.to("in")).status(200),
///     Rule::on(session.is("in") & "get /me".into()).json("john"),
///     Rule::on("get /me").status(401),
/// ];
/// # drop(rules);
/// ```
///
/// In `kmock!`: `POST "/login" >> session.to("in") => 200; GET "/me" (session.is("in")) => "john";`. The state is changed
/// before the answer goes out.
#[derive(Clone)]
pub struct State(Arc<Mutex<String>>);

/// What changes a state: a sink of rules.
///
/// ```no_run
/// # use kmock_runtime as kmock;
/// # async fn example(k: kmock::KMock) -> Result<(), Box<dyn std::error::Error>> {
/// use kmock::State;
///
/// let session = State::new("out");
/// k.on("post /login").sink(session.to("in")).status(200);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Transition {
    state: State,
    to: String,
}

impl State {
    /// A state, and what it is at first.
    pub fn new(state: impl Into<String>) -> State {
        State(Arc::new(Mutex::new(state.into())))
    }

    /// What it is now.
    pub fn get(&self) -> String {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Changes it.
    pub fn set(&self, state: impl Into<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state.into();
    }

    /// The requests that come while it is this. They cannot be counted afterwards, as the state goes on.
    #[track_caller]
    pub fn is(&self, state: impl Into<String>) -> Filter {
        Filter::state(self.clone(), state.into())
    }

    /// A sink that changes it: `>> state.to("in")`.
    pub fn to(&self, state: impl Into<String>) -> Transition {
        Transition {
            state: self.clone(),
            to: state.into(),
        }
    }
}

impl Transition {
    pub(crate) fn go(&self) {
        self.state.set(self.to.clone());
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({:?})", self.get())
    }
}
