// Package learning runs federated training fast: the same local training, clip, grid and integer sum as rounds of real devices,
// without keys, masks and messages. The noise of a round is drawn once, on the sum.
//
// Owns: who takes part in a simulated round, the randomness of each member, the loop over rounds.
// Promises: the same seed gives the same models on the same machine or backend, however many cores there are; a backend that fails leaves
// its round to the CPU, whole; before noise, the sum of a round
// is bit for bit the one that the protocol's round of the same members gives (a test holds the two together); a parameter or loss that is
// not a number stops the training with the round named, and the models before it stay.
// Never: sees a title that was held out, picks the best of many rounds.
// Start here: Run.
package learning
