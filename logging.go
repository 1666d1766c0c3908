package main

import (
	"github.com/go-logr/logr"
	uberzap "go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

// mostVerbose is V(5) in logr's terms. Beyond this level client-go logs bodies, and they hold names and e-mail addresses.
const mostVerbose = zapcore.Level(-5)

// leastVerbose is the level of the audit, which is there whatever the flags say.
const leastVerbose = zapcore.InfoLevel

// newLogger makes the logger that the flags ask for, as far as it may be, and without zap's sampling: of the audit, every
// line counts. controller-runtime leaves the sampling out where the level is a verbose one when the logger is made.
func newLogger(asked zap.Options) logr.Logger {
	level, ok := asked.Level.(uberzap.AtomicLevel)
	if !ok {
		level = uberzap.NewAtomicLevel()
		if asked.Development {
			level.SetLevel(zapcore.DebugLevel)
		}
	}
	wanted := min(max(level.Level(), mostVerbose), leastVerbose)
	level.SetLevel(mostVerbose)
	defer level.SetLevel(wanted)
	asked.Level = level
	return zap.New(zap.UseFlagOptions(&asked))
}
