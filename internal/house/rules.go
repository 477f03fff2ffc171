package house

// Rule is one rule of the house; Check returns a line for each place that breaks it.
type Rule struct {
	Name  string
	Check func(Tree) []string
}

// Rules returns every rule that syntax can check.
func (h *House) Rules() []Rule {
	return []Rule{
		{"rooms import what the table allows", h.checkRooms},
		{"outside modules stay in their rooms", h.checkOutside},
		{"few rooms reach outside the process", h.checkReach},
		{"pure packages are pure", h.checkPurity},
		{"secrets do not come from a learning generator", h.checkSecretRandomness},
		{"nothing sleeps", h.checkSleeps},
		{"package variables do not change", h.checkState},
		{"programs are those of the policy", h.checkPrograms},
		{"names say what is owned", h.checkNames},
		{"packages introduce themselves", h.checkComments},
		{"exports have a sentence", h.checkExports},
		{"tests over real data can be made to run", h.checkData},
	}
}
