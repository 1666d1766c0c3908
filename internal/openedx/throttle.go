package openedx

import (
	"context"
	"fmt"
	"time"

	"k8s.io/utils/clock"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

// throttle is what calls of one kind have to pass: the gate that the LMS shuts and, for most, the queue for a turn.
type throttle struct {
	clock clock.Clock
	// about is what the calls are about, in words for people.
	about string
	gate  gate
	queue *queue // nil: there is only the gate
}

// admit lets a call go, after a short wait at most, or says when to come back. Who gets a pass has to end it.
func (t *throttle) admit(ctx context.Context) (*pass, error) {
	if refusal := t.refused(ctx); refusal != nil {
		return nil, refusal
	}
	taken := &pass{throttle: t, probe: isProbe(ctx)}
	if t.queue != nil {
		if taken.probe || isFollowUp(ctx) {
			t.queue.ahead(ctx)
		} else if err := t.queue.enter(ctx); err != nil {
			return nil, err
		}
	}
	taken.began = t.clock.Now()
	// Another call may have been refused in the meantime.
	if refusal := t.refused(ctx); refusal != nil {
		taken.end(resultNone)
		return nil, refusal
	}
	return taken, nil
}

// refused gives the refusal that shut the gate, with a turn after it opens.
func (t *throttle) refused(ctx context.Context) *lms.Error {
	refusal := t.gate.refused(ctx, t.clock.Now())
	if refusal != nil && t.queue != nil {
		refusal.RetryAfter = t.queue.promise(lms.LaneOf(ctx), refusal.RetryAfter)
	}
	return refusal
}

// pass lets one call go.
type pass struct {
	throttle *throttle
	began    time.Time
	probe    bool
}

// again lets the call go a second time, as its turn was waited for once.
func (p *pass) again(ctx context.Context) error {
	if refusal := p.throttle.refused(ctx); refusal != nil {
		return refusal
	}
	if p.throttle.queue != nil {
		p.throttle.queue.again(ctx)
	}
	return nil
}

// another lets who has had a turn of the budget make one more call, with a pass of its own.
func (p *pass) another(ctx context.Context) (*pass, error) {
	if err := p.again(ctx); err != nil {
		return nil, err
	}
	return &pass{throttle: p.throttle, began: p.throttle.clock.Now(), probe: p.probe}, nil
}

// result is what a call tells of how the LMS is doing.
type result int

const (
	// resultNone: the call was not made, or given up by the caller, or its failure says nothing.
	resultNone result = iota
	// resultServed: the LMS answered, whatever it said.
	resultServed
	// resultFailed: the LMS failed or took too long.
	resultFailed
	// resultRefused: the LMS takes no more such calls for now.
	resultRefused
)

// end gives the pass back, once, after the call or instead of it; there may be none. A probe tells nothing: some of what it asks for fails on
// an LMS that is well.
func (p *pass) end(came result) {
	if p == nil || p.throttle.queue == nil {
		return
	}
	if p.probe {
		came = resultNone
	}
	p.throttle.queue.back(p.began, came)
}

// throttles are those of one user of one LMS.
type throttles struct {
	enrollments, others, tokens, registrations *throttle

	pace                  *pace
	inFlight, registering *places
}

func newThrottles(config Config) *throttles {
	t := &throttles{
		pace:        newPace(config.CallsPerMinute),
		inFlight:    newPlaces(config.MaxCallsInFlight),
		registering: newPlaces(config.MaxCallsInFlight),
	}
	queued := func(limit, spent string, turns turns) *queue {
		return &queue{clock: config.Clock, turns: turns, spent: spent, counts: newQueueCounts(config.Name, limit)}
	}
	t.enrollments = &throttle{
		clock: config.Clock, about: "enrollments", gate: gate{first: firstBackoff},
		queue: queued(limitBudget, "The call budget of the LMS is spent; the work goes on when it allows.", t.pace),
	}
	t.others = &throttle{
		clock: config.Clock, about: "accounts, courses and eox-core", gate: gate{first: firstBackoff},
		queue: queued(limitInFlight, "As many calls to the LMS are under way as may be; the work goes on when they are done.", t.inFlight),
	}
	t.tokens = &throttle{clock: config.Clock, about: "tokens", gate: gate{first: firstTokenBackoff}}
	t.registrations = &throttle{
		clock: config.Clock, about: "new accounts", gate: gate{first: firstBackoff},
		queue: queued(limitRegistrations, "As many accounts are being made as may be at a time; the work goes on when they are there.", t.registering),
	}
	return t
}

// of gives the throttle of a call.
func (t *throttles) of(c call) *throttle {
	switch c {
	case callRoles, callReadEnrollment, callListEnrollments, callWriteEnrollment, callBulkInfo, callBulkEnroll,
		callReadPreEnrollments, callPreEnroll, callCancelPreEnroll:
		return t.enrollments
	case callToken:
		return t.tokens
	case callRegister:
		return t.registrations
	default:
		return t.others
	}
}

func (t *throttles) all() []*throttle {
	return []*throttle{t.enrollments, t.others, t.tokens, t.registrations}
}

// Refusals are the kinds of calls that the LMS refuses for now; see lms.Platform.
func (c *Client) Refusals() (refusals []*lms.Error) {
	for _, t := range c.throttles.all() {
		refusal := t.gate.told(c.clock.Now())
		switch {
		case refusal == nil:
			continue
		case !stays(refusal):
			refusal.Message = fmt.Sprintf("Calls about %s: %s", t.about, refusal.Message)
		case !c.registers():
			continue // It was before the route was changed, and holds nobody up.
		}
		refusals = append(refusals, refusal)
	}
	return refusals
}

// stays says whether a refusal holds until the LMS is known to have changed its mind: what only its administrator can end
// does not end with the pause until it is tried again.
func stays(refusal *lms.Error) bool {
	return refusal.Reason == v1alpha1.ReasonRegistrationLimited || refusal.Reason == v1alpha1.ReasonRegistrationClosed
}

// registers says whether accounts are made by registration.
func (c *Client) registers() bool {
	chosen := c.chosen.Load()
	return chosen == nil || chosen.account == v1alpha1.AccountRouteRegistration
}

// Inherit goes on with the spent budget, the calls in flight and the shut gates of the client that this one replaces, where
// that called the same LMS as the same user: there the counting goes on, whatever changed here. It has to come before the
// first call.
func (c *Client) Inherit(from lms.Platform) {
	before, ok := from.(*Client)
	if !ok || before.base.String() != c.base.String() || before.credentials.config.ClientID != c.credentials.config.ClientID {
		return
	}
	before.throttles.adopt(c.throttles, c.clock.Now())
	limits.mu.Lock() // which reads them
	defer limits.mu.Unlock()
	c.throttles = before.throttles
}

// adopt goes on with the limits of others.
func (t *throttles) adopt(next *throttles, now time.Time) {
	t.enrollments.queue.locked(func() { t.pace.adopt(next.pace, now) })
	t.others.queue.locked(func() { t.inFlight.adopt(next.inFlight) })
	t.registrations.queue.locked(func() { t.registering.adopt(next.registering) })
}
