package cinesync_test

import (
	"os"
	"strings"
	"testing"

	"github.com/cinesync/cinesync/internal/house"
)

// DO NOT CHANGE THIS DATA TO FIX BUILDS.
// Existing rooms should not have their constraints relaxed without prior discussion: a changed line is a decision, and
// the commit that changes it adds or supersedes a page in docs/decisions. A new package fails here until it has a line,
// and the line is the first thing its reviewer reads.
//
// Kinds:
//
//	pure     decides and computes on values: no clock, no I/O, no goroutine, no source of randomness of its own
//	driver   owns a goroutine, a clock, ordering and retries; reaches vendors only through interfaces it declares
//	adapter  wraps one outside thing and decides nothing
//	leaf     small, without domain words or without neighbours
//	suite    a conformance suite; tests import it, programs never
//	program  wiring; the only place where everything meets
//
// "x/*" is everything below x and not x itself. "-" is nothing of ours. Everyone may import internal/par; every kind but
// pure may import internal/config, internal/ops, internal/failpoint and internal/strictjson, which know no domain word.
const roomPolicy = `
.                        leaf     -

# the river
protocol                 pure     -
protocol/tlsid           adapter  protocol
protocol/stream          adapter  protocol
protocol/quic            adapter  protocol protocol/tlsid protocol/stream
protocol/tcp             adapter  protocol protocol/tlsid protocol/stream
protocol/memory          adapter  protocol
protocol/prototest       suite    protocol protocol/tlsid
aggregation              pure     internal/lanes aggregation/ring
aggregation/ring         leaf     -
aggregation/aggtest      suite    aggregation
privacy                  pure     internal/lanes
privacy/accountant       pure     privacy
privacy/empirical        pure     privacy
model                    pure     model/kernel
model/kernel             leaf     -
model/batch              pure     model/kernel
model/split              pure     -
model/evaluate           pure     model model/split
model/baseline           pure     model/split model/kernel model/batch
model/graph              pure     model
model/content            pure     -
model/delta              pure     model
audit                    pure     -
audit/witness            adapter  audit
gpu                      adapter  gpu/kernels
gpu/kernels              leaf     -
gpu/gputest              suite    gpu
gpu/masks                adapter  gpu gpu/kernels aggregation
gpu/topk                 adapter  gpu gpu/kernels serve/rank
gpu/train                adapter  gpu gpu/kernels model aggregation privacy sim/learning
gpu/score                adapter  gpu gpu/kernels model model/evaluate

# the device
client/history           adapter  model
client/history/imports   adapter  client/history
client/participant       pure     aggregation privacy protocol audit
client/door              driver   client/participant privacy protocol audit
client/door/sqlite       adapter  client/door
client                   driver   client/* model model/delta privacy protocol

# the coordinator
coordinator/round        pure     aggregation privacy protocol audit
coordinator              driver   coordinator/round aggregation privacy model model/delta protocol audit
coordinator/store/*      adapter  coordinator coordinator/round
coordinator/store/storetest  suite  coordinator coordinator/round privacy

# what people see
serve/catalog            leaf     -
serve/catalog/*          leaf     serve/catalog
serve/experiment         pure     -
serve/features           leaf     -
serve/features/redis     adapter  serve/features
serve/rank               pure     model serve/catalog serve/rank/scan
serve/rank/ranktest      suite    serve/rank
serve/rank/scan          leaf     -
serve/rank/*             pure     serve/rank serve/catalog model
serve                    driver   serve/rank serve/catalog serve/experiment model
serve/web                adapter  serve serve/catalog

# the rest
sim                      pure     coordinator/round client/participant protocol aggregation privacy model audit sim/learning
sim/learning             pure     aggregation privacy model
sim/canary               pure     sim privacy/empirical privacy aggregation
sim/hostile              suite    client/participant protocol aggregation privacy audit
internal/lanes           leaf     -
internal/par             leaf     -
internal/config          leaf     -
internal/ops             leaf     -
internal/failpoint       leaf     -
internal/strictjson      leaf     -
internal/house           suite    -
internal/realdata        suite    -
internal/generated       suite    -
internal/raced           suite    -
internal/e2e             program  anything
cmd/*                    program  anything
`

// DO NOT CHANGE THIS DATA TO FIX BUILDS.
// One room per outside module. A module that is not here may not be imported at all; adding one is a commit of its own,
// with its line in docs/decisions/dependencies.md. "tests" stands for every _test.go file and every conformance suite.
const outsidePolicy = `
github.com/quic-go/quic-go            protocol/quic internal/e2e
github.com/cloudflare/circl           aggregation audit protocol
github.com/mattn/go-sqlite3           coordinator/store/sqlite client/history client/door/sqlite
github.com/prometheus/client_golang   serve/web internal/ops coordinator
github.com/ebitengine/purego          gpu
gonum.org/v1/gonum                    model model/baseline model/content privacy privacy/accountant
gonum.org/v1/plot                     cmd/*
gorgonia.org/gorgonia                 model/graph
gorgonia.org/tensor                   model/graph
go4.org/unsafe/assume-no-moving-gc    model/graph
golang.org/x/mod                      audit
golang.org/x/crypto                   aggregation aggregation/ring
golang.org/x/sys                      internal/lanes model/kernel serve/rank/scan aggregation/ring
golang.org/x/sync                     client coordinator serve cmd/*
golang.org/x/term                     cmd/*
golang.org/x/text                     client/history/imports serve/catalog serve/catalog/*
github.com/spf13/cobra                cmd/*
github.com/BurntSushi/toml            cmd/*
github.com/google/go-cmp              tests
github.com/rogpeppe/go-internal       tests
pgregory.net/rapid                    tests
`

// DO NOT CHANGE THIS DATA TO FIX BUILDS.
// The same for those parts of the standard library that reach outside. With the table above, this is what holds the one
// door shut: a device package that cannot name the network can only hand bytes to client/door. net/url and net/netip are
// values and free to all but pure packages. A standard package without a line is free to all but pure packages.
const reachPolicy = `
net            protocol/quic protocol/tcp serve/web internal/ops internal/e2e cmd/*
net/http       audit/witness serve/web internal/ops internal/e2e cmd/*
net/rpc        -
net/smtp       -
net/mail       -
net/textproto  -
os/exec        internal/e2e gpu/gputest cmd/*
os/signal      internal/e2e cmd/*
database/sql   coordinator/store/* client/history client/door/sqlite
plugin         -
math/rand      -
C              -
`

// DO NOT CHANGE THIS DATA TO FIX BUILDS.
// Exceptions from purity, name by name. protocol.Conn takes a context because its implementations wait; types that hold
// secrets print as a fixed word in logs too, and slog has no other hook for that.
const pureExceptions = `
protocol     context    Context
protocol     log/slog   LogValuer Value StringValue
aggregation  log/slog   LogValuer Value StringValue
privacy      sync       Mutex
`

// Program names: commands are what a person has to learn, so there are three.
const programPolicy = `
cmd/cinesync
cmd/cinesyncd
cmd/cinesync-audit
`

func theHouse(t *testing.T) *house.House {
	t.Helper()
	h, err := house.New(house.Policy{Module: "github.com/cinesync/cinesync", Rooms: roomPolicy, Outside: outsidePolicy,
		Reach: reachPolicy, Pure: pureExceptions, Programs: programPolicy})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestHouse applies every rule to the tree. That each rule can fail is shown in internal/house.
func TestHouse(t *testing.T) {
	tree, err := house.Read(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range theHouse(t).Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			for _, problem := range rule.Check(tree) {
				t.Error(problem)
			}
		})
	}
}

// TestWingsNeverMeet checks the table itself: what the learning wing may reach and what the serving wing may reach
// overlap in the model and in leaves without domain words, so the snapshot file stays the one seam.
func TestWingsNeverMeet(t *testing.T) {
	h := theHouse(t)
	serving := func(room string) bool {
		return room == "serve" || strings.HasPrefix(room, "serve/") || room == "gpu/topk"
	}
	for _, room := range h.Rooms() {
		if room.Kind == "program" {
			continue
		}
		for _, reached := range h.Reaches(room.Pattern) {
			if reached == "gpu" || reached == "gpu/kernels" {
				continue // no domain words
			}
			if serving(room.Pattern) != serving(reached) && reached != "model" && reached != "model/kernel" {
				t.Errorf("the table lets %s reach %s: the wings meet in the snapshot file alone", room.Pattern, reached)
			}
		}
	}
}

// TestOnlyProgramsReachTheGPU checks that no line of the table but those of programs, and of the rooms below gpu, reaches gpu or what
// is below it.
func TestOnlyProgramsReachTheGPU(t *testing.T) {
	h := theHouse(t)
	for _, room := range h.Rooms() {
		if room.Kind == "program" || strings.HasPrefix(room.Pattern, "gpu") {
			continue
		}
		for _, reached := range h.Reaches(room.Pattern) {
			if strings.HasPrefix(reached, "gpu") {
				t.Errorf("the table lets %s reach %s: only programs hand it over", room.Pattern, reached)
			}
		}
	}
}
