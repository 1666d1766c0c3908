package controllers

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"k8s.io/utils/lru"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"rollcall.dev/rollcall/internal/brakes"
)

const (
	// contactsAtOnce and enrollmentsAtOnce are how many visits are made at a time: enough to fill batches. How much of that
	// reaches an LMS at once its call limits say.
	contactsAtOnce, enrollmentsAtOnce = 64, 200
	// rememberedTroubles is for how many objects of a kind an event is not repeated.
	rememberedTroubles = 10_000
	// rememberedAbsences is for how many learners who wait for an account it is remembered that they have none.
	rememberedAbsences = 100_000
	// visitTimeout ends a visit that hangs; each call to the LMS has a shorter one of its own.
	visitTimeout = 2 * time.Minute
)

// SetUp adds a controller for each kind to the manager. The indexes of internal/index have to be registered before.
func SetUp(mgr ctrl.Manager, connect Connect, clock clock.PassiveClock) error {
	connections := &platforms{
		cached:   mgr.GetClient(),
		live:     mgr.GetAPIReader(),
		connect:  connect,
		suspects: make(chan event.GenericEvent, 16),
		blamed:   lru.New(rememberedTroubles),
		open:     map[types.NamespacedName]connection{},
	}
	drifted := newDrift()
	base := func(kind string) reconciler {
		return reconciler{
			Client:       mgr.GetClient(),
			platforms:    connections,
			drift:        drifted,
			recorder:     mgr.GetEventRecorder("rollcall"),
			clock:        clock,
			troubles:     lru.New(rememberedTroubles),
			fieldManager: "rollcall-" + kind,
		}
	}
	removalBrakes := brakes.New(clock)
	for kind, controller := range map[string]interface{ setUp(mgr ctrl.Manager) error }{
		"learningplatform": &learningPlatformReconciler{base("learningplatform")},
		"accountsweep":     &accountSweeper{reconciler: base("accountsweep")},
		"course":           &courseReconciler{reconciler: base("course")},
		"contact":          &contactReconciler{reconciler: base("contact"), absences: lru.New(rememberedAbsences)},
		"enrollment":       &enrollmentReconciler{base("enrollment"), removalBrakes},
		"coursementor":     &courseMentorReconciler{base("coursementor")},
		"learnermessage":   &learnerMessageReconciler{reconciler: base("learnermessage"), live: promptReader{mgr.GetAPIReader()}, handedIn: lru.New(rememberedTroubles), unconfirmed: lru.New(rememberedTroubles)},
		"summary":          &summaryReconciler{reconciler: base("summary"), brakes: removalBrakes},
	} {
		if err := controller.setUp(mgr); err != nil {
			return fmt.Errorf("cannot set up the %s controller: %w", kind, err)
		}
	}
	return nil
}

// ownQueues is a clock that makes the queues too, and measures their delays. The system's clock does not: then the queues
// are controller-runtime's. One that tests move has to, or what is planned for a time that was skipped never comes.
type ownQueues interface {
	NewQueue(controllerName string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// options are those of a controller that makes so many visits at once. Failures of the API server, the only ones that reach the queue,
// are retried after 1 s to 5 min.
func (r *reconciler) options(atOnce int) controller.Options {
	options := controller.Options{
		MaxConcurrentReconciles: atOnce,
		ReconciliationTimeout:   visitTimeout,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](time.Second, 5*time.Minute),
	}
	if own, ok := r.clock.(ownQueues); ok {
		options.NewQueue = own.NewQueue
	}
	return options
}
