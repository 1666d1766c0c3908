// Rollcall keeps an Open edX learning platform in step with a company's back office.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"os"
	"time"
	_ "time/tzdata" // The zones of access windows are known wherever Rollcall runs.

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/klog/v2"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/controllers"
	"rollcall.dev/rollcall/internal/index"
	"rollcall.dev/rollcall/internal/lms"
	"rollcall.dev/rollcall/internal/openedx"
	"rollcall.dev/rollcall/internal/tracing"
	"rollcall.dev/rollcall/webhook/doors"
	"rollcall.dev/rollcall/webhook/hints"
	"rollcall.dev/rollcall/webhook/ingest"
	"rollcall.dev/rollcall/webhook/learner"
)

// options are what the flags say.
type options struct {
	ingestAddress, ingestCertDir, ingestClientCAFile string
	ingestNamespace, ingestPathPrefix                string
	ingestLimits                                     ingest.Limits
	learnerAddress, learnerCertDir, learnerPlatform  string
	learnerMessagesPerHour                           int
	metricsAddress, probeAddress                     string
	otlpEndpoint                                     string
	leaderElect                                      bool
	leaseNamespace                                   string
}

func main() {
	if err := command().ExecuteContext(ctrl.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "rollcall:", err)
		os.Exit(exitCode(err))
	}
}

// command is the program: it runs Rollcall as its flags say. Its subcommands are the loader and the report.
func command() *cobra.Command {
	o := options{ingestLimits: ingest.DefaultLimits()}
	logging := zap.Options{}
	c := &cobra.Command{
		Use:               "rollcall",
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: displayName()},
		Short:             "Keep an Open edX learning platform in step with a company's back office",
		Args:              cobra.NoArgs,
		SilenceErrors:     true, // main prints them
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(c *cobra.Command, _ []string) error {
			logger := newLogger(logging)
			ctrl.SetLogger(logger)
			klog.SetLogger(logger) // for Kubernetes' own libraries
			return run(c.Context(), o)
		},
	}
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.ingestAddress, "ingest-bind-address", ":8443", "address of the ingest API, HTTPS")
	flags.StringVar(&o.ingestCertDir, "ingest-cert-dir", "/var/run/rollcall/ingest-cert", "folder with the ingest API's certificate, tls.crt and tls.key; a new one is taken up at once")
	flags.StringVar(&o.ingestClientCAFile, "ingest-client-ca-file", "", "file with the authorities of client certificates, PEM; a new one is taken up at once; without it only tokens are accepted")
	flags.StringVar(&o.ingestNamespace, "ingest-namespace", "default", "namespace that documents are stored in")
	flags.StringVar(&o.ingestPathPrefix, "ingest-path-prefix", "/gk/api", "what comes before /contacts/ in the path of a document")
	o.ingestLimits.AddFlags(flags)
	flags.StringVar(&o.learnerAddress, "learner-bind-address", "0", "address of the learner API, HTTPS; 0 serves none")
	flags.StringVar(&o.learnerCertDir, "learner-cert-dir", "/var/run/rollcall/learner-cert", "folder with the learner API's certificate, tls.crt and tls.key; a new one is taken up at once")
	flags.StringVar(&o.learnerPlatform, "learner-platform", "default", "LearningPlatform whose learners call, in the namespace that documents are stored in")
	flags.IntVar(&o.learnerMessagesPerHour, "learner-messages-per-hour", 20, "messages that one learner may send in an hour, on each replica, 1 to 1000000; beyond it the answer is 429")
	flags.StringVar(&o.metricsAddress, "metrics-bind-address", "0", "address of the metrics, HTTPS with Kubernetes' authentication; 0 serves none")
	flags.StringVar(&o.probeAddress, "health-probe-bind-address", ":8081", "address of /healthz and /readyz")
	flags.StringVar(&o.otlpEndpoint, "otlp-endpoint", "", "URL of the OTLP collector that gets the traces, gRPC, such as http://collector:4317; none gets them by default. OTEL_* variables set the rest")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "there are several replicas: all of them take documents, one of them reconciles")
	flags.StringVar(&o.leaseNamespace, "leader-election-namespace", "", "namespace in which the replicas settle who reconciles (default the one that Rollcall runs in; outside of a cluster it is needed)")
	logging.BindFlags(flag.CommandLine)
	flags.AddGoFlagSet(flag.CommandLine) // those of the logging, and the kubeconfig
	c.AddCommand(pushCommand(), reportCommand())
	return c
}

func run(ctx context.Context, o options) error {
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("cannot find a cluster: %w", err)
	}
	stopTracing, err := tracing.Start(ctx, o.otlpEndpoint)
	if err != nil {
		return err
	}
	defer stopTracing()
	mgr, err := newManager(restConfig, o, clock.RealClock{})
	if err != nil {
		return err
	}
	return mgr.Start(ctx)
}

// newManager wires everything together. What is adjusted is for tests, which run several managers side by side.
func newManager(restConfig *rest.Config, o options, clock clock.Clock, adjust ...func(*ctrl.Options)) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	utilruntime.Must(clientgoscheme.AddToScheme(scheme))
	utilruntime.Must(v1alpha1.AddToScheme(scheme))

	managerOptions := ctrl.Options{
		Scheme: scheme,
		// Standby replicas take documents too, and fill their caches before they lead.
		Controller: config.Controller{EnableWarmup: new(true)},
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			// Of these it is only followed that they change: kubectl keeps all that they hold in an annotation.
			ByObject: map[client.Object]cache.ByObject{
				&corev1.Secret{}:    {Transform: stripAnnotations},
				&corev1.ConfigMap{}: {Transform: stripAnnotations},
				// Of these, all but the text.
				&v1alpha1.LearnerMessage{}: {Transform: index.WithoutText},
			},
		},
		// A read waits for one's own writes: a document that was just replaced never looks identical to the old one.
		Client: client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},
		Metrics: metricsserver.Options{
			BindAddress:    o.metricsAddress,
			SecureServing:  true,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
			TLSOpts:        []func(*tls.Config){func(c *tls.Config) { c.NextProtos = []string{"http/1.1"} }},
		},
		HealthProbeBindAddress:        o.probeAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              "rollcall.rollcall.dev",
		LeaderElectionNamespace:       o.leaseNamespace,
		LeaderElectionReleaseOnCancel: true,
		// The last answers, or what a mail server says of the message that it is about to take, and then giving up the lease.
		GracefulShutdownTimeout: new(max(o.ingestLimits.ReadTimeout+o.ingestLimits.RequestTimeout+2*doors.AnswerTimeout, 30*time.Second)),
	}
	for _, change := range adjust {
		change(&managerOptions)
	}
	mgr, err := ctrl.NewManager(restConfig, managerOptions)
	if err != nil {
		return nil, fmt.Errorf("cannot make the manager: %w", err)
	}
	if err := index.Register(context.Background(), mgr.GetFieldIndexer()); err != nil {
		return nil, err
	}

	connect := func(name string, spec v1alpha1.LearningPlatformSpec, clientID, clientSecret string) (lms.Platform, error) {
		return openedx.New(openedx.Config{
			Name: name, URL: spec.URL, ClientID: clientID, ClientSecret: clientSecret,
			AccountRoute: spec.AccountRoute, EnrollmentRoute: spec.EnrollmentRoute,
			EnrollPastWindow: ptr.Deref(spec.EnrollPastWindow, false), EnrollPastCapacity: ptr.Deref(spec.EnrollPastCapacity, false),
			CallsPerMinute: int(spec.CallsPerMinute), MaxCallsInFlight: int(spec.MaxCallsInFlight), Clock: clock,
		})
	}
	if err := controllers.SetUp(mgr, connect, clock); err != nil {
		return nil, err
	}
	receiver := hints.New(mgr.GetClient(), mgr.GetAPIReader(), clock)
	if err := mgr.Add(receiver); err != nil {
		return nil, err
	}
	door, err := ingest.New(ingest.Options{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Cache: mgr.GetCache(), Config: restConfig,
		Namespace: o.ingestNamespace, BindAddress: o.ingestAddress, PathPrefix: o.ingestPathPrefix, CertDir: o.ingestCertDir,
		ClientCAFile: o.ingestClientCAFile, Hints: receiver, Clock: clock, Replicated: o.leaderElect, Limits: o.ingestLimits,
	})
	if err != nil {
		return nil, err
	}
	if err := mgr.Add(door); err != nil {
		return nil, err
	}
	if err := mgr.AddReadyzCheck("ingest", door.Ready); err != nil {
		return nil, err
	}
	if o.learnerAddress != "0" {
		if err := addLearnerDoor(mgr, o, clock); err != nil {
			return nil, err
		}
	}
	return mgr, mgr.AddHealthzCheck("ping", healthz.Ping)
}

// stripAnnotations makes an object as small as it can be in a cache.
func stripAnnotations(cached any) (any, error) {
	if o, err := meta.Accessor(cached); err == nil {
		o.SetManagedFields(nil)
		o.SetAnnotations(nil)
	}
	return cached, nil
}

// addLearnerDoor lets learners in.
func addLearnerDoor(mgr ctrl.Manager, o options, clock clock.PassiveClock) error {
	door, err := learner.New(learner.Options{
		Client: mgr.GetClient(), APIReader: mgr.GetAPIReader(), Cache: mgr.GetCache(), Namespace: o.ingestNamespace, Platform: o.learnerPlatform,
		BindAddress: o.learnerAddress, CertDir: o.learnerCertDir, MessagesPerHour: o.learnerMessagesPerHour, Clock: clock,
	})
	if err != nil {
		return err
	}
	if err := mgr.Add(door); err != nil {
		return err
	}
	return mgr.AddReadyzCheck("learner", door.Ready)
}
