// Package train trains task files in the fast learning mode and judges what comes out.
//
// Owns: reading a task's data, the popularity question in simulation, the report with its curves and pictures, the page of all reports.
// Promises: training is handed what may be learned from and nothing of what judges it; the last round is judged, never the best; every
// figure stands beside popularity and the same training without noise, with ε, δ, unit and what is assumed of sampling.
// Never: runs a round with devices, tunes anything.
// Start here: Run.
package train
