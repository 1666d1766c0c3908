// The sandbox is a stand-in for an Open edX LMS, to try Rollcall against. Beside the LMS's API it has what a learner sees: a
// page with Rollcall's web components, and the mailbox that learners' messages come to.
//
//	go run ./hack/sandbox --listen 127.0.0.1:18000 --world FILE.json --throttle 120 --latency real
//	curl -X PUT --data 2030-12-31T23:59:58Z http://127.0.0.1:18000/sandbox/clock
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

const shutdownTime = 5 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:18000", "`address` to listen on")
	worldFile := flags.String("world", "", "`file` with what the server holds at start (default a small demo world)")
	learnerAPI := flags.String("learner-api", "", "`URL` of Rollcall's learner API, which is then served here too, as an ingress would (default none)")
	learnerCA := flags.String("learner-ca", "", "`file` with the authority of its certificate, PEM")
	mailListen := flags.String("mail-listen", "", "`address` at which mail is taken by SMTP (default none)")
	throttle := flags.Int("throttle", 120, "enrollment `calls` a minute of a staff user, 0 for no limit")
	latency := flags.String("latency", "none", "\"real\" lets each call cost what it costs a real platform, or \"none\"")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}

	world := openedxtest.DemoWorld()
	if *worldFile != "" {
		var err error
		if world, err = readWorld(*worldFile); err != nil {
			return err
		}
	}
	clock := &movedClock{}
	options := []openedxtest.Option{openedxtest.WithThrottle(*throttle), openedxtest.WithClock(clock)}
	switch *latency {
	case "none":
	case "real":
		options = append(options, openedxtest.WithRealLatency())
	default:
		return fmt.Errorf("--latency is none or real, not %q", *latency)
	}
	if *throttle < 0 {
		return fmt.Errorf("--throttle is a number of calls, not %d", *throttle)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", *listen)
	if err != nil {
		return err
	}
	lms := openedxtest.New(world, options...)
	mux := http.NewServeMux()
	mux.Handle("/", lms)
	mux.Handle(clockPath, clock)
	if *learnerAPI != "" {
		proxy, err := newLearnerAPI(*learnerAPI, *learnerCA)
		if err != nil {
			return err
		}
		mux.Handle(learnerAPIPath, proxy)
		mux.Handle("GET "+learnerPath, learnerPage(lms))
		mux.Handle("PUT "+workPath, work(lms))
		mux.Handle("GET "+stylePath, style())
	}
	tasks, ctx := errgroup.WithContext(ctx)
	if *mailListen != "" {
		mailbox := &mailbox{}
		mail, err := new(net.ListenConfig).Listen(ctx, "tcp", *mailListen)
		if err != nil {
			return err
		}
		tasks.Go(func() error { return takeMail(ctx, mail, mailbox) })
		mux.Handle("GET "+mailboxPath, mailbox)
	}
	fmt.Printf("sandbox: Open edX stand-in at http://%s\n", listener.Addr())
	tasks.Go(func() error { return serve(ctx, listener, mux) })
	return tasks.Wait()
}

func readWorld(name string) (openedxtest.World, error) {
	file, err := os.Open(name)
	if err != nil {
		return openedxtest.World{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	world, err := openedxtest.ParseWorld(file)
	if err != nil {
		return openedxtest.World{}, fmt.Errorf("%s: %w", name, err)
	}
	return world, nil
}

// serve answers until the context ends.
func serve(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
		defer cancel()
		stopped <- server.Shutdown(ending)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
