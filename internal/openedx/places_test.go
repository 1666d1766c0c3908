package openedx

import (
	"testing"
	"time"

	"rollcall.dev/rollcall/internal/lms"
)

// fill takes all places that there are.
func fill(p *places, now time.Time) (taken int) {
	for p.take(now, 0) {
		taken++
	}
	return taken
}

func TestPlacesAreHalvedOnceForCallsThatFailTogether(t *testing.T) {
	p, now := newPlaces(8), noon
	for _, want := range []int{4, 2, 1, 1} {
		taken := fill(p, now)
		now = now.Add(30 * time.Second)
		for range taken {
			p.back(now, 30*time.Second, resultFailed)
		}
		if p.limit != want {
			t.Fatalf("%d places are left of %d, want %d", p.limit, taken, want)
		}
		now = now.Add(time.Second)
	}
}

func TestPlacesComeBackOneByOne(t *testing.T) {
	p, now := newPlaces(4), noon
	fill(p, now)
	for range 4 {
		p.back(now.Add(time.Second), time.Second, resultFailed)
	}
	p.limit = 1
	now = now.Add(time.Second)
	for served, want := range []int{2, 2, 3, 3, 3, 4, 4, 4, 4, 4} {
		now = now.Add(time.Second)
		p.take(now, 0)
		p.back(now, time.Millisecond, resultServed)
		if p.limit != want {
			t.Errorf("%d places after %d calls that were served, want %d", p.limit, served+1, want)
		}
	}
	p.take(now, 0)
	p.back(now, time.Millisecond, resultNone)
	if p.limit != 4 {
		t.Errorf("a call that was given up leaves %d places", p.limit)
	}
}

func TestOnePlaceIsLeftWhereTheLMSTakesNoMoreCalls(t *testing.T) {
	p, now := newPlaces(4), noon.Add(time.Second)
	fill(p, now)
	now = now.Add(time.Second)
	// Those under way with the one that was refused say nothing of what comes after.
	for _, came := range []result{resultServed, resultRefused, resultServed, resultServed} {
		p.back(now, time.Second, came)
	}
	if got := fill(p, now); got != 1 {
		t.Fatalf("%d calls may go", got)
	}
	now = now.Add(time.Second)
	p.back(now, time.Millisecond, resultServed)
	if got := fill(p, now); got != 2 {
		t.Errorf("%d calls may go after one was served", got)
	}
}

func TestPlacesAreNeverMoreThanThereAre(t *testing.T) {
	const places, callers, takes = 4, 60, 100 * time.Millisecond
	p := newPlaces(places)
	got := simulate(t, p, [...]int{callers, callers, callers}, time.Minute, takes)
	most := places * int(time.Minute/takes)
	if got.all() > most+places || got.all() < most*95/100 {
		t.Errorf("%d calls, where %d fit in", got.all(), most)
	}
	for l, share := range []float64{.7, .12, .06} {
		if part := float64(got.served[l]) / float64(got.all()); part < share {
			t.Errorf("%s got %.3f of the places, want %.3f", lms.Lane(l), part, share)
		}
	}
	if p.taken != 0 {
		t.Errorf("%d places were not given back", p.taken)
	}
}

func TestWhoWouldWaitTooLongForAPlaceIsTold(t *testing.T) {
	p := newPlaces(2)
	p.mean = 3 * time.Second
	q, _ := newTestQueue(p)
	mustEnter(t, q, lms.Live)
	mustEnter(t, q, lms.Live)
	for turn := 1; turn <= 3; turn++ {
		mustBeSentAway(t, q, lms.Live, time.Duration(turn)*1500*time.Millisecond)
	}
	q.back(noon, resultServed)
	mustEnter(t, q, lms.Live)
}

func TestThoseWhoComeWithTheFirstCallsComeBackOneAfterTheOther(t *testing.T) {
	q, _ := newTestQueue(newPlaces(1))
	mustEnter(t, q, lms.Live)
	q.lanes[lms.Live].waiting = []*waiter{{since: noon, turn: make(chan struct{})}}
	for turn := 2; turn <= 4; turn++ {
		mustBeSentAway(t, q, lms.Live, time.Duration(turn)*time.Second)
	}
}

func TestANewLimitOfPlacesTakesEffect(t *testing.T) {
	for name, test := range map[string]struct{ most, limit, next, want int }{
		"more":                     {4, 4, 8, 8},
		"fewer":                    {8, 8, 3, 3},
		"more while held down":     {4, 1, 8, 1},
		"fewer than held down to":  {8, 4, 2, 2},
		"fewer than before halved": {8, 2, 4, 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := &places{most: test.most, limit: test.limit}
			p.adopt(newPlaces(test.next))
			if p.limit != test.want || p.most != test.next {
				t.Errorf("%d of %d places", p.limit, p.most)
			}
		})
	}
}
