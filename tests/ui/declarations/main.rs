//! Mistakes in what is declared of a cluster that lives: one a file.

mod image_after;
mod image_exit;
mod image_ready;
mod image_word_typo;
mod node_arrow;
mod node_field_typo;
mod node_label;
mod node_without_name;
mod stage_without_arrow;
mod stage_word_typo;
mod without_server;

fn main() {}
