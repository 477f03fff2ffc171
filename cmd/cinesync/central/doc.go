// Package central trains the recipe of rounds at one place, from histories that it is handed: no masks, nobody lost.
//
// Owns: the same rounds without a protocol, with the noise of one or with none, and what each published.
// Promises: the same recipe, people and seed give the same models; with noise, each person's part goes through the device's own
// clip, rounding and sampler; a person who is left out takes part with the zero vector.
// Never: has histories that a device would not give away. It measures what privacy costs and what it is worth, for whoever
// invented the people or was given a data set.
// Start here: Recipe.Train.
package central
