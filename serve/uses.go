package serve

import "sync"

// uses counts who is inside something that is closed when the last one has left it after it was retired.
type uses struct {
	mu      sync.Mutex
	inside  int
	retired bool
	closer  func()
}

// enter tells whether it may still be used; whoever enters leaves.
func (u *uses) enter() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.retired {
		return false
	}
	u.inside++
	return true
}

func (u *uses) leave() {
	u.mu.Lock()
	u.inside--
	last := u.retired && u.inside == 0
	u.mu.Unlock()
	if last {
		u.closer()
	}
}

// retire lets nobody in any more. It is called once.
func (u *uses) retire() {
	u.mu.Lock()
	u.retired = true
	last := u.inside == 0
	u.mu.Unlock()
	if last {
		u.closer()
	}
}
