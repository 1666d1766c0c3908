package openedxtest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// defaultThrottle is what the real platform takes of a staff user in a minute.
const defaultThrottle = 120

// maxBody is more than any call sends.
const maxBody = 10 << 20

// Server is the stand-in. It is an http.Handler, and may be used and meddled with from many goroutines.
type Server struct {
	// URL is where the server listens, if Start made it.
	URL string

	perMinute   int // the throttle, 0: none
	realLatency bool
	workers     chan struct{} // with real latency: a place for each worker of the platform
	serving     sync.RWMutex  // read-locked by each call while it is answered
	routes      []route

	mu sync.Mutex // guards everything below
	*state
	keys         *keys
	opaqueTokens map[string]opaqueToken
	sessions     map[string]*user       // the browsers that are logged in
	calls        map[string][]time.Time // of the last minute, by whose budget they count against
	windows      map[string]fixedWindow
	detailsCache map[string]cachedDetails
	faults       faults
	webhooks     []webhook
	journal      journal
}

type config struct {
	clock       clock.PassiveClock
	perMinute   int
	realLatency bool
	withoutEox  bool
	withoutBulk bool
	eoxSeesAll  bool
	eoxReadOnly bool
}

// Option changes how a server is made.
type Option func(*config)

// WithThrottle sets how many enrollment calls a minute a staff user has; others have a third. 0 is no throttle at all,
// on tokens neither. The default is 120, as of the real platform.
func WithThrottle(perMinute int) Option { return func(c *config) { c.perMinute = perMinute } }

// WithClock sets what the server takes for the time. Latency is not measured by it.
func WithClock(clk clock.PassiveClock) Option { return func(c *config) { c.clock = clk } }

// WithRealLatency gives each call the cost it has on a real platform with two workers.
func WithRealLatency() Option { return func(c *config) { c.realLatency = true } }

// WithoutEoxCore is a platform without the eox-core plugin.
func WithoutEoxCore() Option { return func(c *config) { c.withoutEox = true } }

// WithEoxSeeingAll is eox-core with EOX_CORE_USER_ORIGIN_SITE_SOURCES = ["fetch_from_unfiltered_table"]: it sees every account.
func WithEoxSeeingAll() Option { return func(c *config) { c.eoxSeesAll = true } }

// WithoutEoxUpdates is eox-core without EOX_CORE_ENABLE_UPDATE_USERS, and so old that it replaces no addresses.
func WithoutEoxUpdates() Option { return func(c *config) { c.eoxReadOnly = true } }

// WithoutBulkEnroll is a platform without the bulk enrollment API, whatever the world's settings say.
func WithoutBulkEnroll() Option { return func(c *config) { c.withoutBulk = true } }

// New makes a server that holds a world. It panics if the world is not one that ParseWorld would pass.
func New(world World, options ...Option) *Server {
	if err := world.check(); err != nil {
		panic(err)
	}
	config := config{clock: clock.RealClock{}, perMinute: defaultThrottle}
	for _, option := range options {
		option(&config)
	}
	s := &Server{
		perMinute:    config.perMinute,
		realLatency:  config.realLatency,
		routes:       routes(world.Settings.EnableBulkEnrollment && !config.withoutBulk, !config.withoutEox, !config.eoxReadOnly),
		state:        newState(world, config.clock),
		keys:         newKeys(),
		opaqueTokens: map[string]opaqueToken{},
		sessions:     map[string]*user{},
		calls:        map[string][]time.Time{},
		windows:      map[string]fixedWindow{},
		detailsCache: map[string]cachedDetails{},
	}
	s.eoxSeesAll = config.eoxSeesAll
	if s.realLatency {
		s.workers = make(chan struct{}, realWorkers)
	}
	return s
}

// Start makes a server that listens on a local port until the test ends.
func Start(tb testing.TB, world World, options ...Option) *Server {
	tb.Helper()
	s := New(world, options...)
	listener := httptest.NewServer(s)
	tb.Cleanup(func() {
		s.ClearFaults() // lets go of calls that hang
		listener.Close()
	})
	s.URL = listener.URL
	return s
}

// ServeHTTP answers a call, or does what a fault says.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.serving.RLock()
	defer s.serving.RUnlock()
	begin := s.clock.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return // the caller went away, or sends without end
	}
	c := &call{Server: s, request: r, body: body}
	found, vars := s.find(r.URL.Path)
	c.vars = vars

	fault := s.takeFault(r, body)
	var a answer
	if fault.replaces() {
		a = fault.answer()
	} else if a = s.work(c, found, r.URL.Path); fault.hit {
		a = fault.answer()
	}
	s.record(r, found, begin, a.status)
	if fault.deliver(w, r) {
		a.write(w)
	}
}

// find gives the route of a path, nil if there is none.
func (s *Server) find(path string) (*route, map[string]string) {
	for i := range s.routes {
		found := &s.routes[i]
		match := found.pattern.FindStringSubmatch(path)
		if match == nil {
			continue
		}
		vars := map[string]string{}
		for n, name := range found.pattern.SubexpNames() {
			if name != "" {
				vars[name] = match[n]
			}
		}
		return found, vars
	}
	return nil, nil
}

// work does a call while other calls wait for their turn at the state, and then is busy for what the call costs.
func (s *Server) work(c *call, found *route, path string) answer {
	if s.realLatency {
		s.workers <- struct{}{}
		defer func() {
			<-s.workers
			pause(c.request.Context(), c.transit)
		}()
	}
	if found == nil {
		if with, _ := s.find(path + "/"); with != nil {
			return empty(http.StatusMovedPermanently).with("Location", withSlash(c.request)).with("Content-Type", "text/html; charset=utf-8")
		}
		return page(http.StatusNotFound)
	}
	s.mu.Lock()
	a := s.answer(c, found)
	latency := s.faults.latency
	s.mu.Unlock()
	s.sendEvents()
	if s.realLatency {
		latency += c.cost
	}
	pause(c.request.Context(), latency)
	return a
}

func (s *Server) answer(c *call, found *route) answer {
	c.cost = costOfRoute(found.name)
	if found.view == nil {
		return found.plain(c)
	}
	c.view = found.view
	return found.view.serve(c)
}

// hashPassword stands for the time an account's password takes, in which other calls go on.
// It is where two registrations of one person at the same time meet.
func (c *call) hashPassword() {
	duration := quickHash
	if c.realLatency {
		duration = costPassword
	}
	c.mu.Unlock()
	pause(c.request.Context(), duration)
	c.mu.Lock()
}

// pause waits, though not for a caller who went away.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-ctx.Done()
}

func withSlash(r *http.Request) string {
	location := r.URL.EscapedPath() + "/"
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	return location
}
