package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	// recoveryAddress is somebody's secondary address in the demo world.
	recoveryAddress = "signe@home.example"
	// missingKey is that of a course that the LMS does not have.
	missingKey = "course-v1:GK+NOWHERE+2017"
	// longestCalm is how much time of the clock may pass until all is in step after trouble. It is more than any back-off.
	longestCalm = 48 * time.Hour
	// modelPatience is how long a run waits, in real time, while the clock is skipped through longestCalm. Others run beside it.
	modelPatience = 5 * time.Minute
	// shortestCalm is how much may pass where there was no trouble: the budget takes some minutes.
	shortestCalm = 25 * time.Minute
)

// modelRun is one random sequence.
type modelRun struct {
	*company
	random *rand.Rand
	model  *reference
	budget int
	// drift is the platform's policy. What people do on the LMS is noticed by its sweeps, or because somebody asks for checks.
	drift v1alpha1.DriftPolicy
	asks  bool
	// observedSince is how many writing calls there had been when the LMS began to be only observed, if it is.
	observedSince *int
	// limited is true where withdrawals are held, and released when calm is to return.
	limited bool
	// carriesOver is true where Rollcall can change every account's name and address.
	carriesOver bool
	// waitsForLogin is true where the LMS makes all accounts.
	waitsForLogin bool
	// contacts and codes are what documents are made of.
	contacts, codes []string
	// first are the accounts that were there before Rollcall.
	first map[int]bool
	// moved counts the accounts that people retired, or gave another name or address.
	moved int
	// starts are when Rollcall was started.
	starts []time.Time
	// hanging is true while calls to the LMS may hang.
	hanging bool
	steps   []string
}

// setups are the ways in which a platform is set up.
var setups = []struct {
	accounts    v1alpha1.AccountRoute
	enrollments v1alpha1.EnrollmentRoute
	withoutEox  bool
}{
	{v1alpha1.AccountRouteAuto, v1alpha1.EnrollmentRouteAuto, false},
	{v1alpha1.AccountRouteEoxCore, v1alpha1.EnrollmentRouteEoxCore, false},
	{v1alpha1.AccountRouteEoxCore, v1alpha1.EnrollmentRouteSingle, false},
	{v1alpha1.AccountRouteRegistration, v1alpha1.EnrollmentRouteEoxCore, false},
	{v1alpha1.AccountRouteRegistration, v1alpha1.EnrollmentRouteSingle, true},
	{v1alpha1.AccountRouteRegistration, v1alpha1.EnrollmentRouteBulk, true},
	{v1alpha1.AccountRouteEoxCore, v1alpha1.EnrollmentRouteBulk, false},
	{v1alpha1.AccountRouteFirstLogin, v1alpha1.EnrollmentRouteAuto, true},
	{v1alpha1.AccountRouteFirstLogin, v1alpha1.EnrollmentRouteEoxCore, false},
}

// zones are those of the platform. Some change their clocks.
var zones = []string{"Europe/Berlin", "UTC", "America/Santiago", "Pacific/Auckland"}

func newModelRun(t *testing.T, seed uint64) *modelRun {
	r := &modelRun{random: rand.New(rand.NewPCG(seed, 0)), first: map[int]bool{}}
	t.Cleanup(func() {
		if t.Failed() && r.company != nil {
			t.Logf("-model.seed=%d -model.runs=1 plays:\n%s\nand ends with:\n%s", seed, strings.Join(r.steps, "\n"), r.states())
		}
	})
	setup := pick(r.random, setups)
	r.budget = pick(r.random, []int{20, 70, 100, 100})
	zone := pick(r.random, zones)
	clock := &travelClock{}
	world := openedxtest.DemoWorld()
	options := []openedxtest.Option{openedxtest.WithClock(clock), openedxtest.WithThrottle(r.budget + 20)}
	sees := r.random.IntN(2) == 0
	switch {
	case setup.withoutEox:
		options = append(options, openedxtest.WithoutEoxCore())
	case sees:
		options = append(options, openedxtest.WithEoxSeeingAll())
		r.carriesOver = setup.accounts == v1alpha1.AccountRouteAuto || setup.accounts == v1alpha1.AccountRouteEoxCore
	}
	r.waitsForLogin = setup.accounts == v1alpha1.AccountRouteFirstLogin
	withdrawals := pick(r.random, []int32{0, 2, 500, 500, 500})
	r.limited = withdrawals < 500
	r.note("accounts by %s, enrollments by %s in %s, %d calls a minute, %d withdrawals an hour; profiles can be changed: %v",
		setup.accounts, setup.enrollments, zone, r.budget, withdrawals, r.carriesOver)
	r.drift = pick(r.random, []v1alpha1.DriftPolicy{v1alpha1.DriftPolicyCorrect, v1alpha1.DriftPolicyCorrect, v1alpha1.DriftPolicyReport, v1alpha1.DriftPolicyOff})
	r.asks = r.drift == v1alpha1.DriftPolicyOff || r.random.IntN(3) == 0
	interval := pick(r.random, []int32{60, 360, 1440})
	mode := pick(r.random, []v1alpha1.PlatformMode{v1alpha1.PlatformModeEnforce, v1alpha1.PlatformModeEnforce, v1alpha1.PlatformModeObserve})
	pastCapacity := r.random.IntN(2) == 0
	if mode == v1alpha1.PlatformModeObserve {
		r.observedSince = new(0)
	}
	r.note("drift: %s every %d minutes; checks are asked for: %v; mode: %s", r.drift, interval, r.asks, mode)
	lms := openedxtest.Start(t, world, options...)
	r.company = newCompanyWith(t, lms, clock, func(spec *v1alpha1.LearningPlatformSpec) {
		spec.TimeZone, spec.CallsPerMinute = zone, int32(r.budget)
		spec.AccountRoute, spec.EnrollmentRoute = setup.accounts, setup.enrollments
		spec.Mode = mode
		if setup.enrollments == v1alpha1.EnrollmentRouteBulk || r.waitsForLogin || pastCapacity {
			spec.EnrollPastCapacity = new(true)
		}
		spec.DriftPolicy, spec.DriftIntervalMinutes = r.drift, interval
		spec.Safety = v1alpha1.SafetySpec{MaxWithdrawalsPerHour: &withdrawals, MaxWithdrawalPercentPerHour: new(int32(100))}
	})
	r.starts = append(r.starts, clock.Now())

	location, err := time.LoadLocation(zone)
	must(t, err)
	r.model = &reference{
		zone: location, documents: map[string]*document{}, courses: map[string]offer{}, offered: map[string][]string{}, closed: map[string]map[int]bool{},
		named: map[string]set{}, stoodFor: map[string]set{}, addresses: map[string]set{}, seats: map[seat]openedxtest.Enrollment{},
		retired: set{"p.gone@acme.com": true}, known: map[int]set{}, learners: map[int]set{},
		active: map[int]bool{}, perhaps: map[any]bool{}, preEnrolled: map[string]set{}, orphaned: set{},
	}
	for _, course := range world.Courses {
		for _, mode := range course.Modes {
			r.model.offered[course.ID] = append(r.model.offered[course.ID], mode.Slug)
		}
	}
	for _, account := range lms.Accounts() {
		r.first[account.ID], r.model.active[account.ID] = true, account.Active
		for _, row := range lms.Enrollments(account.Username) {
			r.model.seats[seat{account.ID, row.Course}] = row
		}
	}
	for n := range 3 + r.random.IntN(5) {
		r.contacts = append(r.contacts, fmt.Sprintf("c%d", n))
	}
	r.codes = []string{"A", "B", "C", "D", "E"}[:2+r.random.IntN(4)]
	for _, code := range r.codes {
		if r.random.IntN(6) > 0 {
			r.makeCourse(code)
		}
	}
	return r
}

// states tells how all objects stand.
func (r *modelRun) states() string {
	objects, err := r.allObjects()
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, o := range objects {
		ready := readyOf(o)
		lines = append(lines, fmt.Sprintf("%T %s is %s: %s", o, o.GetName(), ready.Reason, ready.Message))
	}
	return strings.Join(lines, "\n")
}

// play takes all steps, with calm in between and at the end.
func (r *modelRun) play() {
	for range 8 + r.random.IntN(8) {
		r.step()
	}
	r.calm(longestCalm)
	for range 2 + r.random.IntN(4) { // while there is something to change
		r.meddle()
	}
	for range r.random.IntN(10) {
		r.step()
	}
	r.calm(longestCalm)
	r.staysCalm()
	r.seeMidnight()
	r.checkBudget()
}

// note writes down a step.
func (r *modelRun) note(format string, values ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, values...))
}

// calm ends all trouble and lets time pass until all is in step. Where nobody sweeps, it asks for a check of everything, as a
// person would.
func (r *modelRun) calm(longest time.Duration) {
	r.t.Helper()
	r.note("calm")
	r.enforce()
	r.endTrouble()
	r.resume()
	if r.random.IntN(2) == 0 {
		if len(r.model.closed) > 0 { // That one opens is noticed after hours.
			longest = longestCalm
		}
		r.openCourses()
	}
	if r.asks {
		r.askForAll()
	}
	r.untilInStep(longest)
}

func (r *modelRun) askForAll() {
	objects, err := r.allObjects()
	must(r.t, err)
	request := r.clock.Now().Format(time.RFC3339Nano)
	for _, o := range objects {
		if o.GetDeletionTimestamp().IsZero() {
			r.ask(o, fmt.Sprintf("%s %T", request, o)) // An Enrollment that has its Contact's request got it from there.
		}
	}
}

// ask asks for a check of an object, unless it goes away meanwhile.
func (r *modelRun) ask(o conditioned, request string) {
	patch := client.MergeFrom(o.DeepCopyObject().(client.Object))
	annotations := maps.Clone(o.GetAnnotations())
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[v1alpha1.ReconcileRequestedAtAnnotation] = request
	o.SetAnnotations(annotations)
	must(r.t, client.IgnoreNotFound(r.Patch(context.Background(), o, patch)))
}

// untilInStep skips the time until the reference has nothing to say.
func (r *modelRun) untilInStep(longest time.Duration) {
	r.t.Helper()
	began, last := r.clock.Now(), errors.New("not compared")
	err := r.whenIdle(func() (bool, error) {
		if last = r.compare(); last == nil {
			return true, nil
		}
		r.release()
		if r.clock.Since(began) > longest {
			return false, fmt.Errorf("not in step after %s", longest)
		}
		return false, r.skip()
	})
	if err != nil {
		r.t.Fatalf("%v: %v", err, last)
	}
}

// release agrees to the withdrawals that are held, as a person does.
func (r *modelRun) release() {
	platform := r.defaultPlatform()
	must(r.t, r.Get(context.Background(), client.ObjectKeyFromObject(platform), platform))
	held, last := platform.Status.Removals.Held, platform.Annotations[v1alpha1.ReleaseRemovalsAnnotation]
	if held == 0 || last != platform.Status.Removals.LastRelease {
		return
	}
	if !r.limited {
		r.t.Fatalf("%d withdrawals are held", held)
	}
	change(r.company, platform, func(platform *v1alpha1.LearningPlatform) {
		metav1.SetMetaDataAnnotation(&platform.ObjectMeta, v1alpha1.ReleaseRemovalsAnnotation, fmt.Sprintf("%d@%s", held, r.clock.Now().Format(time.RFC3339Nano)))
	})
}

// whenIdle does something each time that Rollcall has nothing to do, until it is done.
func (r *modelRun) whenIdle(do func() (bool, error)) error {
	idle := 0
	return wait.PollUntilContextTimeout(context.Background(), 4*time.Millisecond, modelPatience, true, func(context.Context) (bool, error) {
		if !r.clock.idle() {
			idle = 0
			return false, nil
		}
		if idle++; idle < 3 { // an event may be on its way
			return false, nil
		}
		idle = 0
		return do()
	})
}

// skip skips the time until something is planned.
func (r *modelRun) skip() error {
	next, planned := r.clock.next()
	if !planned {
		return nil // an event is on its way
	}
	if now := r.clock.Now(); next.Before(now) {
		next = now
	}
	r.clock.travelTo(next.Add(time.Millisecond))
	return nil
}

// staysCalm checks that nothing more is written while nothing happens. What has a conflict is tried again now and then.
func (r *modelRun) staysCalm() {
	r.t.Helper()
	day, writes := r.model.today(r.clock.Now()), r.lms.Writes()
	until := r.clock.Now().Add(2 * time.Hour)
	must(r.t, r.whenIdle(func() (bool, error) {
		return r.clock.Now().After(until), r.skip()
	}))
	r.untilInStep(shortestCalm)
	objects, err := r.allObjects()
	must(r.t, err)
	waiting := slices.ContainsFunc(objects, func(o conditioned) bool { return !isReady(o) && readyOf(o).Reason != v1alpha1.ReasonAwaitingFirstLogin })
	if after := r.lms.Writes(); after > writes && !waiting && r.model.today(r.clock.Now()) == day {
		r.t.Errorf("%d writing calls, and nothing had happened", after-writes)
	}
}

// seeMidnight checks that nothing is done before the day changes, and that nobody has to ask for what is to be done then.
func (r *modelRun) seeMidnight() {
	r.t.Helper()
	const before = shortestCalm + 5*time.Minute
	r.travelTo(r.midnightAfter(r.clock.Now().Add(before)).Add(-before))
	r.calm(shortestCalm)
	r.travelTo(r.midnightAfter(r.clock.Now()))
	r.untilInStep(shortestCalm)
}

// midnightAfter is when the platform's next day begins.
func (r *modelRun) midnightAfter(now time.Time) time.Time {
	year, month, day := now.In(r.model.zone).AddDate(0, 0, 1).Date()
	return time.Date(year, month, day, 0, 0, 0, 0, r.model.zone)
}

// travelTo skips the time until an instant.
func (r *modelRun) travelTo(until time.Time) {
	now := r.clock.Now()
	r.note("%s passes, until %s", until.Sub(now).Round(time.Second), until.In(r.model.zone).Format(time.DateTime))
	r.clock.travelTo(until)
}

// checkBudget checks that the throttled calls stayed within the budget in every minute. One that starts does not know what
// was called before. From a small budget nothing can be taken for what goes ahead of its turn: a probe, and the second of two
// calls.
func (r *modelRun) checkBudget() {
	var calls []time.Time
	for _, call := range r.lms.Calls() {
		if isThrottled(call) {
			calls = append(calls, call.Time)
		}
	}
	slices.SortFunc(calls, time.Time.Compare)
	for first, begin := range calls {
		end := begin.Add(time.Minute)
		count := 0
		for _, at := range calls[first:] {
			if at.Before(end) {
				count++
			}
		}
		allowed := r.budget
		if r.budget < 75 {
			allowed += 2
		}
		for _, start := range r.starts {
			if start.After(begin) && start.Before(end) {
				allowed += r.budget
			}
		}
		if count > allowed {
			r.t.Errorf("%d calls in the minute from %s, with a budget of %d", count, begin, allowed)
			return
		}
	}
}

func isThrottled(call openedxtest.Call) bool {
	for _, path := range []string{"/api/enrollment/v1/enrollment", "/api/enrollment/v1/roles/", "/api/bulk_enroll/"} {
		if strings.HasPrefix(call.Path, path) {
			return true
		}
	}
	return false
}

func pick[T any](random *rand.Rand, of []T) T { return of[random.IntN(len(of))] }
