package house

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
)

// small is a policy with one line of each sort, for trees of a few lines.
func small(t *testing.T) *House {
	t.Helper()
	h, err := New(Policy{
		Module: "example.org/m",
		Rooms: `
			privacy        pure     -
			protocol       pure     -
			protocol/quic  adapter  protocol
			protocol/prototest  suite  protocol
			client         driver   client/* privacy protocol   # a comment
			client/door    driver   privacy protocol
			internal/par   leaf     -
			internal/ops   leaf     -
			cmd/*          program  anything
			gpu            adapter  -
			serve/*        leaf     -`,
		Outside:  "example.com/quic  protocol/quic\nexample.com/rapid  tests\n",
		Reach:    "net  protocol/quic cmd/*\nnet/http  cmd/*\nmath/rand  -\nC  -\n",
		Pure:     "protocol  context  Context\n",
		Programs: "cmd/run",
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

const (
	introduction = "// Package %s does one thing.\n//\n// Owns: it.\n// Promises: that.\n// Never: more.\n// Start here: Do.\npackage %s\n"
	asCommand    = "// Command run runs.\n//\n// Owns: flags.\n// Promises: exit codes.\n// Never: decides.\n// Start here: main.\npackage main\n"
)

func introduce(name, rest string) string { return fmt.Sprintf(introduction, name, name) + rest }

// planted are violations: the first file in each breaks exactly the rule named, and the message says so. Where rule is
// empty the tree is in order.
var planted = []struct {
	name, rule, message string
	path, text          string
}{
	{"a tree in order", "", "", "privacy/a.go", introduce("privacy", `import ("io"; "time"; "example.org/m/internal/par")
		var table = []int{1}
		// Do waits for d at most.
		func Do(io.Reader, time.Duration) { local := table; local = nil; par.Do(1, func(int) {}); _ = local }`)},
	{"an excepted name", "", "", "protocol/a.go", introduce("protocol", "import \"context\"\n// Conn waits.\ntype Conn interface { Send(context.Context) error }")},
	{"values of net are free", "", "", "client/a.go", introduce("client", "import (\"net/url\"; \"net/netip\"; \"math/rand/v2\")\nvar _, _, _ = url.URL{}, netip.Addr{}, rand.IntN")},
	{"a test imports a neighbour", "", "", "privacy/a_test.go", introduce("privacy", "import (\"example.org/m/client\"; \"example.org/m/protocol/prototest\"; \"example.com/rapid\"; \"net\"; \"time\")\nvar _ = time.Now")},
	{"a suite imports a test module", "", "", "protocol/prototest/a.go", introduce("prototest", "import \"example.com/rapid\"")},
	{"a program imports anything", "", "", "cmd/run/main.go", asCommand + "import (\"net/http\"; \"example.org/m/gpu\"; \"example.org/m/client\")\nfunc main() {}"},
	{"a leaf for drivers", "", "", "client/a.go", introduce("client", "import \"example.org/m/internal/ops\"")},
	{"a local variable of the same name", "", "", "privacy/a.go", introduce("privacy", "import \"time\"\nvar seen = 1\nfunc f(time interface{ Now() }) { time.Now(); seen := 2; seen++; _ = seen }")},
	{"an embedded file", "", "", "privacy/a.go", introduce("privacy", "import _ \"embed\"\n//go:embed a.sql\nvar schema string")},

	{"a package without a line", "rooms import what the table allows", "gossip: not in the table", "gossip/a.go", introduce("gossip", "")},
	{"a pattern does not cover itself", "rooms import what the table allows", "serve: not in the table", "serve/a.go", introduce("serve", "")},
	{"a wrong direction", "rooms import what the table allows", "privacy may not import protocol", "privacy/a.go", introduce("privacy", `import "example.org/m/protocol"`)},
	{"a renamed import", "rooms import what the table allows", "protocol may not import privacy", "protocol/a.go", introduce("protocol", `import x "example.org/m/privacy"`)},
	{"a leaf that pure packages may not have", "rooms import what the table allows", "privacy may not import internal/ops", "privacy/a.go", introduce("privacy", `import "example.org/m/internal/ops"`)},
	{"the gpu outside programs", "rooms import what the table allows", "client may not import gpu", "client/a.go", introduce("client", `import "example.org/m/gpu"`)},
	{"an adapter behind the door's back", "rooms import what the table allows", "client may not import protocol/quic", "client/a.go", introduce("client", `import "example.org/m/protocol/quic"`)},
	{"a suite in a program", "rooms import what the table allows", "only tests may", "cmd/run/main.go", asCommand + `import "example.org/m/protocol/prototest"`},
	{"a vendor in the wrong room", "outside modules stay in their rooms", "whose rooms are [protocol/quic]", "client/a.go", introduce("client", `import "example.com/quic/sub"`)},
	{"a vendor in a test of the wrong room", "outside modules stay in their rooms", "whose rooms are", "client/a_test.go", introduce("client", `import "example.com/quic"`)},
	{"a test module in a program", "outside modules stay in their rooms", "whose rooms are [tests]", "client/a.go", introduce("client", `import "example.com/rapid"`)},
	{"an unknown module", "outside modules stay in their rooms", "has no room", "client/a_test.go", introduce("client", `import "example.net/new"`)},
	{"the network behind the door's back", "few rooms reach outside the process", "imports net/http", "client/door/a.go", introduce("door", `import "net/http"`)},
	{"a package below net", "few rooms reach outside the process", "imports net/http/httputil", "protocol/quic/a.go", introduce("quic", `import "net/http/httputil"`)},
	{"the old generator, in a test too", "few rooms reach outside the process", "imports math/rand", "client/a_test.go", introduce("client", `import "math/rand"`)},
	{"cgo", "few rooms reach outside the process", "imports C", "client/a.go", introduce("client", `import "C"`)},
	{"a pure package with files", "pure packages are pure", "imports os/exec", "privacy/a.go", introduce("privacy", `import "os/exec"`)},
	{"a pure package with locks", "pure packages are pure", "imports sync/atomic", "privacy/a.go", introduce("privacy", `import "sync/atomic"`)},
	{"a pure package with SQL", "pure packages are pure", "imports database/sql/driver", "privacy/a.go", introduce("privacy", `import "database/sql/driver"`)},
	{"a pure package with logs", "pure packages are pure", "imports log/slog", "privacy/a.go", introduce("privacy", `import "log/slog"`)},
	{"a pure package with net values", "pure packages are pure", "imports net/netip", "privacy/a.go", introduce("privacy", `import "net/netip"`)},
	{"a pure package with its own secrets", "pure packages are pure", "imports crypto/rand", "privacy/a.go", introduce("privacy", `import "crypto/rand"`)},
	{"more than the exception", "pure packages are pure", "[Context] alone, not Background", "protocol/a.go", introduce("protocol", "import \"context\"\nvar ctx = context.Background()")},
	{"an exception of another room", "pure packages are pure", "imports context", "privacy/a.go", introduce("privacy", `import "context"`)},
	{"a clock", "pure packages are pure", "time.Now", "privacy/a.go", introduce("privacy", "import \"time\"\nvar now = time.Now")},
	{"a clock under another name", "pure packages are pure", "time.Since", "privacy/a.go", introduce("privacy", "import t \"time\"\nfunc f(x t.Time) { t.Since(x) }")},
	{"a clock by dot import", "pure packages are pure", "time..", "privacy/a.go", introduce("privacy", "import . \"time\"")},
	{"a goroutine", "pure packages are pure", "starts a goroutine", "privacy/a.go", introduce("privacy", "func f() { go f() }")},
	{"a global generator", "pure packages are pure", "rand.IntN", "protocol/a.go", introduce("protocol", "import \"math/rand/v2\"\nvar die = rand.IntN(6)")},
	{"noise from a learning generator", "secrets do not come from a learning generator", "math/rand/v2", "privacy/a.go", introduce("privacy", "import \"math/rand/v2\"\nvar _ *rand.Rand")},
	{"a sleeping test", "nothing sleeps", "a_test.go:8: sleeps", "client/a_test.go", introduce("client", "import \"time\"; func f() { time.Sleep(1) }")},
	{"a sleeping driver", "nothing sleeps", "sleeps", "client/a.go", introduce("client", "import \"time\"\nvar pause = time.Sleep")},
	{"an init function", "package variables do not change", "an init function", "client/a.go", introduce("client", "func init() {}")},
	{"a variable without a value", "package variables do not change", "variable cache without a value", "client/a.go", introduce("client", "var cache map[string]int")},
	{"a written variable", "package variables do not change", "writes package variable count", "client/a.go", introduce("client", "var count = 0\nfunc f() { count++ }")},
	{"a part of a written variable", "package variables do not change", "writes package variable table", "client/a.go", introduce("client", "var table = []struct{ n int }{{1}}\nfunc f() { table[0].n = 2 }")},
	{"a fourth program", "programs are those of the policy", "a program", "cmd/other/main.go", strings.ReplaceAll(asCommand, "Command run", "Command other")},
	{"a program in a room", "programs are those of the policy", "a program", "client/main.go", strings.ReplaceAll(asCommand, "Command run", "Command client")},
	{"a name that says nothing", "names say what is owned", `"util" says nothing`, "cmd/util/a.go", introduce("words", "")},
	{"a package name that says nothing", "names say what is owned", `package name "types" says nothing`, "cmd/words/a.go", introduce("types", "")},
	{"no introduction", "packages introduce themselves", "0 package comments", "client/a.go", "package client"},
	{"a wrong first word", "packages introduce themselves", `begin with "Package client "`, "client/a.go", strings.Replace(introduce("client", ""), "Package client", "This package", 1)},
	{"no promise", "packages introduce themselves", `"Promises: "`, "client/a.go", strings.Replace(introduce("client", ""), "Promises:", "Perhaps:", 1)},
	{"sections out of order", "packages introduce themselves", `"Start here: "`, "client/a.go", strings.NewReplacer("Never: more", "Start here: Do", "Start here: Do", "Never: more").Replace(introduce("client", ""))},
	{"a command that is called a package", "packages introduce themselves", `begin with "Command run "`, "cmd/run/main.go", strings.Replace(asCommand, "Command run", "Package main", 1)},
	{"a silent function", "exports have a sentence", "exported Do has no sentence", "client/a.go", introduce("client", "func Do() {}")},
	{"a silent method", "exports have a sentence", "exported Spend has no sentence", "client/a.go", introduce("client", "// Ledger keeps.\ntype Ledger struct{}\nfunc (l *Ledger) Spend() {}\nfunc (l *Ledger) String() string { return \"\" }")},
	{"a silent type", "exports have a sentence", "exported Ledger has no sentence", "client/a.go", introduce("client", "type Ledger struct{}")},
	{"a silent constant", "exports have a sentence", "exported Limit has no sentence", "client/a.go", introduce("client", "const Limit = 1")},
	{"a test that finds data by itself", "tests over real data can be made to run", "names the folder", "client/a_test.go", introduce("client", "const data = \"../../shared"+"/data\"")},
}

func TestPlantedViolations(t *testing.T) {
	h := small(t)
	shown := map[string]bool{}
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			tree, err := Read(fstest.MapFS{p.path: {Data: []byte(p.text)}})
			if err != nil {
				t.Fatal(err)
			}
			for _, rule := range h.Rules() {
				problems := rule.Check(tree)
				if rule.Name != p.rule {
					for _, problem := range problems {
						t.Errorf("%q also complains: %s", rule.Name, problem)
					}
				} else if len(problems) != 1 || !strings.Contains(problems[0], p.message) || !strings.Contains(problems[0], p.path[:strings.IndexByte(p.path, '/')]) {
					t.Errorf("%q said %q, want one line with %q", rule.Name, problems, p.message)
				}
			}
			shown[p.rule] = true
		})
	}
	for _, rule := range h.Rules() {
		if !shown[rule.Name] {
			t.Errorf("no planted violation shows that %q can fail", rule.Name)
		}
	}
}

// TestTwoIntroductions needs two files: the second comment is the violation.
func TestTwoIntroductions(t *testing.T) {
	tree, err := Read(fstest.MapFS{
		"client/a.go": {Data: []byte(introduce("client", ""))},
		"client/b.go": {Data: []byte(introduce("client", ""))},
		"testdata/c":  {Data: []byte("not Go")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if problems := small(t).checkComments(tree); len(problems) != 1 || !strings.Contains(problems[0], "2 package comments") {
		t.Errorf("said %q", problems)
	}
}

// TestWriteAcrossFiles needs two files: the variable is declared in one and written in the other.
func TestWriteAcrossFiles(t *testing.T) {
	tree, err := Read(fstest.MapFS{
		"client/a.go": {Data: []byte(introduce("client", "var count = 0"))},
		"client/b.go": {Data: []byte("package client\nfunc f(count int) { count = 1 }\nfunc g() { count = 1 }")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if problems := small(t).checkState(tree); len(problems) != 1 || !strings.Contains(problems[0], "client/b.go:3") {
		t.Errorf("said %q, want the write in g alone", problems)
	}
}

func TestReadRefusesWhatDoesNotParse(t *testing.T) {
	if _, err := Read(fstest.MapFS{"client/a.go": {Data: []byte("packag client")}}); err == nil || !strings.Contains(err.Error(), "client/a.go") {
		t.Errorf("read gave %v, want an error that names the file", err)
	}
}

func TestPolicyThatDoesNotParse(t *testing.T) {
	for name, p := range map[string]Policy{
		"a kind that does not exist": {Rooms: "client magic -"},
		"a room without imports":     {Rooms: "client driver"},
		"a module without rooms":     {Outside: "example.com/quic"},
		"an exception without names": {Pure: "protocol context"},
	} {
		if _, err := New(p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestReachesFollowsTheTable(t *testing.T) {
	for from, want := range map[string]string{"client": "client/door privacy protocol", "client/door": "privacy protocol", "privacy": ""} {
		if got := strings.Join(small(t).Reaches(from), " "); got != want {
			t.Errorf("%s reaches %q, want %q", from, got, want)
		}
	}
}
