package main

import (
	"bytes"
	"flag"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/log/zap"
)

func TestEveryLineIsLogged(t *testing.T) {
	var out bytes.Buffer
	logger := newLogger(zap.Options{DestWriter: &out})
	for range 1000 {
		logger.Info("Refused")
	}
	if got := strings.Count(out.String(), "\n"); got != 1000 {
		t.Errorf("of 1000 equal lines in one moment, %d are in the log", got)
	}
}

func TestTheLogIsAsVerboseAsAskedForAndNeverWithoutTheAudit(t *testing.T) {
	for asked, want := range map[string]int{"": 0, "--zap-log-level=error": 0, "--zap-log-level=panic": 0, "--zap-devel": 1, "--zap-log-level=3": 3, "--zap-log-level=9": 5} {
		var out bytes.Buffer
		options := zap.Options{DestWriter: &out}
		flags := flag.NewFlagSet("", flag.ContinueOnError)
		options.BindFlags(flags)
		must(t, flags.Parse(strings.Fields(asked)))
		logger := newLogger(options)
		for level := range 10 {
			out.Reset()
			logger.V(level).Info("Something")
			if logged := out.Len() > 0; logged != (level <= want) {
				t.Errorf("%q: V(%d) is logged: %v", asked, level, logged)
			}
		}
	}
}
