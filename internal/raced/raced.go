// Package raced tells tests whether they run under the race detector, where arithmetic takes about ten times as long.
//
// Owns: that one question.
// Promises: the answer is the build's.
// Never: is part of a program. What a test leaves out under the race detector, .ci/run runs again without it.
// Start here: On.
package raced

import (
	"runtime/debug"
	"slices"
)

// On reports whether this test was built with the race detector.
func On() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
