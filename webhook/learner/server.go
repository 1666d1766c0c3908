// Package learner is the learners' door: it tells their browsers what they may take and who helps them, and takes their
// messages. What it tells comes from the cache alone; a message is acknowledged when the API server has it, and delivering
// it is the controllers' work.
//
// The code reads in the order of a request: server, routes, reception, crossing, visits, me, courses, mentor, support, messages.
package learner

import (
	"context"
	_ "embed" // the description is part of the program
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/webhook/doors"
)

// Options are what the door needs. All are required.
type Options struct {
	// Client reads from Cache, once that has what was written through it, and writes to the API server.
	Client client.Client
	// APIReader reads from the API server.
	APIReader client.Reader
	// Cache has the indexes of internal/index.
	Cache cache.Cache
	// Namespace is where the Contacts are, and Platform is the LearningPlatform there whose learners call.
	Namespace, Platform string
	// BindAddress is the host and port to listen on.
	BindAddress string
	// CertDir holds tls.crt and tls.key. They are read again when they change.
	CertDir string
	// MessagesPerHour is how many messages one learner may send on this replica: 1 to 1,000,000.
	MessagesPerHour int
	// Clock tells which day it is.
	Clock clock.PassiveClock
}

// Server is the door. It serves on every replica: nothing that a learner asks for needs a leader.
type Server struct {
	*doors.Door
	cache       cache.Cache
	description doors.Description
	reception   reception
	visits      visits
	messages    messages
	clock       clock.PassiveClock
	synced      doors.Synced
}

var (
	_ manager.Runnable               = (*Server)(nil)
	_ manager.LeaderElectionRunnable = (*Server)(nil)
)

// prefix is what the paths of the API begin with. The description knows it, too.
const prefix = "/gk/api"

const (
	// headerTimeout, readTimeout and workTimeout are how long the header of a request and all of it may take to arrive, and
	// the work on it.
	headerTimeout = 5 * time.Second
	readTimeout   = 10 * time.Second
	workTimeout   = 10 * time.Second
	// maxInFlight is how many requests are worked on at a time.
	maxInFlight = 256
	// maxPerHour is what MessagesPerHour may be at most. What is far above it would be no limit, or none that can be counted.
	maxPerHour = 1_000_000
)

//go:embed openapi.yaml
var openAPI []byte

// New makes a door and listens, so that a port that is taken or a certificate that cannot be read is known at once.
// Requests are answered after Start.
func New(options Options) (*Server, error) {
	if options.MessagesPerHour < 1 || options.MessagesPerHour > maxPerHour {
		return nil, fmt.Errorf("a learner may send %d messages an hour; it must be 1 to %d", options.MessagesPerHour, maxPerHour)
	}
	description, err := doors.Describe(openAPI, prefix)
	if err != nil {
		return nil, err
	}
	// What nobody asked for before would be read when the first learner comes.
	for _, kind := range []client.Object{&v1alpha1.LearningPlatform{}, &v1alpha1.LearnerMessage{}} {
		if _, err := options.Cache.GetInformer(context.Background(), kind, cache.BlockUntilSynced(false)); err != nil {
			return nil, fmt.Errorf("cannot watch what learners ask for: %w", err)
		}
	}
	door, err := doors.Open("learner", options.BindAddress, options.CertDir)
	if err != nil {
		return nil, err
	}
	return &Server{
		Door:        door,
		cache:       options.Cache,
		description: description,
		reception: reception{
			cached:   options.Cache, // the client would wait for what the controllers write
			platform: client.ObjectKey{Namespace: options.Namespace, Name: options.Platform},
			clock:    options.Clock,
		},
		messages: messages{
			cached: options.Client,
			live:   options.APIReader,
			paces:  doors.NewRates(rate.Every(time.Hour/time.Duration(options.MessagesPerHour)), options.MessagesPerHour),
		},
		clock: options.Clock,
	}, nil
}

// Ready says whether learners are answered: a check for /readyz.
func (s *Server) Ready(r *http.Request) error { return s.synced.Ready(r) }

// Start serves until the context ends, and then lets the requests that have begun end.
func (s *Server) Start(ctx context.Context) error {
	return s.Serve(ctx, doors.Serving{
		Handler:       s.Handler(),
		HeaderTimeout: headerTimeout,
		ReadTimeout:   readTimeout,
		WorkTimeout:   workTimeout,
		Tasks:         []func(context.Context) error{s.synced.Await(s.cache)},
	})
}
