package doors

import (
	"strconv"
	"testing"
)

func TestRatesAreRememberedOfTheLastKeysOnly(t *testing.T) {
	r := NewRates(0.001, 1)
	if !r.Of("first").Allow() || r.Of("first").Allow() || !r.Of("second").Allow() {
		t.Fatal("each key has a burst of 1")
	}
	for i := range rememberedKeys - 2 {
		r.Of(strconv.Itoa(i))
	}
	if r.Of("first").Allow() {
		t.Error("the rate of a key is forgotten while there is room")
	}
	r.Of("one more") // makes the one go that was not asked for the longest
	if r.limiters.Len() != rememberedKeys || r.Of("first").Allow() || !r.Of("second").Allow() {
		t.Errorf("of %d keys, the wrong one was forgotten", r.limiters.Len())
	}
}
