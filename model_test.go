package main

import (
	"flag"
	"fmt"
	"testing"
)

var (
	modelRuns = flag.Int("model.runs", 5, "how many random sequences are played")
	modelSeed = flag.Uint64("model.seed", 1, "from where the sequences follow, the first from this number, the second from the next, and so on; they are printed")
)

// Whatever happened in whatever order, once calm returns the LMS is as a simple reference says, and what is not Rollcall's
// was not touched. `-model.seed=N -model.runs=1` plays the sequence N again, as far as the machine lets it.
func TestOnceCalmReturnsTheLMSIsAsTheReferenceSays(t *testing.T) {
	t.Parallel()
	t.Logf("-model.seed=%d -model.runs=%d", *modelSeed, *modelRuns)
	for n := range *modelRuns {
		seed := *modelSeed + uint64(n)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			newModelRun(t, seed).play()
		})
	}
}
