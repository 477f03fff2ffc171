package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// dataRoom is the one package that knows where data sets of real input lie.
const dataRoom = "internal/realdata"

// checkData checks that no other package finds data sets by itself: a test that skips on its own where the data is missing
// also skips where it must not.
func (h *House) checkData(tree Tree) []string {
	var problems []string
	for _, f := range tree {
		if f.Dir == dataRoom {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING && strings.Contains(literal.Value, "shared"+"/data") {
				problems = append(problems, fmt.Sprintf("%s: names the folder of data sets; tests ask %s.Folder", f.at(literal.Pos()), dataRoom))
			}
			return true
		})
	}
	return problems
}
