// Package hints takes the events that the openedx-webhooks plugin of an LMS sends, as hints: each is compared with what
// Rollcall knows, and at most asks for a check. Whoever has the secret address can cause calls to the LMS, and nothing else.
package hints

import (
	"context"
	"io"
	"net/http"
	"time"

	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/webhook/problem"
)

// Path is where an event is sent to, below the prefix of all addresses.
const Path = "/hints/{namespace}/{platform}/{token}"

const (
	// maxBody is more than any event of a learner has.
	maxBody = 64 << 10
	// maxWaiting is how many hints wait at a time. What is beyond is dropped: the next sweep finds it.
	maxWaiting = 10_000
	// settling is how long a hint waits, so that what Rollcall does itself is in its cache when the LMS tells of it.
	settling = 5 * time.Second
)

// Receiver takes hints on every replica, and asks for checks by an annotation, which the one that reconciles sees.
type Receiver struct {
	client  client.Client
	tokens  *tokens
	clock   clock.Clock
	waiting chan waitingHint
}

// waitingHint is a hint that came a moment ago. All wait equally long, so they are due in the order they came.
type waitingHint struct {
	hint
	due time.Time
}

// New makes a receiver. The client reads from a cache with the indexes of internal/index; Secrets are read with the other.
func New(cached client.Client, live client.Reader, clock clock.Clock) *Receiver {
	return &Receiver{
		client: cached, clock: clock, waiting: make(chan waitingHint, maxWaiting),
		tokens: &tokens{cached: cached, live: live, clock: clock, known: map[client.ObjectKey]knownToken{}},
	}
}

// ServeHTTP takes an event at Path. The LMS lets a learner wait for the answer, so it comes at once, whatever follows.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	platform := client.ObjectKey{Namespace: request.PathValue("namespace"), Name: request.PathValue("platform")}
	if !r.tokens.allow(request.Context(), platform, request.PathValue("token")) {
		problem.NotFound("There is nothing at this path.").Write(w, request)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBody))
	if err != nil {
		problem.TooLarge("event", maxBody).Write(w, request)
		return
	}
	if told, ok := parse(request.Header.Get("Content-Type"), body); ok {
		told.platform = platform
		select {
		case r.waiting <- waitingHint{told, r.clock.Now().Add(settling)}:
		default:
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

// NeedLeaderElection makes the manager start the receiver on every replica.
func (r *Receiver) NeedLeaderElection() bool { return false }

// Start looks into hints, one after the other, until the context ends.
func (r *Receiver) Start(ctx context.Context) error {
	log := ctrl.LoggerFrom(ctx).WithName("hints")
	for {
		select {
		case <-ctx.Done():
			return nil
		case told := <-r.waiting:
			select {
			case <-ctx.Done():
				return nil
			case <-r.clock.After(told.due.Sub(r.clock.Now())):
			}
			if err := r.look(ctx, told.hint); err != nil && ctx.Err() == nil {
				log.Error(err, "Cannot follow a hint", "platform", told.platform)
			}
		}
	}
}
