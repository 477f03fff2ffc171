// Package cross measures one model over films and series: what somebody's films alone say about the series they watch.
//
// Owns: the mixed world, the split into people who train and people who are asked about, the ranking among series, the report.
// Promises: whoever is judged took no part in training; a judged person's series are neither in the history that is scored nor among the
// candidates, but for the one that is ranked; the last round is judged; the same seed gives the same report.
// Never: claims anything about real people: what links the kinds in this world is what serve/catalog/madeup and household put there.
// Start here: Run.
package cross
