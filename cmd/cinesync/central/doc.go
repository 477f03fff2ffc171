// Package central trains the recipe of rounds at one place, from histories that it is handed: no masks, no noise, nobody lost.
//
// Owns: the same rounds without a protocol, and the mean of each.
// Promises: the same recipe, people and seed give the same models; updates are clipped by the devices' own code.
// Never: has histories that a device would not give away. It measures what privacy costs and what it is worth, for whoever
// invented the people or was given a data set.
// Start here: Recipe.Train.
package central
