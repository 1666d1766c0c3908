// Package ingest is the back office's door: it takes documents over HTTPS and keeps each as a Contact. A document is
// acknowledged when the API server has it; what follows from it is the controllers' work.
//
// The code reads in the order of a request: server, routes, put, bulk and get, gatekeeper, decode, validate, store,
// conflicts, record, page.
package ingest

import (
	"cmp"
	"context"
	_ "embed" // the description is part of the program
	"errors"
	"fmt"
	"net/http"
	"path"
	"regexp"

	"golang.org/x/time/rate"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
	"k8s.io/utils/keymutex"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rollcall.dev/rollcall/webhook/doors"
)

// Options are what the door needs. All are required but Hints and Clock.
type Options struct {
	// Client reads from a cache with the indexes of internal/index and writes to the API server. Its reads have to wait
	// for its own writes (client.CacheOptions.EnableReadYourWritesConsistency), so that the next request knows of the
	// document and the address that were stored just before.
	Client client.Client
	// APIReader reads from the API server.
	APIReader client.Reader
	// Cache is what Client reads from.
	Cache cache.Cache
	// Config reaches the API server for the reviews of tokens and permissions.
	Config *rest.Config
	// Namespace is where the Contacts are.
	Namespace string
	// BindAddress is the host and port to listen on.
	BindAddress string
	// PathPrefix is what comes before /contacts/ in the path of a document: segments of letters, digits, '.', '_', '~'
	// and '-', each after a slash. Default: /gk/api.
	PathPrefix string
	// CertDir holds tls.crt and tls.key. They are read again when they change.
	CertDir string
	// ClientCAFile holds the certificates of the authorities that issue client certificates, in PEM. It is read again when
	// it changes. Default: no client certificates are asked for.
	ClientCAFile string
	// Replicated says that other replicas take documents too. Then a read of the API server confirms that a document is
	// unchanged, as another replica may have stored a newer one that the cache does not have yet.
	Replicated bool
	// Limits are what one request, and all of them together, may take.
	Limits Limits
	// Hints takes the events of LMSs, at hints.Path below PathPrefix. Default: none are taken.
	Hints http.Handler
	// Clock tells when a document is received. Default: the real one.
	Clock clock.PassiveClock
}

// Server is the door. It serves on every replica: a document needs no leader.
type Server struct {
	*doors.Door
	pathPrefix  string
	description doors.Description
	limits      Limits
	hints       http.Handler
	cache       cache.Cache
	gatekeeper  *gatekeeper
	// paces are those of bulk lines, by caller.
	paces       *doors.Rates
	streams     *streams
	refusals    *refusalLog
	store       *store
	authorities authorities
	synced      doors.Synced
	// stopping is closed when the server begins to end.
	stopping chan struct{}
}

var (
	_ manager.Runnable               = (*Server)(nil)
	_ manager.LeaderElectionRunnable = (*Server)(nil)
)

const defaultPathPrefix = "/gk/api"

//go:embed openapi.yaml
var openAPI []byte

// pathPrefix is what neither the multiplexer takes for a pattern nor a client for something to clean or to escape.
var pathPrefix = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// New makes a door and listens, so that a port that is taken or a certificate that cannot be read is known at once.
// Requests are answered after Start.
func New(options Options) (*Server, error) {
	prefix := cmp.Or(options.PathPrefix, defaultPathPrefix)
	if !pathPrefix.MatchString(prefix) || path.Clean(prefix) != prefix {
		return nil, fmt.Errorf("the path prefix of the ingest is %q; it must be like %s: no slash at the end, and segments of "+
			"letters, digits, '.', '_', '~' and '-', but not '.' or '..'", prefix, defaultPathPrefix)
	}
	if err := options.Limits.validate(); err != nil {
		return nil, err
	}
	description, err := doors.Describe(openAPI, prefix)
	if err != nil {
		return nil, err
	}
	authorities, err := newAuthorities(options.ClientCAFile)
	if err != nil {
		return nil, err
	}
	callers := doors.NewRates(rate.Limit(options.Limits.CallerRate), options.Limits.CallerBurst)
	gatekeeper, err := newGatekeeper(options.Config, options.Namespace, authorities.verifyOptions, callers)
	if err != nil {
		return nil, err
	}
	door, err := doors.Open("ingest", options.BindAddress, options.CertDir)
	if err != nil {
		return nil, err
	}
	rehearsal, err := client.New(options.Config, client.Options{
		Scheme: options.Client.Scheme(), Mapper: options.Client.RESTMapper(), DryRun: new(true),
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cannot make a client for dry runs: %w", err), door.Close())
	}
	now := options.Clock
	if now == nil {
		now = clock.RealClock{}
	}
	return &Server{
		Door:        door,
		pathPrefix:  prefix,
		description: description,
		limits:      options.Limits,
		hints:       options.Hints,
		cache:       options.Cache,
		gatekeeper:  gatekeeper,
		paces:       doors.NewRates(rate.Limit(options.Limits.CallerRate), options.Limits.CallerBurst),
		streams:     newStreams(options.Limits.MaxBulkInFlight),
		refusals:    newRefusalLog(),
		store: &store{
			cached:     options.Client,
			rehearsal:  rehearsal,
			live:       options.APIReader,
			namespace:  options.Namespace,
			clock:      now,
			replicated: options.Replicated,
			contacts:   keymutex.NewHashed(1024),
		},
		authorities: authorities,
		stopping:    make(chan struct{}),
	}, nil
}

// Ready says whether documents are taken: a check for /readyz.
func (s *Server) Ready(r *http.Request) error { return s.synced.Ready(r) }

// Start serves until the context ends, and then lets the requests that have begun end.
func (s *Server) Start(ctx context.Context) error {
	return s.Serve(ctx, doors.Serving{
		Handler:       s.Handler(),
		ClientAuth:    s.authorities.clientAuth(),
		HeaderTimeout: s.limits.HeaderTimeout,
		ReadTimeout:   s.limits.ReadTimeout,
		WorkTimeout:   s.limits.RequestTimeout,
		Tasks:         []func(context.Context) error{s.authorities.watch, s.synced.Await(s.cache)},
		OnShutdown:    func() { close(s.stopping) },
	})
}
