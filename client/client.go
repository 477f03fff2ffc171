// Package client drives a device: it trains on the person's own history, takes part in rounds through the door, and
// recommends from the newest model.
//
// Owns: the local function on real histories, the newest downloaded model, local recommendations.
// Promises: history goes to the local function and to nothing else; without a trained model there are no scores.
// Never: writes to a connection (only the door does), logs a title.
// Start here: Client.Answer, then Client.Recommend.
package client

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"slices"

	"github.com/cinesync/cinesync/client/door"
	"github.com/cinesync/cinesync/client/participant"
	"github.com/cinesync/cinesync/model"
)

// History is the part of the history store that a client reads.
type History interface {
	Watches(ctx context.Context) ([]model.Watch, error)
}

// Newest finds the newest model on the device; fs.ErrNotExist if there is none.
type Newest interface {
	Newest() ([]byte, error)
}

// Client is one device's learner and recommender.
type Client struct {
	history History
	models  Newest
	seed    func() (a, b uint64)
}

// New makes a client. The seed gives the randomness of training (cuts and dropout, no secrets).
func New(h History, m Newest, seed func() (uint64, uint64)) *Client {
	return &Client{history: h, models: m, seed: seed}
}

// ErrNoHistory says that there is nothing to learn from yet.
var ErrNoHistory = errors.New("the history holds too few titles that the model knows; import more with `cinesyncd import`")

// ErrNoModel says that no trained model has reached this device.
var ErrNoModel = errors.New("no model has been downloaded yet; run `cinesyncd run` until a round has ended")

// minHistory is the least number of known titles that training makes sense with.
const minHistory = 2

// Answer runs the local function of a round. Training fine-tunes the offered model on the history and returns the difference in the form
// in which it travels; popularity returns the titles of the history and trains nothing.
func (c *Client) Answer(ctx context.Context, t door.Task) (door.Answer, error) {
	snap, err := model.Parse(t.Model)
	if err != nil {
		return door.Answer{}, fmt.Errorf("offered model: %w", err)
	}
	m, examples, err := c.prepare(ctx, snap)
	if err != nil {
		return door.Answer{}, err
	}
	if len(examples) < minHistory {
		return door.Answer{}, ErrNoHistory
	}
	local, err := model.ParseLocal(t.Code)
	if err != nil {
		return door.Answer{}, fmt.Errorf("offered local function: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return door.Answer{}, err
	}
	if local.Name == model.PopularityFunction {
		counts := make([]float32, local.Words(snap.Layout))
		if err := model.Count(counts, examples); err != nil {
			return door.Answer{}, err
		}
		return door.Answer{LayoutHash: snap.Layout.Hash(), Update: participant.Floats(counts)}, nil
	}
	update, _, err := model.Train(m, snap.Params, examples, local, rand.New(rand.NewPCG(c.seed())))
	if err != nil {
		return door.Answer{}, fmt.Errorf("train: %w", err)
	}
	uplink := local.Uplink(snap.Layout, sha256.Sum256(t.Model))
	sent := make([]float32, uplink.Words())
	uplink.Shrink(sent, update)
	return door.Answer{LayoutHash: snap.Layout.Hash(), Update: participant.Floats(sent)}, nil
}

func (c *Client) prepare(ctx context.Context, snap *model.Snapshot) (model.Model, []model.Example, error) {
	m, err := model.Open(snap.Layout)
	if err != nil {
		return nil, nil, fmt.Errorf("open model: %w", err)
	}
	watches, err := c.history.Watches(ctx)
	if err != nil {
		return nil, nil, err
	}
	examples, _ := snap.Layout.Examples(watches)
	return m, examples, nil
}

// Recommendation is one suggested title.
type Recommendation struct {
	ID    string  `json:"id"`
	Title string  `json:"title,omitempty"`
	Rank  int     `json:"rank"`
	Score float32 `json:"score"`
	// Because is the watched title that speaks most for this one (model.Because); empty where none does. It stays on the device.
	Because      string `json:"because,omitempty"`
	BecauseTitle string `json:"because_title,omitempty"`
}

// Recommend ranks the titles this person has not seen, with the newest model, on the device: n of them, of one kind (Film or Series) or,
// with kind "", of any. A title whose id says no kind is of none.
func (c *Client) Recommend(ctx context.Context, n int, kind string) ([]Recommendation, error) {
	b, err := c.models.Newest()
	var gone *damaged
	switch {
	case errors.As(err, &gone):
		return nil, fmt.Errorf("recommend: %w", err)
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNoModel
	case err != nil:
		return nil, fmt.Errorf("read newest model: %w", err)
	}
	snap, err := model.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("model on this device: %w", err)
	}
	m, examples, err := c.prepare(ctx, snap)
	if err != nil {
		return nil, err
	}
	if len(examples) == 0 {
		return nil, ErrNoHistory
	}
	scorer, err := m.Scorer(snap.Params, examples)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	scores := make([]float32, len(snap.Layout.Items))
	scorer.Scores(scores)
	seen := map[int]bool{}
	for _, e := range examples {
		seen[e.Item] = true
	}
	var best []int
	for i, id := range snap.Layout.Items {
		if !seen[i] && (kind == "" || KindOf(id) == kind) {
			best = append(best, i)
		}
	}
	slices.SortStableFunc(best, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return explain(snap, examples, best[:min(n, len(best))], scores)
}

// explain lists titles with the watched one that speaks most for each.
func explain(snap *model.Snapshot, history []model.Example, list []int, scores []float32) ([]Recommendation, error) {
	because, err := model.NewBecause(snap, history)
	if err != nil {
		return nil, err
	}
	var out []Recommendation
	for i, item := range list {
		r := Recommendation{ID: snap.Layout.Items[item], Rank: i + 1, Score: scores[item]}
		if place, ok := because.Place(item); ok {
			r.Because = snap.Layout.Items[history[place].Item]
		}
		out = append(out, r)
	}
	return out, nil
}
