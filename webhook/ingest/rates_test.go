package ingest

import (
	"strconv"
	"testing"
)

func TestRatesAreRememberedOfTheLastKeysOnly(t *testing.T) {
	r := newRates(0.001, 1)
	if !r.of("first").Allow() || r.of("first").Allow() || !r.of("second").Allow() {
		t.Fatal("each key has a burst of 1")
	}
	for i := range rememberedKeys - 2 {
		r.of(strconv.Itoa(i))
	}
	if r.of("first").Allow() {
		t.Error("the rate of a key is forgotten while there is room")
	}
	r.of("one more") // makes the one go that was not asked for the longest
	if r.limiters.Len() != rememberedKeys || r.of("first").Allow() || !r.of("second").Allow() {
		t.Errorf("of %d keys, the wrong one was forgotten", r.limiters.Len())
	}
}
