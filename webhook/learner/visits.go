package learner

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"k8s.io/apimachinery/pkg/types"

	"rollcall.dev/rollcall/webhook/problem"
)

// maxAtATime is how many requests of one learner are worked on at a time. It is more than a page sends, and leaves places for
// others, however slowly one learner sends and reads.
const maxAtATime = 16

// visits are the requests of known learners that are under way.
type visits struct {
	mu sync.Mutex
	of map[types.UID]*visit // by that of the contact
}

// visit is what one learner has under way.
type visit struct {
	requests int
	// storing is held while a message of the learner's is stored: how many that are is known only one after another.
	storing *semaphore.Weighted
}

// begin adds a request of a learner's, unless there are too many already. Each that was added has to end.
func (v *visits) begin(learner types.UID) (*visit, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	begun := v.of[learner]
	if begun == nil {
		begun = &visit{storing: semaphore.NewWeighted(1)}
		if v.of == nil {
			v.of = map[types.UID]*visit{}
		}
		v.of[learner] = begun
	}
	if begun.requests == maxAtATime {
		return nil, problem.TooManyRequests("Rollcall works on as many requests of yours as it does at a time.", time.Second)
	}
	begun.requests++
	return begun, nil
}

func (v *visits) end(learner types.UID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	begun := v.of[learner]
	if begun.requests--; begun.requests == 0 {
		delete(v.of, learner)
	}
}
