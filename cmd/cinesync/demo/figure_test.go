package demo

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cinesync/cinesync/coordinator"
)

// asking asks the platform's API all the time, and holds the coordinator's last word back until every release had its figure.
type asking struct {
	host
	patience time.Duration

	mu      sync.Mutex
	address string
	figured map[string]bool // by the name of a published release: it was seen with a figure
}

func (a *asking) run(ctx context.Context, tell func(coordinator.Event)) error {
	go a.poll(ctx)
	return a.host.run(ctx, func(e coordinator.Event) {
		a.mu.Lock()
		defer a.mu.Unlock()
		switch e.Kind {
		case "listening":
			a.address = e.HTTP
		case "published":
			a.figured[e.Serve] = false
		case "done":
			go func() {
				a.wait(ctx)
				tell(e)
			}()
			return
		}
		tell(e)
	})
}

func (a *asking) missing() (list []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, ok := range a.figured {
		if !ok {
			list = append(list, name)
		}
	}
	return list
}

func (a *asking) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, a.patience)
	defer cancel()
	for len(a.missing()) > 0 && ctx.Err() == nil {
		pause(ctx)
	}
}

func pause(ctx context.Context) {
	select {
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
}

func (a *asking) poll(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx) {
		a.mu.Lock()
		address := a.address
		a.mu.Unlock()
		if address == "" {
			continue
		}
		var got struct {
			Model    struct{ Hash string }
			LogIndex int `json:"log_index"`
			Privacy  *struct {
				Epsilon float64
				Entries int `json:"log_entries"`
			}
		}
		if err := get(ctx, "http://"+address+"/api/v2/model", &got); err != nil || got.Privacy == nil {
			continue
		}
		a.mu.Lock()
		a.figured[got.Model.Hash] = got.Privacy.Entries > got.LogIndex && got.Privacy.Epsilon > 0
		a.mu.Unlock()
	}
}

func get(ctx context.Context, url string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

// TestEveryReleaseHasItsFigure: in mode W, in which the witness signs a release's entry after the release is out.
func TestEveryReleaseHasItsFigure(t *testing.T) {
	s := preparedWith(t, func(o *Options) { o.Devices, o.Rounds, o.Drop, o.HTTP = 3, 2, 0, "127.0.0.1:0" })
	a := &asking{host: s.host, patience: 30 * time.Second, figured: map[string]bool{}}
	s.host = a
	if r := s.play(t); len(r.Rounds) != 2 || r.Verdict() != nil {
		t.Fatalf("%d rounds, %v", len(r.Rounds), r.Verdict())
	}
	if missing := a.missing(); len(missing) > 0 || len(a.figured) != 2 {
		t.Errorf("of %d releases these never had a figure that reaches them: %v", len(a.figured), missing)
	}
}
