package privacy

import "time"

const (
	// drawTime is allowed for the noise of one word. BenchmarkSample took 0.4 to 0.9 µs on a busy core.
	drawTime = 2 * time.Microsecond
	// drawGrid is what the time for the whole vector is rounded up to, so that a short one leaves room for boxes and disk.
	drawGrid = 50 * time.Millisecond
)

// DrawWait is how long a device that draws noise for d words waits before it lets anybody notice that it is done (specification,
// privacy 4.5). Whoever sets deadlines leaves room for two of them.
func DrawWait(d int) time.Duration {
	return (time.Duration(d)*drawTime + drawGrid - 1) / drawGrid * drawGrid
}
