package controllers

import (
	"errors"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

func TestAFailedCallBecomesAStandingAndAnAttempt(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	third := &v1alpha1.Attempts{Count: 3, Basis: "b", LastTime: metav1.NewTime(now)}
	for name, test := range map[string]struct {
		before       *v1alpha1.Attempts
		err          error
		standing     string
		reason       string
		count        int32 // 0: not counted
		least, most  time.Duration
		askedToProbe bool
	}{
		"transient is retried soon":           {nil, &lms.Error{Class: lms.Transient, Reason: "X"}, v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, 1, time.Second, 2 * time.Second, false},
		"and later each time":                 {third, &lms.Error{Class: lms.Transient, Reason: "X"}, v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, 4, 8 * time.Second, 10 * time.Second, false},
		"what is not understood is transient": {nil, errors.New("odd"), v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, 1, time.Second, 2 * time.Second, false},
		"another basis counts anew":           {&v1alpha1.Attempts{Count: 9, Basis: "other"}, &lms.Error{Class: lms.Transient, Reason: "X"}, v1alpha1.ConditionReconciling, v1alpha1.ReasonRetrying, 1, time.Second, 2 * time.Second, false},
		"a conflict waits for its cause":      {nil, &lms.Error{Class: lms.Conflict, Reason: "C"}, v1alpha1.ConditionConflict, "C", 1, 2 * time.Minute, 3 * time.Minute, false},
		"fatal waits for a person":            {nil, &lms.Error{Class: lms.Fatal, Reason: "F"}, v1alpha1.ConditionStalled, "F", 1, 0, 0, false},
		"a request that always fails parks": {&v1alpha1.Attempts{Count: serverErrors - 1, Basis: "b"}, &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonServerError},
			v1alpha1.ConditionConflict, v1alpha1.ReasonServerError, serverErrors, 30 * time.Minute, time.Hour, false},
		"a throttle costs no attempt": {third, &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonThrottled, RetryAfter: time.Minute}, v1alpha1.ConditionReconciling, v1alpha1.ReasonThrottled, 3, time.Minute, 2 * time.Minute, false},
		"and says what is throttled": {nil, &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonRegistrationClosed, PlatformWide: true, RetryAfter: time.Hour},
			v1alpha1.ConditionReconciling, v1alpha1.ReasonRegistrationClosed, 0, time.Hour, 2 * time.Hour, false},
		"an outage costs no attempt": {nil, &lms.Error{Class: lms.Transient, PlatformWide: true}, v1alpha1.ConditionReconciling, v1alpha1.ReasonPlatformUnavailable, 0, platformRecheck, 2 * platformRecheck, true},
		"it is sat out": {nil, &lms.Error{Class: lms.Transient, PlatformWide: true, RetryAfter: time.Minute},
			v1alpha1.ConditionReconciling, v1alpha1.ReasonPlatformUnavailable, 0, time.Minute, 2 * time.Minute, true},
		"but not for ever": {nil, &lms.Error{Class: lms.Transient, PlatformWide: true, RetryAfter: 24 * time.Hour},
			v1alpha1.ConditionReconciling, v1alpha1.ReasonPlatformUnavailable, 0, lastRetry, 2 * lastRetry, true},
		"bad credentials cost none": {nil, &lms.Error{Class: lms.Fatal, PlatformWide: true}, v1alpha1.ConditionReconciling, v1alpha1.ReasonPlatformUnavailable, 0, platformRecheck, 2 * platformRecheck, true},
	} {
		t.Run(name, func(t *testing.T) {
			suspects := make(chan event.GenericEvent, 1)
			r := &reconciler{clock: clocktesting.NewFakePassiveClock(now), platforms: &platforms{suspects: suspects, blamed: lru.New(1)}}
			attempts := test.before
			o := r.failed(&v1alpha1.Contact{}, &v1alpha1.LearningPlatform{}, &attempts, "b", test.err)
			if o.standing != test.standing || o.reason != test.reason {
				t.Errorf("outcome = %s %s, want %s %s", o.standing, o.reason, test.standing, test.reason)
			}
			if o.after < test.least || o.after > test.most {
				t.Errorf("next visit after %s, want %s to %s", o.after, test.least, test.most)
			}
			var count int32
			if attempts != nil {
				count = attempts.Count
			}
			if count != test.count {
				t.Errorf("attempts = %d, want %d", count, test.count)
			}
			if asked := len(suspects) == 1; asked != test.askedToProbe {
				t.Errorf("asked to probe the platform: %v, want %v", asked, test.askedToProbe)
			}
		})
	}
}

func TestAnUnwellPlatformIsProbedAgainInTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	outage := func(retryAfter time.Duration) *lms.Error {
		return &lms.Error{Class: lms.Transient, Reason: v1alpha1.ReasonUnreachable, PlatformWide: true, RetryAfter: retryAfter}
	}
	throttle := &lms.Error{Class: lms.Throttled, Reason: v1alpha1.ReasonThrottled, PlatformWide: true, RetryAfter: 2 * time.Minute}
	for name, test := range map[string]struct {
		ready    metav1.ConditionStatus
		since    time.Duration
		failure  *lms.Error
		standing string
		reason   string
		least    time.Duration
	}{
		"at once":               {metav1.ConditionTrue, time.Hour, outage(0), v1alpha1.ConditionReconciling, v1alpha1.ReasonUnreachable, firstProbe},
		"later the longer":      {metav1.ConditionFalse, 2 * time.Minute, outage(0), v1alpha1.ConditionReconciling, v1alpha1.ReasonUnreachable, 30 * time.Second},
		"when it says":          {metav1.ConditionTrue, time.Hour, outage(5 * time.Minute), v1alpha1.ConditionReconciling, v1alpha1.ReasonUnreachable, 5 * time.Minute},
		"not before its time":   {metav1.ConditionFalse, time.Hour, outage(2 * time.Second), v1alpha1.ConditionReconciling, v1alpha1.ReasonUnreachable, lastProbe},
		"not never":             {metav1.ConditionTrue, time.Hour, outage(24 * time.Hour), v1alpha1.ConditionReconciling, v1alpha1.ReasonUnreachable, lastRetry},
		"a throttle is no harm": {metav1.ConditionTrue, time.Hour, throttle, v1alpha1.ConditionReady, v1alpha1.ReasonConnected, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			platform := &v1alpha1.LearningPlatform{}
			platform.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: test.ready, Reason: v1alpha1.ReasonConnected,
				LastTransitionTime: metav1.NewTime(now.Add(-test.since))}}
			r := &learningPlatformReconciler{reconciler{clock: clocktesting.NewFakePassiveClock(now)}}
			o := r.unwell(platform, test.failure)
			if o.standing != test.standing || o.reason != test.reason {
				t.Errorf("outcome = %s %s, want %s %s", o.standing, o.reason, test.standing, test.reason)
			}
			if most := time.Duration(float64(test.least) * (1 + jitter)); o.after < test.least || o.after > most {
				t.Errorf("next probe after %s, want %s to %s", o.after, test.least, most)
			}
		})
	}
}

func TestRetriesStayWithinTheirBounds(t *testing.T) {
	for class, bounds := range map[lms.Class][2]time.Duration{lms.Transient: {firstRetry, lastRetry}, lms.Conflict: {firstRecheck, lastRecheck}} {
		before := time.Duration(0)
		for count := int32(1); count < 100; count++ {
			delay := retryDelay(class, count)
			if delay < bounds[0] || float64(delay) > float64(bounds[1])*(1+jitter) {
				t.Fatalf("%s, attempt %d: %s is out of bounds", class, count, delay)
			}
			if count < 6 && delay <= before {
				t.Errorf("%s, attempt %d: %s is no longer than %s", class, count, delay, before)
			}
			before = delay
		}
	}
}

func TestAnAttemptIsDueInTimeOrWhenItsBasisChanges(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(offset time.Duration) *metav1.Time { return new(metav1.NewTime(now.Add(offset))) }
	for name, test := range map[string]struct {
		attempts *v1alpha1.Attempts
		wait     time.Duration
		due      bool
	}{
		"none yet":      {nil, 0, true},
		"planned":       {&v1alpha1.Attempts{Basis: "b", NextTime: at(time.Minute)}, time.Minute, false},
		"its time came": {&v1alpha1.Attempts{Basis: "b", NextTime: at(0)}, 0, true},
		"none planned":  {&v1alpha1.Attempts{Basis: "b"}, 0, false},
		"other basis":   {&v1alpha1.Attempts{Basis: "a", NextTime: at(time.Hour)}, 0, true},
	} {
		if wait, due := waitFor(test.attempts, "b", now); due != test.due || wait != test.wait {
			t.Errorf("%s: wait %s, due %v; want %s, %v", name, wait, due, test.wait, test.due)
		}
	}
}

func TestACallThatFailsOnAPlatformThatIsWellIsTheObjectsOwn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	clock := clocktesting.NewFakePassiveClock(now)
	platform, contact := &v1alpha1.LearningPlatform{}, &v1alpha1.Contact{}
	r := &reconciler{clock: clock, platforms: &platforms{
		suspects: make(chan event.GenericEvent, 1), blamed: lru.New(1), open: map[types.NamespacedName]connection{}}}
	var attempts *v1alpha1.Attempts
	fail := func() outcome {
		clock.SetTime(clock.Now().Add(platformRecheck))
		return r.failed(contact, platform, &attempts, "b", &lms.Error{Class: lms.Fatal, PlatformWide: true, Reason: v1alpha1.ReasonUnreachable})
	}

	for range 3 {
		if o := fail(); o.reason != v1alpha1.ReasonPlatformUnavailable || attempts != nil {
			t.Fatalf("no probe was made: %+v, attempts %+v", o, attempts)
		}
	}
	for count := int32(1); count <= serverErrors; count++ {
		r.platforms.foundWell(platform, clock.Now().Add(time.Second))
		o := fail()
		if attempts == nil || attempts.Count != count {
			t.Fatalf("attempts = %+v, want %d", attempts, count)
		}
		if parked := o.standing == v1alpha1.ConditionConflict; parked != (count == serverErrors) {
			t.Errorf("attempt %d: %s", count, o.standing)
		}
	}
	clock.SetTime(clock.Now().Add(blameLasts))
	attempts = nil
	r.platforms.foundWell(platform, clock.Now())
	if o := fail(); o.reason != v1alpha1.ReasonPlatformUnavailable || attempts != nil {
		t.Errorf("long after: %+v, attempts %+v, want a new outage to cost nothing", o, attempts)
	}
}
