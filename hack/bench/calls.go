package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const (
	// newcomersCourses is how many courses the newcomers are spread over.
	newcomersCourses = 20
	// contactsAtOnce and enrollmentsAtOnce are how many visits the controllers make at a time.
	contactsAtOnce, enrollmentsAtOnce = 64, 200
	// callsInFlight is how many calls are under way at a time on routes that the LMS does not throttle, as it ships.
	callsInFlight = 4
	// lmsThrottle is what the LMS takes of a staff user in a minute, and budget is what Rollcall uses of that, as both ship.
	lmsThrottle, budget = 120, 100
)

// routesTaken is how newcomers get their accounts and enrollments, and what that took.
type routesTaken struct {
	name string
	// made and enrolled are from the first call until the last account was there, and until the last learner was enrolled.
	made, enrolled time.Duration
	calls          []openedxtest.Call
	// verified are the calls by which a sweep then finds all unchanged.
	verified []openedxtest.Call
}

// newcomers are learners without an account. Their accounts are made first, and then they are enrolled, so that calls can be
// told apart; what both take is the LMS's speed, or the budget's.
type newcomers struct{ count, enrollments int }

func (n newcomers) document(i int) lms.NewLearner {
	d := newDocument("newcomer", i, 0)
	return lms.NewLearner{ContactID: d.ContactID, FirstName: d.FirstName, LastName: d.LastName, Email: d.Email}
}

// course is the key of one of the courses of a newcomer.
func (n newcomers) course(learner, i int) string {
	return courseKey((learner*n.enrollments + i) % newcomersCourses)
}

// measureCalls has the driver, without a cluster, bring newcomers in step by each way, on a stand-in with the costs of a real
// LMS, and a loop do the same without Rollcall.
func (b *bench) measureCalls(ctx context.Context) (section, error) {
	n := newcomers{b.newcomers, b.enrollments}
	var ways []*routesTaken
	for _, config := range []openedx.Config{
		{AccountRoute: v1alpha1.AccountRouteEoxCore, EnrollmentRoute: v1alpha1.EnrollmentRouteEoxCore, CallsPerMinute: budget},
		{AccountRoute: v1alpha1.AccountRouteRegistration, EnrollmentRoute: v1alpha1.EnrollmentRouteBulk, EnrollPastCapacity: true, CallsPerMinute: budget},
		// Within the budget this would take half an hour for a thousand.
		{AccountRoute: v1alpha1.AccountRouteRegistration, EnrollmentRoute: v1alpha1.EnrollmentRouteSingle, CallsPerMinute: 100_000},
	} {
		progress("Bringing %d newcomers in step by %s and %s", n.count, config.AccountRoute, config.EnrollmentRoute)
		w, err := n.byDriver(ctx, config)
		if err != nil {
			return section{}, err
		}
		ways = append(ways, w)
	}
	progress("Doing the same in a plain loop")
	plain, err := n.byLoop(ctx)
	if err != nil {
		return section{}, err
	}
	progress("Working off a backlog on a simulated clock")
	drained, err := simulateBacklog(ctx)
	return callsSection(n, ways, plain, drained), err
}

// world is one whose eox-core sees all accounts.
func (n newcomers) world() openedxtest.World {
	w := world(newcomersCourses, &learners{})
	w.Settings = openedxtest.Settings{SkipEmailValidation: true, RegistrationRateLimit: "1000000/d", EnableBulkEnrollment: true}
	return w
}

func (n newcomers) byDriver(ctx context.Context, config openedx.Config) (*routesTaken, error) {
	throttle := lmsThrottle
	if config.CallsPerMinute > throttle {
		throttle = 0
	}
	server, address, stop, err := startLMS(ctx, n.world(), openedxtest.WithThrottle(throttle), openedxtest.WithRealLatency(), openedxtest.WithEoxSeeingAll())
	if err != nil {
		return nil, err
	}
	defer stop()
	config.URL, config.ClientID, config.ClientSecret, config.MaxCallsInFlight = "http://"+address, clientID, clientSecret, callsInFlight
	client, err := openedx.New(config)
	if err != nil {
		return nil, err
	}
	if _, err := client.Probe(ctx); err != nil {
		return nil, err
	}
	server.ResetCalls()

	w := &routesTaken{name: fmt.Sprintf("%s, %s", config.AccountRoute, config.EnrollmentRoute)}
	usernames := make([]string, n.count)
	start := time.Now()
	err = insist(ctx, contactsAtOnce, n.count, func(ctx context.Context, i int) error {
		found, err := client.FindLearner(ctx, n.document(i).Email)
		if err == nil && found == nil {
			var made lms.Learner
			made, err = client.CreateLearner(ctx, n.document(i))
			found = &made
		}
		if err == nil {
			usernames[i] = found.Username
		}
		return err
	})
	w.made = time.Since(start)
	if err != nil {
		return nil, err
	}
	err = insist(ctx, enrollmentsAtOnce, n.count*n.enrollments, func(ctx context.Context, i int) error {
		learner := i / n.enrollments
		_, err := client.Enroll(ctx, lms.EnrollmentRequest{
			Username: usernames[learner], CourseKey: n.course(learner, i%n.enrollments), OfferedModes: []string{"audit"},
		})
		return err
	})
	w.enrolled, w.calls = time.Since(start), server.Calls()
	if err != nil {
		return nil, err
	}
	server.ResetCalls()
	err = verify(ctx, client, usernames)
	w.verified = server.Calls()
	return w, err
}

// verify reads what a sweep reads: all enrollments of all courses, and all accounts.
func verify(ctx context.Context, client *openedx.Client, usernames []string) error {
	for course := range newcomersCourses {
		for cursor := ""; ; {
			var page lms.EnrollmentPage
			err := insist(ctx, 1, 1, func(ctx context.Context, _ int) (err error) {
				page, err = client.ListEnrollments(ctx, courseKey(course), cursor)
				return err
			})
			if err != nil {
				return err
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
	}
	for some := range slices.Chunk(usernames, lms.MaxPage) {
		if _, err := client.LookUpLearners(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// insist makes calls, so many at a time, and has who is sent away come back when told.
func insist(ctx context.Context, atOnce, count int, call func(ctx context.Context, i int) error) error {
	visits := make(chan struct{}, atOnce)
	calls, ctx := errgroup.WithContext(ctx)
	for i := range count {
		calls.Go(func() error {
			for {
				visits <- struct{}{}
				err := call(ctx, i)
				<-visits
				if err == nil || lms.AsError(err).Class != lms.Throttled {
					return err
				}
				select {
				case <-time.After(max(lms.AsError(err).RetryAfter, time.Second)):
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
	}
	return calls.Wait()
}

// byLoop is what somebody would write who has only eox-core: an account, and then each enrollment, with as many calls under
// way as Rollcall has.
func (n newcomers) byLoop(ctx context.Context) (*routesTaken, error) {
	server, address, stop, err := startLMS(ctx, n.world(), openedxtest.WithRealLatency(), openedxtest.WithEoxSeeingAll())
	if err != nil {
		return nil, err
	}
	defer stop()
	base := "http://" + address
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret}, "token_type": {"jwt"}}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := post(ctx, base+"/oauth2/access_token", "application/x-www-form-urlencoded", "", strings.NewReader(form.Encode()), &token); err != nil {
		return nil, err
	}
	server.ResetCalls()
	write := func(ctx context.Context, path string, body any) error {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		return post(ctx, base+"/eox-core/api/v1/"+path, "application/json", "JWT "+token.AccessToken, bytes.NewReader(encoded), nil)
	}
	w := &routesTaken{name: "plain loop"}
	start := time.Now()
	_, err = measure(ctx, callsInFlight, n.count, func(ctx context.Context, i int) error {
		d := n.document(i)
		return write(ctx, "user/", map[string]any{
			"username": d.ContactID, "email": d.Email, "fullname": d.FirstName, "password": "correct horse battery", "activate_user": true,
		})
	})
	w.made = time.Since(start)
	if err != nil {
		return nil, err
	}
	_, err = measure(ctx, callsInFlight, n.count*n.enrollments, func(ctx context.Context, i int) error {
		learner := i / n.enrollments
		return write(ctx, "enrollment/", map[string]any{
			"username": n.document(learner).ContactID, "course_id": n.course(learner, i%n.enrollments), "mode": "audit", "is_active": true,
		})
	})
	w.enrolled, w.calls = time.Since(start), server.Calls()
	return w, err
}

func post(ctx context.Context, address, contentType, authorization string, body io.Reader, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", contentType)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return errors.New("the plain loop was answered " + response.Status)
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}
