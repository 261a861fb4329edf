//! Rules in CEL (`x-kubernetes-validations`): compiled, typed, weighed, and run.
