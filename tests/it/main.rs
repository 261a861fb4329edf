//! The behaviour of kmock through its facade: one module a topic.

mod assertions;
mod attribute;
mod engine;
<<<<<<< HEAD
mod grammar;
=======
mod reports;
>>>>>>> 5c53b69 (Draw reports as pages; show failures once; test reports and the page of failures)
