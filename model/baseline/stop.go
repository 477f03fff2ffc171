package baseline

// Stop is asked while a baseline is trained, often enough that little work lies between, and from several goroutines. Its error ends the
// training, and it gives one from then on, as a context's Err does; nil: nothing ends it.
type Stop func() error

// now asks.
func (s Stop) now() error {
	if s == nil {
		return nil
	}
	return s()
}
