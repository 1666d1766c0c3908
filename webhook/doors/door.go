// Package doors is what Rollcall's HTTPS doors have in common: the server with a certificate that may change, handlers that
// return problems, the reading of bodies, rates, and the description of an API.
package doors

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/certwatcher"
	"sigs.k8s.io/controller-runtime/pkg/manager"
)

const (
	// AnswerTimeout is for the answer to arrive, after the work on it.
	AnswerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
	// maxStreams is how many requests at a time one HTTP/2 connection may have: a client that has more waits by itself,
	// and does not take all that a door works on at a time.
	maxStreams = 100
)

// Door listens, and serves on every replica: no request needs a leader.
type Door struct {
	name         string
	listener     net.Listener
	certificates *certwatcher.CertWatcher
}

// Open listens, so that a port that is taken or a certificate that cannot be read is known at once. The folder holds tls.crt
// and tls.key, which are read again when they change. Requests are answered by Serve.
func Open(name, bindAddress, certDir string) (*Door, error) {
	certificates, err := certwatcher.New(filepath.Join(certDir, "tls.crt"), filepath.Join(certDir, "tls.key"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the certificate of the %s: %w", name, err)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", bindAddress)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for the %s: %w", name, err)
	}
	return &Door{name, listener, certificates}, nil
}

// NeedLeaderElection makes the manager start the door on every replica.
func (d *Door) NeedLeaderElection() bool { return false }

// Addr is where the door listens.
func (d *Door) Addr() net.Addr { return d.listener.Addr() }

// Close ends a door that was never served.
func (d *Door) Close() error { return d.listener.Close() }

// Serving is what a door serves, and how.
type Serving struct {
	Handler http.Handler
	// ClientAuth is what a handshake asks of a client. Default: no certificate.
	ClientAuth tls.ClientAuthType
	// HeaderTimeout, ReadTimeout and WorkTimeout are how long the header of a request and all of it may take to arrive, and
	// the work on it.
	HeaderTimeout, ReadTimeout, WorkTimeout time.Duration
	// Tasks go on beside it, until their context ends.
	Tasks []func(context.Context) error
	// OnShutdown is called when the door begins to end.
	OnShutdown func()
}

// Serve serves until the context ends, and then lets the requests that have begun end.
func (d *Door) Serve(ctx context.Context, serving Serving) error {
	log := ctrl.LoggerFrom(ctx).WithName(d.name)
	writeTimeout := serving.ReadTimeout + serving.WorkTimeout + AnswerTimeout
	server := &http.Server{
		Handler: serving.Handler,
		TLSConfig: &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: d.certificates.GetCertificate,
			ClientAuth:     serving.ClientAuth,
			NextProtos:     []string{"h2", "http/1.1"},
		},
		ReadHeaderTimeout: serving.HeaderTimeout,
		ReadTimeout:       serving.ReadTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams},
		// The end of ctx ends the server, not the requests.
		BaseContext: func(net.Listener) context.Context {
			return ctrl.LoggerInto(context.WithoutCancel(ctx), log)
		},
		// What one client does wrong in its handshake is no error of ours.
		ErrorLog: slog.NewLogLogger(logr.ToSlogHandler(log), slog.LevelDebug),
	}
	if serving.OnShutdown != nil {
		server.RegisterOnShutdown(serving.OnShutdown)
	}

	tasks, ctx := errgroup.WithContext(ctx)
	for _, task := range append(serving.Tasks, d.certificates.Start) {
		tasks.Go(func() error { return task(ctx) })
	}
	tasks.Go(func() error {
		return (&manager.Server{
			Name:            d.name,
			Server:          server,
			Listener:        tls.NewListener(d.listener, server.TLSConfig),
			ShutdownTimeout: &writeTimeout, // every request that has begun ends
		}).Start(ctx)
	})
	return tasks.Wait()
}
