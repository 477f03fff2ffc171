// Package hostile plays a coordinator that lies against real devices, one attack at a time.
//
// Owns: the coordinator that signs whatever it likes, the members it invents, the recorder of what devices said, the unmasker,
// the table of attacks.
// Promises: devices are the shipped machine and nothing else; the unmasker uses everything such a coordinator holds (every
// share given to it or to a member of its own, every secret that can be rebuilt, every uploaded vector), and shows what it
// unmasks by unmasking it.
// Never: looks into a device for more than a test's ground truth; waits; opens a file.
// Start here: Attacks, then Unmasker. Rules: the secure aggregation specification, sections 12, 13 and 16.
package hostile
