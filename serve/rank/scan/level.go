package scan

// level is a form that the loops exist in, all with the same methods.
type level int

const portable level = 0

// best is what this processor runs; the choice is made once.
var best = levels()[0]
