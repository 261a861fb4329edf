//! Every production of the grammar once, through a real server: what docs/grammar.md promises.

mod assertions;
mod attributes;
mod criteria;
mod heads;
mod replies;
mod scripts;
mod streams;
