// Package task reads task files: what a federation trains, on what data, with how much noise, in one TOML file that is hashed into the rounds.
//
// Owns: the file's fields with their bounds, the canonical bytes and their hash, the price of a task, the built-in tasks.
// Promises: reading is strict (an unknown, missing or impossible field is an error that names it and its line); files that say the same have the
// same hash, whatever their order and comments; ε is the ledgers' and never gains from sampling, and a figure that does is marked.
// Never: opens a file, trains.
// Start here: Parse, then Task.Terms. Rules: docs/spec/task.md.
package task
