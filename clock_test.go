package main

import (
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// travelClock is the real clock, moved. Timers count by it, and so do the controllers' queues: what is planned for a time
// that is skipped comes at once.
type travelClock struct {
	clock.RealClock

	mu     sync.Mutex
	offset time.Duration
	timers map[*travelTimer]struct{}
	queues map[*travelQueue]struct{}
}

func (c *travelClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *travelClock) now() time.Time { return time.Now().Add(c.offset) }

func (c *travelClock) Since(t time.Time) time.Duration { return c.Now().Sub(t) }

// travelTo moves the clock to an instant.
func (c *travelClock) travelTo(t time.Time) {
	c.mu.Lock()
	c.offset = time.Until(t)
	now := c.now()
	var due []*travelTimer
	for timer := range c.timers {
		if timer.at.After(now) {
			timer.real.Reset(timer.at.Sub(now))
			continue
		}
		timer.real.Stop()
		delete(c.timers, timer)
		due = append(due, timer)
	}
	c.mu.Unlock()
	slices.SortFunc(due, func(a, b *travelTimer) int { return a.at.Compare(b.at) })
	for _, timer := range due {
		timer.do()
	}
}

// next is when the next timer is due.
func (c *travelClock) next() (at time.Time, planned bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for timer := range c.timers {
		if !planned || timer.at.Before(at) {
			at, planned = timer.at, true
		}
	}
	return at, planned
}

// idle says whether all queues are empty and nothing of them is worked on.
func (c *travelClock) idle() bool {
	c.mu.Lock()
	queues := slices.Collect(maps.Keys(c.queues))
	c.mu.Unlock()
	return !slices.ContainsFunc(queues, func(queue *travelQueue) bool { return !queue.idle() })
}

// NewTimer gives a timer that counts by this clock.
func (c *travelClock) NewTimer(d time.Duration) clock.Timer {
	fired := make(chan time.Time, 1)
	timer := c.afterFunc(d, func() { fired <- c.Now() })
	timer.fired = fired
	return timer
}

func (c *travelClock) afterFunc(d time.Duration, do func()) *travelTimer {
	timer := &travelTimer{clock: c, do: do}
	timer.Reset(d)
	return timer
}

// travelTimer does something once, when its clock shows the time.
type travelTimer struct {
	clock *travelClock
	at    time.Time
	do    func()
	real  *time.Timer
	fired chan time.Time
}

func (t *travelTimer) C() <-chan time.Time { return t.fired }

// Stop says whether it came in time.
func (t *travelTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.stop()
}

func (t *travelTimer) stop() bool {
	_, pending := t.clock.timers[t]
	if pending {
		t.real.Stop()
		delete(t.clock.timers, t)
	}
	return pending
}

func (t *travelTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	pending := t.stop()
	if t.clock.timers == nil {
		t.clock.timers = map[*travelTimer]struct{}{}
	}
	t.at = t.clock.now().Add(d)
	t.clock.timers[t] = struct{}{}
	t.real = time.AfterFunc(d, t.expire)
	return pending
}

func (t *travelTimer) expire() {
	t.clock.mu.Lock()
	due := !t.clock.now().Before(t.at) && t.stop()
	t.clock.mu.Unlock()
	if due {
		t.do()
	}
}

// NewQueue gives controller-runtime's queue, with delays that count by this clock.
func (c *travelClock) NewQueue(name string, limiter workqueue.TypedRateLimiter[reconcile.Request]) workqueue.TypedRateLimitingInterface[reconcile.Request] {
	queue := &travelQueue{
		PriorityQueue: priorityqueue.New(name, func(o *priorityqueue.Opts[reconcile.Request]) { o.RateLimiter = limiter }),
		clock:         c,
		planned:       map[reconcile.Request]*travelTimer{},
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queues == nil {
		c.queues = map[*travelQueue]struct{}{}
	}
	c.queues[queue] = struct{}{}
	return queue
}

// travelQueue keeps what is planned for later by itself, and hands the rest on.
type travelQueue struct {
	priorityqueue.PriorityQueue[reconcile.Request]
	clock *travelClock

	mu      sync.Mutex
	planned map[reconcile.Request]*travelTimer
	busy    int // with so many requests
}

func (q *travelQueue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.busy == 0 && q.Len() == 0
}

func (q *travelQueue) AddWithOpts(o priorityqueue.AddOpts, requests ...reconcile.Request) {
	if o.After <= 0 || o.RateLimited {
		q.PriorityQueue.AddWithOpts(o, requests...)
		return
	}
	for _, request := range requests {
		q.plan(o, request)
	}
}

func (q *travelQueue) AddAfter(request reconcile.Request, after time.Duration) {
	q.AddWithOpts(priorityqueue.AddOpts{After: after}, request)
}

// plan keeps the earlier one of two plans, as the queue does.
func (q *travelQueue) plan(o priorityqueue.AddOpts, request reconcile.Request) {
	at := q.clock.Now().Add(o.After)
	q.mu.Lock()
	defer q.mu.Unlock()
	if before := q.planned[request]; before != nil {
		if before.at.Before(at) {
			return
		}
		before.Stop()
	}
	after := o.After
	o.After = 0
	q.planned[request] = q.clock.afterFunc(after, func() { q.PriorityQueue.AddWithOpts(o, request) })
}

func (q *travelQueue) Get() (request reconcile.Request, shutdown bool) {
	request, _, shutdown = q.GetWithPriority()
	return request, shutdown
}

// GetWithPriority gives the next request. What was planned for it is forgotten: the visit plans again.
func (q *travelQueue) GetWithPriority() (request reconcile.Request, priority int, shutdown bool) {
	request, priority, shutdown = q.PriorityQueue.GetWithPriority()
	if shutdown {
		return request, priority, shutdown
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy++
	if plan := q.planned[request]; plan != nil {
		plan.Stop()
		delete(q.planned, request)
	}
	return request, priority, shutdown
}

func (q *travelQueue) Done(request reconcile.Request) {
	q.PriorityQueue.Done(request)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.busy--
}

func (q *travelQueue) ShutDown() {
	q.PriorityQueue.ShutDown()
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, plan := range q.planned {
		plan.Stop()
	}
	clear(q.planned)
	q.clock.mu.Lock()
	defer q.clock.mu.Unlock()
	delete(q.clock.queues, q)
}
