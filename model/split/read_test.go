package split

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadTrain(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       [][]int
		repeated   int
	}{
		{"in time order", "0\t3\n0\t1\n2\t0\n", [][]int{{3, 1}, nil, {0}}, 0},
		{"users mixed, no last newline, CRLF", "1\t3\r\n0\t1\r\n1\t2", [][]int{{1}, {3, 2}}, 0},
		{"a repeated play counts at its first place", "0\t3\n0\t1\n0\t3\n", [][]int{{3, 1}}, 1},
		{"with times, in any order", "0\t3\t5\t900\n0\t1\t4.5\t100\n0\t2\t1\t900\n", [][]int{{1, 3, 2}}, 0},
	} {
		got, err := ReadTrain(strings.NewReader(c.text))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(&Plays{c.want, c.repeated}, got); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
	}
}

func TestReadersNameLineFieldAndValue(t *testing.T) {
	train := func(s string) error { _, err := ReadTrain(strings.NewReader(s)); return err }
	test := func(s string) error { _, err := ReadTest(strings.NewReader(s)); return err }
	negatives := func(s string) error { _, err := ReadNegatives(strings.NewReader(s)); return err }
	for _, c := range []struct {
		read       func(string) error
		text, want string
	}{
		{train, "", "train file: there is not a line in it"},
		{train, "0\t1\n\n0\t2\n", "train file: line 2 is empty"},
		{train, "0\t1\n0\tx\n", `train file: line 2: item is "x": want a whole number from 0 to 1048575`},
		{train, "-1\t1\n", `line 1: user is "-1"`},
		{train, "01\t1\n", `user is "01"`},
		{train, "0\t1048576\n", `item is "1048576"`},
		{train, "2097152\t0\n", `user is "2097152"`},
		{train, "99999999999999999999\t0\n", `user is "99999999999999999999"`},
		{train, "0\t\n", `item is ""`},
		{train, "0 1\n", "1 fields parted by tabs"},
		{train, "0\t1\t5\n", "3 fields parted by tabs"},
		{train, "0\t1\n0\t2\t5\t9\n", "line 2: 4 fields"},
		{train, "0\t1\tNaN\t9\n", `rating is "NaN"`},
		{train, "0\t1\t4\t-9\n", `time is "-9"`},
		{train, "0\t" + strings.Repeat("7", 1000) + "\n", "7777…"},
		{train, strings.Repeat("7", maxLine+1), "line 1 is longer than"},
		{test, "", "test file: there is not a line"},
		{test, "0\t1\n", "line 1: 2 fields"},
		{test, "0\t1\t5\t9\n0\t2\t5\t9\n", "line 2: user is 0, as in line 1"},
		{test, "0\t1\tinf\t9\n", `rating is "inf"`},
		{negatives, "", "negatives file: there is not a line"},
		{negatives, "(0,1)\n", `there is no negative behind "(0,1)"`},
		{negatives, "0,1\t4\n", `the first field is "0,1": want (user,item)`},
		{negatives, "(0,1\t4\n", "want (user,item)"},
		{negatives, "(0;1)\t4\n", "want (user,item)"},
		{negatives, "(0,x)\t4\n", `item is "x"`},
		{negatives, "(0,1)\t4\ty\n", `negative 2 is "y"`},
		{negatives, "(0,1)\t4\t\n", `negative 2 is ""`},
		{negatives, "(0,1)\t4\n(0,2)\t4\n", "line 2: user is 0, as in line 1"},
		{negatives, "(0,1)" + strings.Repeat("\t1", MaxNegatives+1), "16385 negatives, want 16384 at most"},
	} {
		if err := c.read(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: error %v, want %q", c.text, err, c.want)
		}
	}
}

func TestJoin(t *testing.T) {
	train := &Plays{Histories: [][]int{{0, 1}, {2}, {3}}, Repeated: 2}
	test := []Held{{0, 4}, {3, 5}, {1, 0}}
	given := []Case{{1, 0, []int{2, 5, 5}}, {0, 4, []int{2, 4}}, {3, 5, []int{6}}}
	s, err := Join(train, test, given, 0, 99, 1)
	if err != nil {
		t.Fatal(err)
	}
	want := &Split{
		Train: Train{Items: 7, Histories: [][]int{{0, 1}, {2}, {3}, nil}},
		Cases: []Case{{0, 4, []int{2}}, {3, 5, []int{6}}, {1, 0, []int{2, 5}}},
		Notes: Notes{RepeatedPlays: 2, UsersNotJudged: 1, WithoutHistory: 1, NewTitles: 2, RepeatedNegatives: 1, HeldOutNegatives: 1, WatchedNegatives: 1},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if lines := s.Notes.Lines(); len(lines) != 7 || lines[0] != "2 plays repeat a title of the same user: the first one counts" {
		t.Errorf("notes %q", lines)
	}
	drawn, err := Join(train, test, nil, 0, 2, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range drawn.Cases {
		if len(c.Negatives) != 2 {
			t.Errorf("user %d: negatives %v, want 2 drawn ones", c.User, c.Negatives)
		}
	}
}

func TestJoinRefuses(t *testing.T) {
	train := &Plays{Histories: [][]int{{0, 1}, {2}}}
	test := []Held{{0, 4}}
	for _, c := range []struct {
		name      string
		test      []Held
		negatives []Case
		items     int
		want      string
	}{
		{"too small a catalogue", test, nil, 4, "item 4 is outside the catalogue of 4 titles"},
		{"a title held out that training has", []Held{{0, 1}}, []Case{{0, 1, []int{3}}}, 0, "held-out item 1 is in the same user's training"},
		{"a user without negatives", test, []Case{{1, 4, []int{3}}}, 0, "user 0 of the test file has no line"},
		{"another held-out title", test, []Case{{0, 3, []int{3}}}, 0, "user 0 has held-out item 3, the test file says 4"},
		{"a user who is not tested", test, []Case{{0, 4, []int{3}}, {1, 0, []int{3}}}, 0, "user 1 is not in the test file"},
		{"nothing but the held-out title", test, []Case{{0, 4, []int{4}}}, 0, "no negative but the held-out title"},
		{"too few unseen titles", test, nil, 0, "has not watched 2 of 5 titles, 99 are needed"},
	} {
		if _, err := Join(train, c.test, c.negatives, c.items, 99, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// FuzzRead wants of every input that it is refused with the file named or read into a split that is checked, and that what
// was read says the same when written again.
func FuzzRead(f *testing.F) {
	f.Add("0\t1\n0\t2\n1\t3\n", "0\t4\t5\t9\n", "(0,4)\t5\t6\n")
	f.Add("0\t1\t5\t9\n1\t3\t2\t1\r\n", "1\t0\t1e3\t0\n", "(1,0)\t5\t5\t0\n")
	f.Add("7\t1", "0\t1\tx", "(0,1)")
	f.Fuzz(func(t *testing.T, trainText, testText, negativesText string) {
		train, err := ReadTrain(strings.NewReader(trainText))
		named(t, err, "train file: ")
		test, err2 := ReadTest(strings.NewReader(testText))
		named(t, err2, "test file: ")
		negatives, err3 := ReadNegatives(strings.NewReader(negativesText))
		named(t, err3, "negatives file: ")
		if err == nil {
			again, err := ReadTrain(strings.NewReader(written(train)))
			if err != nil || !cmp.Equal(again.Histories, train.Histories) {
				t.Fatalf("read %v, wrote and read %v, %v", train, again, err)
			}
		}
		if err != nil || err2 != nil || err3 != nil {
			return
		}
		s, err := Join(train, test, negatives, 0, 1, 1)
		if err == nil {
			err = s.Check()
			if err != nil {
				t.Fatalf("Join gave a split that Check refuses: %v", err)
			}
		}
	})
}

func named(t *testing.T, err error, prefix string) {
	if err != nil && !strings.HasPrefix(err.Error(), prefix) {
		t.Fatalf("error %q does not name its file", err)
	}
}

func written(p *Plays) string {
	var b strings.Builder
	for user, h := range p.Histories {
		for _, item := range h {
			fmt.Fprintf(&b, "%d\t%d\n", user, item)
		}
	}
	return b.String()
}
