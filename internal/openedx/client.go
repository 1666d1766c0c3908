// Package openedx is the driver of internal/lms for Open edX. Everything it relies on was read in the platform's source
// and recorded from a running LMS. It writes no log: what went wrong is in the error, and that holds no personal data.
package openedx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
	"k8s.io/utils/lru"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/lms"
)

const (
	defaultCallsPerMinute   = 100
	defaultMaxCallsInFlight = 4
	defaultTimeout          = 30 * time.Second
)

// Config is what a Client is made from.
type Config struct {
	// Name of the platform in metrics; without one it is in none.
	Name string
	// URL of the LMS: scheme and host.
	URL string
	// ClientID and ClientSecret of the OAuth2 application that Rollcall uses, grant client-credentials.
	ClientID, ClientSecret string
	// AccountRoute and EnrollmentRoute; empty is Auto.
	AccountRoute    v1alpha1.AccountRoute
	EnrollmentRoute v1alpha1.EnrollmentRoute
	// EnrollPastWindow enrolls also while the LMS does not admit to the course, EnrollPastCapacity also when it is full.
	EnrollPastWindow, EnrollPastCapacity bool
	// CallsPerMinute to the endpoints that the LMS throttles. Default: 100.
	CallsPerMinute int
	// MaxCallsInFlight is how many calls to the other endpoints are under way at a time. Default: 4.
	MaxCallsInFlight int
	// Timeout of one call, from the connection to the last byte of the answer. Default: 30 s.
	Timeout time.Duration
	// Clock of the budget, the gates and the token's expiry. Default: the real one.
	Clock clock.Clock
	// Transport below the client. Default: one of its own, with connections kept alive.
	Transport http.RoundTripper
}

// Client is one LMS, used with one set of credentials. It is safe for concurrent use.
type Client struct {
	name    string
	base    *url.URL
	http    *http.Client
	timeout time.Duration
	clock   clock.Clock

	credentials *credentials
	throttles   *throttles

	byEmail, byUsername *batcher[string, *account]

	eoxEnrollments  *batcher[eoxEnrollment, enrollment]
	courses         *batcher[struct{}, courseDetails]
	bulkEnrollments *batcher[bulkWish, enrollment]

	pastWindow, pastCapacity bool

	lookedFor *lru.Cache // the addresses whose learners CreateLearner sent away, and when

	hidden *lru.Cache // the usernames that eox-core does not see

	left *lru.Cache // what bulk enrollment left, and is being done singly

	asked   routes
	chosen  atomic.Pointer[routes]
	probing turn
}

var _ lms.Platform = (*Client)(nil)

// routes are the ways to accounts and enrollments.
type routes struct {
	account    v1alpha1.AccountRoute
	enrollment v1alpha1.EnrollmentRoute
}

// New makes a client. It calls nothing yet; an error means that the configuration itself is wrong.
func New(config Config) (*Client, error) {
	base, err := baseURL(config.URL)
	if err != nil {
		return nil, err
	}
	if config.ClientID == "" || config.ClientSecret == "" {
		return nil, errors.New("the OAuth2 client id and secret must not be empty")
	}
	asked, err := askedRoutes(config)
	if err != nil {
		return nil, err
	}
	if config.CallsPerMinute <= 0 {
		config.CallsPerMinute = defaultCallsPerMinute
	}
	if config.MaxCallsInFlight <= 0 {
		config.MaxCallsInFlight = defaultMaxCallsInFlight
	}
	if config.Timeout <= 0 {
		config.Timeout = defaultTimeout
	}
	if config.Clock == nil {
		config.Clock = clock.RealClock{}
	}
	if config.Transport == nil {
		config.Transport = newTransport()
	}

	client := &Client{
		name: config.Name,
		base: base,
		http: &http.Client{
			Transport: named{config.Transport, userAgent()},
			// A redirected POST would arrive as a GET without its body, and a redirected token somewhere else: the
			// answer is read as what it is, a wrong address. There is no cookie jar, as registration logs the new
			// learner in.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		timeout:   config.Timeout,
		clock:     config.Clock,
		throttles: newThrottles(config),
		lookedFor: lru.New(rememberedLookedFor),
		hidden:    lru.New(rememberedHidden),
		left:      lru.New(rememberedLeft),

		pastWindow:   config.EnrollPastWindow,
		pastCapacity: config.EnrollPastCapacity,

		asked:   asked,
		probing: newTurn(),
	}
	client.byEmail = newBatcher(maxBatch, client.clock, client.turnOf(callSearchEmails), client.searchEmails)
	client.byUsername = newBatcher(maxBatch, client.clock, client.turnOf(callAccountByUsername), client.accountsByUsername)
	client.eoxEnrollments = newBatcher(maxEoxList, client.clock, client.turnOf(callEoxWriteEnrollments), client.enrollListByEoxCore)
	client.courses = newBatcher(maxBatch, client.clock, client.turnOf(callCourse), client.lookUpCourses)
	client.bulkEnrollments = newBatcher(maxBatch, client.clock, client.turnOf(callBulkEnroll), client.bulkEnroll)
	client.credentials = newCredentials(client, config.ClientID, config.ClientSecret)
	limits.show(client)
	return client, nil
}

func baseURL(text string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSuffix(text, "/"))
	if err != nil {
		return nil, errors.New("the URL of the LMS cannot be parsed")
	}
	if (base.Scheme != "http" && base.Scheme != "https") || base.Host == "" || base.Path != "" || base.RawQuery != "" {
		return nil, errors.New("the URL of the LMS must be scheme and host only")
	}
	return base, nil
}

func askedRoutes(config Config) (routes, error) {
	asked := routes{account: config.AccountRoute, enrollment: config.EnrollmentRoute}
	switch asked.account {
	case "":
		asked.account = v1alpha1.AccountRouteAuto
	case v1alpha1.AccountRouteAuto, v1alpha1.AccountRouteEoxCore, v1alpha1.AccountRouteRegistration, v1alpha1.AccountRouteFirstLogin:
	default:
		return routes{}, fmt.Errorf("there is no account route %q", asked.account)
	}
	switch asked.enrollment {
	case "":
		asked.enrollment = v1alpha1.EnrollmentRouteAuto
	case v1alpha1.EnrollmentRouteAuto, v1alpha1.EnrollmentRouteEoxCore, v1alpha1.EnrollmentRouteSingle:
	case v1alpha1.EnrollmentRouteBulk:
		// Whether a course is full cannot be read, and bulk enrollment does not ask.
		if !config.EnrollPastCapacity {
			return routes{}, errors.New("the enrollment route Bulk fills courses past their capacity, which has to be allowed")
		}
	default:
		return routes{}, fmt.Errorf("there is no enrollment route %q", asked.enrollment)
	}
	return asked, nil
}

// newTransport is http.DefaultTransport with connections of its own: as many are kept as may be in use.
func newTransport() *http.Transport {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 64
	return transport
}

// named says who is calling, also where x/oauth2 calls.
type named struct {
	http.RoundTripper
	userAgent string
}

// RoundTrip adds the name to a request.
func (n named) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set("User-Agent", n.userAgent)
	return n.RoundTripper.RoundTrip(request)
}

func userAgent() string {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && strings.HasPrefix(info.Main.Version, "v") {
		version = info.Main.Version
	}
	return "rollcall/" + version
}

// turn lets one caller through at a time, and lets go of a caller whose context ends.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

func (t turn) take(ctx context.Context) error {
	select {
	case t <- struct{}{}:
		return nil
	case <-ctx.Done():
		return lms.AsError(context.Cause(ctx))
	}
}

func (t turn) give() { <-t }
